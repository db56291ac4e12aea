// Calls about the process: threads' names, processors, signals, files. None of them is called while
// requests run.

#ifndef CLINUX_PROCESS_H
#define CLINUX_PROCESS_H

#include <stddef.h>
#include <stdint.h>

// Opens a file, closed by exec; `flags` and `mode` as in open(2).
int clinux_open(const char *path, int flags, uint32_t mode);

// Opens nothing but the name of a file, following no link: for asking which file it is.
int clinux_pin(const char *path);

// The number of the kind of file system that an open file lies on (see fstatfs(2)); -1 if unknown.
int64_t clinux_file_system(int descriptor);

// Writes what fits at once to a socket, pipe or terminal that somebody else has left blocking.
long clinux_write_at_once(int descriptor, const void *bytes, size_t count);

// Writes at the end of a regular file that was not opened for appending.
long clinux_write_at_end(int descriptor, const void *bytes, size_t count);

// Takes and gives back a lock on the whole file that belongs to the open file, not to the process
// (F_OFD_SETLK). -EAGAIN when another open file has it.
int clinux_lock_open_file(int descriptor);
int clinux_unlock_open_file(int descriptor);

// A second descriptor of the same open file, closed by exec.
int clinux_duplicate(int descriptor);

// Seconds that the local time is ahead of UTC at that time.
int32_t clinux_utc_offset(int64_t seconds);

// The text of an errno, cut to `capacity` bytes with the closing zero.
void clinux_error_text(int code, char *text, size_t capacity);

// A word of the command line, the program's name being number 0; NULL behind the last.
const char *clinux_argument(int number);

// Processors that this process may run on; at least 1.
int clinux_available_processors(void);

// Names the calling thread (at most 15 bytes), as `top -H` and debuggers show it.
void clinux_name_thread(const char *name);

// Ignores SIGPIPE and SIGXFSZ: a write to a pipe that nobody reads, or to a file that is as large
// as the process may make it, is then an error like any other.
void clinux_ignore_broken_pipes(void);

// Makes the signals that reload, reopen or upgrade wait until `clinux_signal_create` was called;
// left alone they would end the process.
int clinux_hold_signals(void);

// Blocks the signals that end, reopen, reload or upgrade in the calling thread and in those that it
// starts, and returns a descriptor from which `clinux_next_signal` takes them.
int clinux_signal_create(void);

// The next of those signals, 0 when there is none, or the negated errno. `sender` becomes the
// process that sent it, or 0.
int clinux_next_signal(int descriptor, int *sender);

// 1 when anybody has the file, here opened for reading, open for writing too; 0 when nobody has.
// A negated errno where the file system can't tell, or the file is somebody else's.
int clinux_is_being_written(int descriptor);

// Lowers the calling thread's share of the processor; 19 is the least.
void clinux_lower_priority(int niceness);

// Waits until one of three descriptors is readable, of which negative ones never are. The sum of 1
// for the first, 2 for the second, 4 for the third; 0: the time is over, which it never is for a
// negative one.
int clinux_wait_for_any(int first, int second, int third, int milliseconds);

// Waits until a descriptor is readable (or writable, when `writes` is not 0). 0: the time is over.
int clinux_wait_for(int descriptor, int writes, int milliseconds);

// Who is at the other end of a unix socket: the user, and its first group.
int clinux_peer_identity(int socket, uint32_t *user, uint32_t *group);

// The process at the other end of a unix socket when the connection was made; 0 if unknown.
int clinux_peer_process(int socket);

// Two connected sockets that keep messages apart, non-blocking and closed by exec. 0, or the
// negated errno.
int clinux_message_pair(int pair[2]);

// Starts the program at `path` as a child of this process; `arguments` end with a null pointer. It
// gets our environment with the variable `added` ("NAME=value") and without that of the name
// `dropped`; and of our descriptors the standard streams and `kept`. Signals that are blocked here
// are blocked there. 0, or the negated errno.
int clinux_spawn(const char *path, char *const arguments[], const char *added, const char *dropped,
                 const int *kept, size_t kept_count, int *process);

// Takes what is left of a child that has ended. Its number, or 0 when it still runs; `status`
// becomes its exit code, or the negated number of the signal that ended it.
int clinux_reap(int process, int *status);

// Whether who is at the other end of a unix socket has that further group.
int clinux_peer_has_group(int socket, uint32_t group);

#endif
