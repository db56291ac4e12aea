// The system calls that Waybill makes, in the kernel's own convention: a result of zero or more,
// or the negated errno. Swift's Glibc module lacks half of them, and errno read from Swift is one
// more call; here both are settled in code that the compiler inlines.
//
// EINTR is retried in every call that may be retried. What needs _GNU_SOURCE is in CLinux.c: were
// it defined in this header, the module would no longer fit the Glibc module.

#ifndef CLINUX_H
#define CLINUX_H

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "CLinuxAddress.h"
#include "CLinuxProcess.h"
#include "CLinuxStaticFiles.h"

// Repeats `call` while a signal interrupts it; the value is the result or the negated errno.
#define CLINUX_RETRY(call)                       \
  ({                                             \
    long result_;                                \
    do {                                         \
      result_ = (call);                          \
    } while (result_ < 0 && errno == EINTR);     \
    result_ < 0 ? -(long)errno : result_;        \
  })

// MARK: Readiness

static inline int clinux_epoll_create(void) {
  return (int)CLINUX_RETRY(epoll_create1(EPOLL_CLOEXEC));
}

static inline int clinux_epoll_add(int epoll, int descriptor, uint32_t interest, uint64_t token) {
  struct epoll_event event = {.events = interest, .data = {.u64 = token}};
  return (int)CLINUX_RETRY(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event));
}

static inline int clinux_epoll_remove(int epoll, int descriptor) {
  struct epoll_event unused = {0};
  return (int)CLINUX_RETRY(epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &unused));
}

// Not retried: the caller computes the timeout anew.
static inline int clinux_epoll_wait(int epoll, struct epoll_event *events, int capacity,
                                    int milliseconds) {
  int count = epoll_wait(epoll, events, capacity, milliseconds);
  return count < 0 ? -errno : count;
}

// What a connection is watched for: every change of either direction, each once.
static inline uint32_t clinux_connection_interest(void) {
  return EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
}

// What a listening socket is watched for: as long as a connection waits. Of the workers that share
// a unix socket one is woken, not all.
static inline uint32_t clinux_listener_interest(void) { return EPOLLIN | EPOLLEXCLUSIVE; }

static inline int clinux_wake_create(void) {
  return (int)CLINUX_RETRY(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

static inline int clinux_wake_post(int descriptor) {
  uint64_t one = 1;
  return (int)CLINUX_RETRY(write(descriptor, &one, sizeof one));
}

// Posts since the last call, or -EAGAIN.
static inline long clinux_wake_take(int descriptor) {
  uint64_t count = 0;
  long result = CLINUX_RETRY(read(descriptor, &count, sizeof count));
  return result < 0 ? result : (long)count;
}

// MARK: Clocks and randomness

static inline uint64_t clinux_monotonic_nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline uint64_t clinux_wall_microseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_nsec / 1000u;
}

static inline long clinux_random(void *buffer, size_t count) {
  return CLINUX_RETRY(getrandom(buffer, count, 0));
}

// MARK: Bytes

// These three are asked for by number: the library's own functions are points where a thread may be
// cancelled, and preparing for that costs more than all else that they do.

static inline long clinux_receive(int socket, void *buffer, size_t count) {
  return CLINUX_RETRY(syscall(SYS_recvfrom, socket, buffer, count, 0, NULL, NULL));
}

static inline long clinux_send(int socket, const void *bytes, size_t count) {
  return CLINUX_RETRY(syscall(SYS_sendto, socket, bytes, count, MSG_NOSIGNAL, NULL, 0));
}

// Sends `count` pieces in order, as one message.
static inline long clinux_send_pieces(int socket, struct iovec *pieces, size_t count) {
  struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
  return CLINUX_RETRY(syscall(SYS_sendmsg, socket, &message, MSG_NOSIGNAL));
}

static inline long clinux_read(int descriptor, void *buffer, size_t count) {
  return CLINUX_RETRY(read(descriptor, buffer, count));
}

static inline long clinux_read_at(
    int descriptor, void *buffer, size_t count, uint64_t offset) {
  return CLINUX_RETRY(pread(descriptor, buffer, count, (off_t)offset));
}

static inline long clinux_write(int descriptor, const void *bytes, size_t count) {
  return CLINUX_RETRY(write(descriptor, bytes, count));
}

// Writes two pieces in order, as one write.
static inline long clinux_write_pieces(
    int descriptor, const void *first, size_t first_count, const void *second,
    size_t second_count) {
  struct iovec pieces[2] = {{(void *)first, first_count}, {(void *)second, second_count}};
  return CLINUX_RETRY(writev(descriptor, pieces, 2));
}

// Bytes that the peer of a TCP socket has not acknowledged; the FIN, once sent, counts as one.
static inline int clinux_unacknowledged(int socket) {
  int count = 0;
  return ioctl(socket, SIOCOUTQ, &count) < 0 ? -errno : count;
}

static inline int clinux_shutdown_reading(int socket) {
  return (int)CLINUX_RETRY(shutdown(socket, SHUT_RD));
}

static inline int clinux_shutdown_writing(int socket) {
  return (int)CLINUX_RETRY(shutdown(socket, SHUT_WR));
}

// The columns of a terminal; 0 when it does not know.
int clinux_terminal_columns(int descriptor);

// Not retried: on Linux the descriptor is gone even when a signal interrupts.
static inline int clinux_close(int descriptor) { return close(descriptor) < 0 ? -errno : 0; }

// MARK: Socket options

static inline int clinux_get_option(int socket, int level, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(socket, level, option, &value, &size) < 0 ? -errno : value;
}

static inline int clinux_set_option(int socket, int level, int option, int value) {
  return setsockopt(socket, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

// Makes a later close send a reset at once and drop what was not sent.
static inline int clinux_reset_on_close(int socket) {
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  return setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) < 0 ? -errno : 0;
}

// The state of a TCP connection (TCP_ESTABLISHED and so on).
static inline int clinux_tcp_state(int socket) {
  struct tcp_info info = {0};
  socklen_t size = sizeof info;
  return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ? -errno : info.tcpi_state;
}

#endif
