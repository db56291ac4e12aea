#include "include/CLinuxStaticFiles.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "include/CLinux.h"

// Neither a FIFO nor a device makes who opens it wait, and a terminal does not become the
// process's.
#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define FOLDER_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)

static void describe(const struct stat *from, struct clinux_file_status *status) {
  status->size = (uint64_t)from->st_size;
  status->modified = from->st_mtim.tv_sec;
  status->kind = S_ISREG(from->st_mode)   ? CLINUX_FILE_REGULAR
                 : S_ISDIR(from->st_mode) ? CLINUX_FILE_FOLDER
                                          : CLINUX_FILE_OTHER;
  status->executable = (from->st_mode & S_IXUSR) != 0;
}

// Opens one name of a folder as `links` says; the descriptor or the negated errno.
static int open_name(int folder, const char *name, int flags, int links) {
  int refused = links == CLINUX_LINKS_REFUSED ? O_NOFOLLOW : 0;
  int opened = (int)CLINUX_RETRY(openat(folder, name, flags | refused));
  if (opened < 0) return opened;
  struct stat link, target;
  if (refused) {
    // O_PATH opens a link itself. Where a folder is asked for it is none (ENOTDIR), as for nginx.
    if ((flags & O_PATH) && (fstat(opened, &link) < 0 || S_ISLNK(link.st_mode))) {
      close(opened);
      return -ELOOP;
    }
    return opened;
  }
  if (fstatat(folder, name, &link, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(link.st_mode) &&
      (fstat(opened, &target) < 0 || target.st_uid != link.st_uid)) {
    close(opened);
    return -ELOOP;
  }
  return opened;
}

// Opens a path name by name.
static int open_strictly(const char *path, int flags, int links, size_t trusted) {
  char name[NAME_MAX + 1];
  char begin[PATH_MAX];
  int folder;
  const char *rest = path;
  if (trusted > 0) {
    if (trusted >= sizeof begin) return -ENAMETOOLONG;
    memcpy(begin, path, trusted);
    begin[trusted] = 0;
    folder = (int)CLINUX_RETRY(open(begin, FOLDER_FLAGS));
    rest += trusted;
  } else if (*path == '/') {
    folder = (int)CLINUX_RETRY(open("/", FOLDER_FLAGS));
  } else {
    folder = (int)CLINUX_RETRY(open(".", FOLDER_FLAGS));
  }
  while (folder >= 0) {
    while (*rest == '/') rest++;
    const char *end = strchr(rest, '/');
    size_t count = end ? (size_t)(end - rest) : strlen(rest);
    if (count > NAME_MAX) {
      close(folder);
      return -ENAMETOOLONG;
    }
    memcpy(name, rest, count);
    name[count] = 0;
    int next = count == 0 ? (int)CLINUX_RETRY(openat(folder, ".", flags))
                          : open_name(folder, name, end ? FOLDER_FLAGS : flags, links);
    close(folder);
    if (!end) return next;
    folder = next;
    rest = end;
  }
  return folder;
}

int clinux_file_open(
    const char *path, int links, size_t trusted, struct clinux_file_status *status) {
  // Asked for by number, as sending is: the library's functions are points where a thread may be
  // cancelled.
  int file = links == CLINUX_LINKS_FOLLOWED
                 ? (int)CLINUX_RETRY(syscall(SYS_openat, AT_FDCWD, path, OPEN_FLAGS))
                 : open_strictly(path, OPEN_FLAGS, links, trusted);
  if (file < 0) return file;
  struct stat found;
  if (fstat(file, &found) < 0) {
    int error = -errno;
    close(file);
    return error;
  }
  describe(&found, status);
  return file;
}

int clinux_file_status(
    const char *path, int links, size_t trusted, struct clinux_file_status *status) {
  struct stat found;
  if (links == CLINUX_LINKS_FOLLOWED) {
    if (CLINUX_RETRY(stat(path, &found)) < 0) return -errno;
    describe(&found, status);
    return 0;
  }
  int file = open_strictly(path, O_PATH | O_CLOEXEC, links, trusted);
  if (file < 0) return file;
  int result = fstat(file, &found) < 0 ? -errno : 0;
  close(file);
  if (result == 0) describe(&found, status);
  return result;
}

int clinux_file_status_at(int folder, const char *name, struct clinux_file_status *status) {
  struct stat found;
  if (fstatat(folder, name, &found, 0) < 0 &&
      fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
    return -errno;
  describe(&found, status);
  return 0;
}

long clinux_file_read(int file, void *buffer, size_t count, uint64_t offset) {
  return CLINUX_RETRY(syscall(SYS_pread64, file, buffer, count, (off_t)offset));
}

int clinux_file_close(int file) { return syscall(SYS_close, file) < 0 ? -errno : 0; }

long clinux_send_file(int socket, int file, uint64_t offset, size_t count) {
  off_t position = (off_t)offset;
  return CLINUX_RETRY(sendfile(socket, file, &position, count));
}

long clinux_send_ahead(int socket, const void *bytes, size_t count) {
  return CLINUX_RETRY(
      syscall(SYS_sendto, socket, bytes, count, MSG_NOSIGNAL | MSG_MORE, NULL, 0));
}
