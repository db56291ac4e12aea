// One listening TCP socket.

import CLinux
import Glibc
import HTTP

enum TCPListener {
  /// Fails when another process listens on the address. Opening with SO_REUSEPORT would not tell:
  /// two Waybills started by accident would each get half of the connections.
  static func probe(_ address: ListenAddress) throws(ListenError) {
    let socket = try makeSocket(address, sharesPort: false)
    _ = clinux_close(socket)
  }

  /// A socket that listens on the address, beside others of this process that do.
  static func open(_ address: ListenAddress) throws(ListenError) -> Descriptor {
    let socket = try makeSocket(address, sharesPort: true)
    // Accepted connections inherit it: responses are written whole, there is nothing to wait for.
    _ = clinux_set_option(socket, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    guard listen(socket, address.backlog) == 0 else {
      let error = KernelError(code: errno)
      _ = clinux_close(socket)
      throw ListenError(address, error)
    }
    return Descriptor(number: socket)
  }

  /// The address that a socket is bound to.
  static func address(of descriptor: Descriptor) -> PeerAddress {
    var address = clinux_address()
    _ = clinux_local_address(descriptor.number, &address)
    return PeerAddress(system: address)
  }

  /// A socket bound to the address, not yet listening.
  private static func makeSocket(
    _ address: ListenAddress, sharesPort: Bool
  ) throws(ListenError) -> Int32 {
    var target = address.address.system
    let socket = clinux_socket(Int32(target.family))
    guard socket >= 0 else { throw ListenError(address, KernelError(result: Int(socket))) }
    // Connections of a former process that linger in TIME_WAIT don't keep the port.
    _ = clinux_set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1)
    if sharesPort { _ = clinux_set_option(socket, SOL_SOCKET, SO_REUSEPORT, 1) }
    // As in nginx, [::]:80 leaves IPv4 to another `listen` unless it says otherwise.
    if address.address.family == .ipv6 {
      let isAlone: Int32 = address.isDualStack ? 0 : 1
      _ = clinux_set_option(socket, Int32(IPPROTO_IPV6), IPV6_V6ONLY, isAlone)
    }
    let result = clinux_bind(socket, &target)
    guard result == 0 else {
      _ = clinux_close(socket)
      let hint = result == -EADDRINUSE ? " (another process listens there)" : ""
      throw ListenError(address, KernelError(result: Int(result)), hint: hint)
    }
    return socket
  }
}
