// Another program, started by this process. It is the child of a process between the two, the
// keeper, which says how it ends, and which ends when this one lets go: from then on the program is
// a child of the system's first process, or of whoever stands in for it, as a service manager wants
// it.

#include "CLinux.h"

#include <malloc.h>
#include <signal.h>
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

// What the keeper says: a letter and a number.
struct clinux_word {
  int kind;
  int value;
};
enum { CLINUX_STARTED = 1, CLINUX_FAILED = 2, CLINUX_ENDED = 3 };

static void clinux_say(int leash, int kind, int value) {
  struct clinux_word word = {kind, value};
  (void)CLINUX_RETRY(send(leash, &word, sizeof word, MSG_NOSIGNAL));
}

// Becomes the program, or returns the errno. Only the descriptors that are kept outlive exec.
static int clinux_become(const char *path, char *const arguments[], char *const environment[],
                         const int *kept, size_t kept_count) {
  for (size_t index = 0; index < kept_count; index++)
    if (fcntl(kept[index], F_SETFD, 0) < 0) return errno;
  execve(path, arguments, environment);
  return errno;
}

// The process between the two: it starts the program, says how that went and how the program ended,
// and ends when the leash does. It runs after a fork of a process with threads, so it may call
// nothing that takes a lock.
static _Noreturn void clinux_keep(int leash, const char *path, char *const arguments[],
                                  char *const environment[], const int *kept, size_t kept_count) {
  // Shared with the child until that has become the program.
  volatile int failure = 0;
  pid_t child = vfork();
  if (child == 0) {
    failure = clinux_become(path, arguments, environment, kept, kept_count);
    _exit(127);
  }
  if (child < 0) failure = errno;
  // What is open here is to be closed when others close it.
  if (leash > 0) syscall(SYS_close_range, 0u, (unsigned)leash - 1, 0u);
  syscall(SYS_close_range, (unsigned)leash + 1, ~0u, 0u);
  clinux_say(leash, failure != 0 ? CLINUX_FAILED : CLINUX_STARTED, failure != 0 ? failure : child);
  if (failure != 0) _exit(1);
  struct pollfd entry = {.fd = leash, .events = POLLIN};
  int has_ended = 0;
  while (poll(&entry, 1, has_ended ? -1 : 10) <= 0) {
    siginfo_t end = {0};
    // It is not reaped before the leash is let go: its number stays its own.
    if (has_ended || waitid(P_PID, (id_t)child, &end, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        end.si_pid != child)
      continue;
    has_ended = 1;
    clinux_say(leash, CLINUX_ENDED, end.si_code == CLD_EXITED ? end.si_status : -end.si_status);
  }
  if (has_ended) (void)CLINUX_RETRY(waitpid(child, NULL, WNOHANG));
  _exit(0);
}

static int clinux_hear(int leash, struct clinux_word *word, int flags) {
  ssize_t count = CLINUX_RETRY(recv(leash, word, sizeof *word, flags));
  return count < 0 ? (int)count : count == sizeof *word ? 1 : 0;
}

int clinux_spawn(const char *path, char *const arguments[], const char *added, const char *dropped,
                 const int *kept, size_t kept_count, struct clinux_child *child) {
  char **environment = clinux_environment(added, dropped);
  if (environment == NULL) return -ENOMEM;
  int pair[2];
  int code = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ? errno : 0;
  if (code != 0) {
    free(environment);
    return -code;
  }
  pid_t keeper = fork();
  if (keeper == 0) {
    close(pair[0]);
    clinux_keep(pair[1], path, arguments, environment, kept, kept_count);
  }
  code = keeper < 0 ? errno : 0;
  free(environment);
  close(pair[1]);
  struct clinux_word word = {CLINUX_FAILED, EIO};
  if (code == 0 && clinux_hear(pair[0], &word, 0) < 1) word.kind = CLINUX_FAILED;
  if (code == 0 && word.kind == CLINUX_FAILED) code = word.value;
  *child = (struct clinux_child){.process = word.value, .leash = pair[0], .keeper = keeper};
  if (code != 0) {
    close(pair[0]);
    if (keeper > 0) (void)CLINUX_RETRY(waitpid(keeper, NULL, 0));
    return -code;
  }
  child->handle = (int)syscall(SYS_pidfd_open, child->process, 0u);
  return 0;
}

int clinux_signal(const struct clinux_child *child, int signal) {
  if (child->handle < 0) return kill(child->process, signal) < 0 ? -errno : 0;
  return syscall(SYS_pidfd_send_signal, child->handle, signal, NULL, 0u) < 0 ? -errno : 0;
}

int clinux_child_end(const struct clinux_child *child, int *status) {
  struct clinux_word word;
  int result = clinux_hear(child->leash, &word, MSG_DONTWAIT);
  if (result == -EAGAIN) return 0;
  if (result < 1 || word.kind != CLINUX_ENDED) return -ECHILD;
  *status = word.value;
  return 1;
}

void clinux_let_go(struct clinux_child *child) {
  if (child->leash < 0) return;
  close(child->leash);
  child->leash = -1;
  (void)CLINUX_RETRY(waitpid(child->keeper, NULL, 0));
}

void clinux_trim_memory(void) { malloc_trim(0); }
