// Processes that a number names, and locks that say which process that is.

#include "CLinux.h"

#include <signal.h>
#include <sys/syscall.h>

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
