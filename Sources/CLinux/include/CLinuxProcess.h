// Calls about the process: threads' names, processors, signals, files. None of them is called while
// requests run.

#ifndef CLINUX_PROCESS_H
#define CLINUX_PROCESS_H

#include <stddef.h>
#include <stdint.h>

// Opens a file, closed by exec; `flags` and `mode` as in open(2).
int clinux_open(const char *path, int flags, uint32_t mode);

// Makes a file in a folder that has no name, to be read and written (O_TMPFILE).
int clinux_open_unnamed(const char *folder);

// Opens nothing but the name of a file, following no link: for asking which file it is.
int clinux_pin(const char *path);

// The same two for a name in an open folder (AT_FDCWD: the working folder).
int clinux_open_at(int folder, const char *name, int flags, uint32_t mode);
int clinux_pin_at(int folder, const char *name, int follows);

// Changes the owner, or the rights, of the file that a pin names. 0, or the negated errno.
int clinux_give(int pin, uint32_t user, uint32_t group);
int clinux_set_mode(int pin, uint32_t mode);

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
// process that sent it, or 0; `word` what it sent with it, or 0.
int clinux_next_signal(int descriptor, int *sender, uint64_t *word);

// A descriptor for a process, closed by exec, that stands for no other that gets its number later;
// it is readable once the process has ended.
int clinux_process_open(int process);

// Sends a signal and a word with it to the process of that descriptor; to that of the number when
// the descriptor is negative. 0, or the negated errno.
int clinux_process_signal(int descriptor, int process, int number, uint64_t word);

// Locks one byte of a file, which need not exist, for this process until it ends or closes any
// descriptor of the file. 0, or the negated errno.
int clinux_lock_place(int descriptor, int64_t place);

// 1 when another process has locked the byte; `process` becomes that one, or a number below 1 when
// it has none here. 0 when none has; the negated errno where files can't be locked.
int clinux_lock_owner(int descriptor, int64_t place, int *process);

// 1 when anybody has the file, here opened for reading, open for writing too; 0 when nobody has.
// A negated errno where the file system can't tell, or the file is somebody else's.
int clinux_is_being_written(int descriptor);

// What tells a file from all that its file system ever has under the same number: the number, and
// when the file was made, in nanoseconds since 1970 (0 where that is not known). A link is the link
// itself; an empty name means the descriptor. 0, or the negated errno.
int clinux_file_mark(int folder, const char *name, uint64_t *node, uint64_t *born);

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

// A program that was started, and the process that is its parent until it is let go.
struct clinux_child {
  int process;
  // A descriptor of the process (a pidfd); below 0 where the kernel has none.
  int handle;
  // A socket to the keeper, below 0 once it was let go, and the keeper's number.
  int leash;
  int keeper;
};

// Starts the program at `path`; `arguments` end with a null pointer. It gets our environment with
// the variable `added` ("NAME=value") and without that of the name `dropped`; and of our
// descriptors the standard streams and `kept`. Signals that are blocked here are blocked there. 0,
// or the negated errno.
int clinux_spawn(const char *path, char *const arguments[], const char *added, const char *dropped,
                 const int *kept, size_t kept_count, struct clinux_child *child);

// Sends a signal to it, and to no other process that has got its number. 0, or the negated errno.
int clinux_signal(const struct clinux_child *child, int signal);

// How it has ended: 0 while it runs, 1 once `status` is its exit code or the negated number of the
// signal that ended it, a negated errno when that is not known.
int clinux_child_end(const struct clinux_child *child, int *status);

// Lets go of it: when this returns it has another parent, or will be reaped by that.
void clinux_let_go(struct clinux_child *child);

// Gives memory that was freed, and that lies in whole pages, back to the system.
void clinux_trim_memory(void);

// Whether who is at the other end of a unix socket has that further group.
int clinux_peer_has_group(int socket, uint32_t group);

#endif
