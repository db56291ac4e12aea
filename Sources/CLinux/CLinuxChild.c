// Another program, started and ended as a child of this process.

#include "CLinux.h"

#include <spawn.h>
#include <stdlib.h>
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
