// Other processes: programs that are started as children of this one, and processes that a number
// names.

#include "CLinux.h"

#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int clinux_message_pair(int pair[2]) {
  int type = SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC;
  return socketpair(AF_UNIX, type, 0, pair) < 0 ? -errno : 0;
}

// Ours, with `added` at the end; NULL without memory. The caller frees the list, not the texts.
static char **clinux_environment(const char *added, const char *dropped) {
  size_t count = 0, length = strlen(dropped);
  while (environ[count] != NULL) count++;
  char **list = calloc(count + 2, sizeof *list);
  if (list == NULL) return NULL;
  char **next = list;
  for (char **variable = environ; *variable != NULL; variable++)
    if (strncmp(*variable, dropped, length) != 0 || (*variable)[length] != '=') *next++ = *variable;
  *next = (char *)added;
  return list;
}

int clinux_spawn(const char *path, char *const arguments[], const char *added, const char *dropped,
                 const int *kept, size_t kept_count, int *process) {
  char **environment = clinux_environment(added, dropped);
  if (environment == NULL) return -ENOMEM;
  posix_spawn_file_actions_t actions;
  int code = posix_spawn_file_actions_init(&actions);
  if (code != 0) {
    free(environment);
    return -code;
  }
  // A descriptor that becomes itself is no longer closed by exec.
  for (size_t index = 0; index < kept_count && code == 0; index++)
    code = posix_spawn_file_actions_adddup2(&actions, kept[index], kept[index]);
  pid_t started = 0;
  if (code == 0) code = posix_spawn(&started, path, &actions, NULL, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  free(environment);
  *process = (int)started;
  return -code;
}

int clinux_reap(int process, int *status) {
  int state = 0;
  int result = (int)CLINUX_RETRY(waitpid(process, &state, WNOHANG));
  if (result > 0) *status = WIFSIGNALED(state) ? -WTERMSIG(state) : WEXITSTATUS(state);
  return result;
}

// The numbers are the same on all architectures; the C library may be older than the calls.
static const long pidfd_send_signal_number = 424;
static const long pidfd_open_number = 434;

int clinux_process_open(int process) {
  return (int)CLINUX_RETRY(syscall(pidfd_open_number, process, 0));
}

int clinux_process_signal(int descriptor, int process, int number, uint64_t word) {
  union sigval value = {.sival_ptr = (void *)(uintptr_t)word};
  if (descriptor < 0) return sigqueue(process, number, value) < 0 ? -errno : 0;
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = number;
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value = value;
  return syscall(pidfd_send_signal_number, descriptor, number, &info, 0) < 0 ? -errno : 0;
}

// Locks that belong to the process, not to the open file: an open file is passed on by an upgrade.
static int clinux_lock(int descriptor, int command, int64_t place, struct flock *lock) {
  *lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = place, .l_len = 1};
  return (int)CLINUX_RETRY(fcntl(descriptor, command, lock));
}

int clinux_lock_place(int descriptor, int64_t place) {
  struct flock lock;
  return clinux_lock(descriptor, F_SETLK, place, &lock);
}

int clinux_lock_owner(int descriptor, int64_t place, int *process) {
  struct flock lock;
  int result = clinux_lock(descriptor, F_GETLK, place, &lock);
  if (result < 0) return result;
  *process = (int)lock.l_pid;
  return lock.l_type == F_UNLCK ? 0 : 1;
}
