// What needs _GNU_SOURCE (defined for this file by Package.swift) or is too rare to inline.

#include "CLinux.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>

int clinux_accept(int listener, struct clinux_address *peer) {
  union clinux_socket_address name = {.any = {.sa_family = AF_UNIX}};
  socklen_t size = sizeof name;
  int made = (int)CLINUX_RETRY(accept4(listener, &name.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (made >= 0) *peer = clinux_address_from(&name);
  return made;
}

long clinux_send_lines(int socket, const void *lines, size_t count) {
  // No datagram holds more over IPv4; the unix sockets' limit is higher.
  enum { batch = 64, longest = 65000 };
  const char *next = lines, *end = next + count;
  while (next < end) {
    struct mmsghdr messages[batch] = {0};
    struct iovec pieces[batch];
    const char *ends[batch];
    unsigned filled = 0;
    for (const char *line = next; line < end && filled < batch; filled++) {
      const char *stop = memchr(line, '\n', (size_t)(end - line));
      if (stop == NULL) stop = end;
      size_t size = (size_t)(stop - line);
      pieces[filled] = (struct iovec){(void *)line, size < longest ? size : longest};
      messages[filled].msg_hdr = (struct msghdr){.msg_iov = &pieces[filled], .msg_iovlen = 1};
      line = ends[filled] = stop < end ? stop + 1 : end;
    }
    long sent = CLINUX_RETRY(sendmmsg(socket, messages, filled, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (sent > 0) next = ends[sent - 1];
    if (sent < 0 && next == lines) return sent;
    if (sent < (long)filled) break;
  }
  return next - (const char *)lines;
}

int clinux_open(const char *path, int flags, uint32_t mode) {
  return (int)CLINUX_RETRY(open(path, flags | O_CLOEXEC | O_NOCTTY, (mode_t)mode));
}

int clinux_pin(const char *path) { return clinux_pin_at(AT_FDCWD, path, 0); }

int clinux_open_unnamed(const char *folder) {
  return (int)CLINUX_RETRY(open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600));
}

int clinux_open_at(int folder, const char *name, int flags, uint32_t mode) {
  return (int)CLINUX_RETRY(openat(folder, name, flags | O_CLOEXEC | O_NOCTTY, (mode_t)mode));
}

int clinux_pin_at(int folder, const char *name, int follows) {
  int flags = O_PATH | O_CLOEXEC | (follows ? 0 : O_NOFOLLOW);
  return (int)CLINUX_RETRY(openat(folder, name, flags));
}

int clinux_give(int pin, uint32_t user, uint32_t group) {
  return fchownat(pin, "", user, group, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

// fchmodat2 is younger than many kernels; the other way needs /proc.
int clinux_set_mode(int pin, uint32_t mode) {
  static const long fchmodat2_number = 452;
  if (syscall(fchmodat2_number, pin, "", mode, AT_EMPTY_PATH) == 0) return 0;
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", pin);
  return chmod(path, (mode_t)mode) < 0 ? -errno : 0;
}

// A pipe that is writable takes at least PIPE_BUF bytes without blocking (pipe(7)).
long clinux_write_at_once(int descriptor, const void *bytes, size_t count) {
  long sent = CLINUX_RETRY(send(descriptor, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT));
  if (sent != -ENOTSOCK) return sent;
  struct pollfd entry = {.fd = descriptor, .events = POLLOUT};
  int ready = (int)CLINUX_RETRY(poll(&entry, 1, 0));
  if (ready < 0) return ready;
  if (ready == 0) return -EAGAIN;
  return CLINUX_RETRY(write(descriptor, bytes, count < PIPE_BUF ? count : PIPE_BUF));
}

// Another process may have cut the file, or written at a place of its own since.
long clinux_write_at_end(int descriptor, const void *bytes, size_t count) {
  if (lseek(descriptor, 0, SEEK_END) < 0) return -errno;
  return CLINUX_RETRY(write(descriptor, bytes, count));
}

static int set_lock(int descriptor, short kind) {
  struct flock lock = {.l_type = kind, .l_whence = SEEK_SET};
  return (int)CLINUX_RETRY(fcntl(descriptor, F_OFD_SETLK, &lock));
}

int clinux_lock_open_file(int descriptor) { return set_lock(descriptor, F_WRLCK); }

int clinux_unlock_open_file(int descriptor) { return set_lock(descriptor, F_UNLCK); }

int clinux_duplicate(int descriptor) {
  return (int)CLINUX_RETRY(fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
}

int32_t clinux_utc_offset(int64_t seconds) {
  time_t time = (time_t)seconds;
  struct tm local;
  return localtime_r(&time, &local) == NULL ? 0 : (int32_t)local.tm_gmtoff;
}

void clinux_error_text(int code, char *text, size_t capacity) {
  char memory[128];
  const char *known = strerror_r(code, memory, sizeof memory);
  size_t count = strnlen(known, capacity - 1);
  memcpy(text, known, count);
  text[count] = 0;
}

// Tries ever larger sets: the kernel refuses one that is smaller than its own.
int clinux_available_processors(void) {
  for (int capacity = 1024; capacity <= 1 << 16; capacity *= 4) {
    cpu_set_t *set = CPU_ALLOC(capacity);
    if (set == NULL) break;
    size_t size = CPU_ALLOC_SIZE(capacity);
    int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
    if (errno != EINVAL) break;
  }
  return 1;
}

void clinux_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

void clinux_ignore_broken_pipes(void) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
}

// The first three are those that tell a process to go on.
static const int clinux_signals[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGQUIT, SIGINT};

static int clinux_block(size_t count, sigset_t *set) {
  sigemptyset(set);
  for (size_t index = 0; index < count; index++) sigaddset(set, clinux_signals[index]);
  return -pthread_sigmask(SIG_BLOCK, set, NULL);
}

int clinux_hold_signals(void) {
  sigset_t set;
  return clinux_block(3, &set);
}

int clinux_signal_create(void) {
  sigset_t set;
  int result = clinux_block(sizeof clinux_signals / sizeof *clinux_signals, &set);
  if (result != 0) return result;
  return (int)CLINUX_RETRY(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

int clinux_next_signal(int descriptor, int *sender, uint64_t *word) {
  struct signalfd_siginfo info;
  long count = CLINUX_RETRY(read(descriptor, &info, sizeof info));
  if (count == -EAGAIN) return 0;
  if (count < 0) return (int)count;
  int isSent = info.ssi_code == SI_USER || info.ssi_code == SI_QUEUE;
  *sender = isSent ? (int)info.ssi_pid : 0;
  *word = info.ssi_code == SI_QUEUE ? info.ssi_ptr : 0;
  return (int)info.ssi_signo;
}

int clinux_wait_for_any(int first, int second, int third, int milliseconds) {
  struct pollfd entries[] = {{.fd = first, .events = POLLIN},
                             {.fd = second, .events = POLLIN},
                             {.fd = third, .events = POLLIN}};
  int count = (int)CLINUX_RETRY(poll(entries, 3, milliseconds));
  if (count < 0) return count;
  int ready = 0;
  for (int index = 0; index < 3; index++) ready |= entries[index].revents != 0 ? 1 << index : 0;
  return ready;
}

int clinux_wait_for(int descriptor, int writes, int milliseconds) {
  struct pollfd entry = {.fd = descriptor, .events = writes ? POLLOUT : POLLIN};
  return (int)CLINUX_RETRY(poll(&entry, 1, milliseconds));
}

int clinux_peer_identity(int socket, uint32_t *user, uint32_t *group) {
  struct ucred peer = {0};
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -errno;
  *user = peer.uid;
  *group = peer.gid;
  return 0;
}

int clinux_peer_process(int socket) {
  struct ucred peer = {0};
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ? 0 : (int)peer.pid;
}

int clinux_peer_has_group(int socket, uint32_t group) {
  gid_t groups[1024];
  socklen_t size = sizeof groups;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) return 0;
  for (size_t index = 0; index < size / sizeof *groups; index++)
    if (groups[index] == group) return 1;
  return 0;
}

// A lease for reading is only given on a file that nobody has open for writing. Were it broken
// before it is given back, the signal would be one that means nothing, not SIGIO, which ends the
// process.
int clinux_is_being_written(int descriptor) {
  if (fcntl(descriptor, F_SETSIG, SIGURG) < 0) return -errno;
  if (fcntl(descriptor, F_SETLEASE, F_RDLCK) < 0) return errno == EAGAIN ? 1 : -errno;
  fcntl(descriptor, F_SETLEASE, F_UNLCK);
  return 0;
}

int clinux_file_mark(int folder, const char *name, uint64_t *node, uint64_t *born) {
  int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);
  struct statx status;
  *born = 0;
  if (statx(folder, name, flags, STATX_INO | STATX_BTIME, &status) == 0) {
    *node = status.stx_ino;
    if (status.stx_mask & STATX_BTIME)
      *born = (uint64_t)status.stx_btime.tv_sec * 1000000000u + status.stx_btime.tv_nsec;
    return 0;
  }
  // Filters of system calls that are older than this one refuse it.
  if (errno != ENOSYS && errno != EPERM) return -errno;
  struct stat older;
  if (fstatat(folder, name, &older, flags) < 0) return -errno;
  *node = older.st_ino;
  return 0;
}

int64_t clinux_file_system(int descriptor) {
  struct statfs status;
  return fstatfs(descriptor, &status) < 0 ? -1 : (int64_t)status.f_type & 0xffffffff;
}

void clinux_lower_priority(int niceness) {
  // On Linux this is about the calling thread, not about the process.
  setpriority(PRIO_PROCESS, 0, niceness);
}

int clinux_terminal_columns(int descriptor) {
  struct winsize size = {0};
  return ioctl(descriptor, TIOCGWINSZ, &size) < 0 ? 0 : size.ws_col;
}
