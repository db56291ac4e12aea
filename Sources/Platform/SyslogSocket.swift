// Datagram sockets to syslog servers.

import Basics
import CLinux
import HTTP

/// Sends lines to a syslog server, each as a message of its own.
public enum SyslogSocket {
  /// A socket to the server at `address`, or at `unixPath` when it is not empty. A server on
  /// another machine need not be there.
  public static func open(
    address: PeerAddress, unixPath: FrozenBytes
  ) -> Result<Descriptor, KernelError> {
    open(address: address, unixPath: unixPath.text)
  }

  /// The same by the path as text.
  static func open(
    address: PeerAddress, unixPath: String
  ) -> Result<Descriptor, KernelError> {
    var system = address.system
    let socket = clinux_datagram_socket(Int32(system.family))
    guard socket >= 0 else { return .failure(KernelError(result: Int(socket))) }
    let code =
      unixPath.isEmpty
      ? clinux_connect(socket, &system)
      : Array(unixPath.utf8).withUnsafeBytes {
        clinux_connect_local(socket, $0.baseAddress, $0.count)
      }
    guard code >= 0 else {
      _ = clinux_close(socket)
      return .failure(KernelError(result: Int(code)))
    }
    return .success(Descriptor(number: socket))
  }

  /// Sends whole lines without their ends; what is longer than a datagram is cut. Returns how many
  /// bytes of lines went out.
  public static func send(_ socket: Descriptor, _ lines: UnsafeRawBufferPointer) -> WriteResult {
    let result = clinux_send_lines(socket.number, lines.baseAddress, lines.count)
    if result >= 0 { return .bytes(result) }
    if result == -Int(EAGAIN) { return .wouldBlock }
    return .failed(KernelError(result: result))
  }
}
