// Socket addresses: between the kernel's `sockaddr` family, which Swift can only reach by rebinding
// memory, and one plain struct.

#ifndef CLINUX_ADDRESS_H
#define CLINUX_ADDRESS_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

// An address of any family that Waybill speaks; for AF_UNIX nothing but the family counts.
struct clinux_address {
  uint16_t family;
  // Host byte order.
  uint16_t port;
  // The bytes of an IPv6 address, or in the first four those of an IPv4 address.
  uint8_t bytes[16];
};

// Room for an address of any family, as the kernel writes it.
union clinux_socket_address {
  struct sockaddr any;
  struct sockaddr_in ipv4;
  struct sockaddr_in6 ipv6;
  struct sockaddr_un local;
};

static inline struct clinux_address clinux_address_from(const union clinux_socket_address *from) {
  struct clinux_address address = {.family = from->any.sa_family};
  if (address.family == AF_INET) {
    address.port = ntohs(from->ipv4.sin_port);
    memcpy(address.bytes, &from->ipv4.sin_addr, 4);
  } else if (address.family == AF_INET6) {
    address.port = ntohs(from->ipv6.sin6_port);
    memcpy(address.bytes, &from->ipv6.sin6_addr, 16);
  }
  return address;
}

// Fills `to` and returns its size; 0 for AF_UNIX, see `clinux_local_address_to`.
static inline socklen_t clinux_address_to(const struct clinux_address *address,
                                          union clinux_socket_address *to) {
  memset(to, 0, sizeof *to);
  to->any.sa_family = address->family;
  if (address->family == AF_INET) {
    to->ipv4.sin_port = htons(address->port);
    memcpy(&to->ipv4.sin_addr, address->bytes, 4);
    return sizeof to->ipv4;
  }
  if (address->family == AF_INET6) {
    to->ipv6.sin6_port = htons(address->port);
    memcpy(&to->ipv6.sin6_addr, address->bytes, 16);
    return sizeof to->ipv6;
  }
  return 0;
}

// Fills `to` with a unix socket's path and returns its size; 0 when the path is too long. A first
// byte of zero means the abstract space, where a closing zero would be part of the name.
static inline socklen_t clinux_local_address_to(const void *path, size_t count,
                                                union clinux_socket_address *to) {
  memset(to, 0, sizeof *to);
  to->local.sun_family = AF_UNIX;
  if (count == 0 || count >= sizeof to->local.sun_path) return 0;
  memcpy(to->local.sun_path, path, count);
  size_t closing = to->local.sun_path[0] == 0 ? 0 : 1;
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + count + closing);
}

// The address that a socket is bound to.
static inline int clinux_local_address(int socket, struct clinux_address *address) {
  union clinux_socket_address name;
  socklen_t size = sizeof name;
  if (getsockname(socket, &name.any, &size) < 0) return -errno;
  *address = clinux_address_from(&name);
  return 0;
}

// A new socket of that family, non-blocking and closed by exec.
static inline int clinux_socket(int family) {
  int made = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return made < 0 ? -errno : made;
}

static inline int clinux_datagram_socket(int family) {
  int made = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return made < 0 ? -errno : made;
}

// Sends each line as a datagram, without its end. Returns the bytes of the lines that went out; the
// negated errno when none did.
long clinux_send_lines(int socket, const void *lines, size_t count);

// Begins a connection. Not retried: after EINTR it goes on by itself, as after EINPROGRESS.
static inline int clinux_connect(int socket, const struct clinux_address *to) {
  union clinux_socket_address name;
  socklen_t size = clinux_address_to(to, &name);
  return connect(socket, &name.any, size) < 0 ? -errno : 0;
}

static inline int clinux_connect_local(int socket, const void *path, size_t count) {
  union clinux_socket_address name;
  socklen_t size = clinux_local_address_to(path, count, &name);
  if (size == 0) return -ENAMETOOLONG;
  return connect(socket, &name.any, size) < 0 ? -errno : 0;
}

static inline int clinux_bind(int socket, const struct clinux_address *to) {
  union clinux_socket_address name;
  socklen_t size = clinux_address_to(to, &name);
  return bind(socket, &name.any, size) < 0 ? -errno : 0;
}

static inline int clinux_bind_local(int socket, const void *path, size_t count) {
  union clinux_socket_address name;
  socklen_t size = clinux_local_address_to(path, count, &name);
  if (size == 0) return -ENAMETOOLONG;
  return bind(socket, &name.any, size) < 0 ? -errno : 0;
}

// Takes a connection from a listening socket; the new one is non-blocking and closed by exec.
int clinux_accept(int listener, struct clinux_address *peer);

#endif
