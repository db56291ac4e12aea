// Files that are served: opened so that nothing blocks, and sent without a copy.

#ifndef CLINUX_STATIC_FILES_H
#define CLINUX_STATIC_FILES_H

#include <stddef.h>
#include <stdint.h>

// What a file is; the kinds that are told apart.
enum { CLINUX_FILE_REGULAR = 0, CLINUX_FILE_FOLDER = 1, CLINUX_FILE_OTHER = 2 };

// What becomes of symbolic links on the way to a file.
enum { CLINUX_LINKS_FOLLOWED = 0, CLINUX_LINKS_REFUSED = 1, CLINUX_LINKS_OF_OWNER = 2 };

struct clinux_file_status {
  uint64_t size;
  // Seconds since 1970.
  int64_t modified;
  int32_t kind;
  // 1 when its owner may execute it.
  int32_t executable;
};

// Opens a file for reading and fills `status`; a FIFO does not block. In the first `trusted` bytes
// of `path` links are followed whatever `links` says. The descriptor, or the negated errno: ELOOP
// for a link that must not be followed.
int clinux_file_open(
    const char *path, int links, size_t trusted, struct clinux_file_status *status);

// The status of a file that is not opened. 0 or the negated errno.
int clinux_file_status(
    const char *path, int links, size_t trusted, struct clinux_file_status *status);

// The status of what a name in an open folder stands for; of a link that leads nowhere, its own.
// 0 or the negated errno.
int clinux_file_status_at(int folder, const char *name, struct clinux_file_status *status);

// Reads from an offset; 0 at the end of the file.
long clinux_file_read(int file, void *buffer, size_t count, uint64_t offset);

// Not retried: the descriptor is gone even when a signal interrupts.
int clinux_file_close(int file);

// Sends bytes of a file to a socket; 0 at the end of the file.
long clinux_send_file(int socket, int file, uint64_t offset, size_t count);

// Sends bytes behind which more follow at once.
long clinux_send_ahead(int socket, const void *bytes, size_t count);

#endif
