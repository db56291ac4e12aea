// One listening unix socket and its file.

import CLinux
import Glibc

enum UnixListener {
  /// A socket that listens at the path. As a rule everybody may connect, as with nginx; the
  /// folder's rights restrict that. A socket file that nobody listens on any more is replaced.
  static func open(
    _ address: ListenAddress, mode: UInt32 = 0o666
  ) throws(ListenError) -> (Descriptor, OwnFile) {
    try removeStaleFile(address)
    let socket = try makeSocket(address)
    let result = Array(address.unixPath.utf8).withUnsafeBytes {
      clinux_bind_local(socket, $0.baseAddress, $0.count)
    }
    guard result == 0 else { throw closing(socket, address, KernelError(result: Int(result))) }
    guard let file = OwnFile(path: address.unixPath),
      chmod(address.unixPath, mode) == 0, listen(socket, address.backlog) == 0
    else {
      let error = KernelError(code: errno)
      unlink(address.unixPath)
      throw closing(socket, address, error)
    }
    return (Descriptor(number: socket), file)
  }

  private static func makeSocket(_ address: ListenAddress) throws(ListenError) -> Int32 {
    let socket = clinux_socket(AF_UNIX)
    guard socket >= 0 else { throw ListenError(address, KernelError(result: Int(socket))) }
    return socket
  }

  private static func closing(
    _ socket: Int32, _ address: ListenAddress, _ error: KernelError
  ) -> ListenError {
    _ = clinux_close(socket)
    let inUse = error.code == EADDRINUSE
    return ListenError(address, error, hint: inUse ? " (the file is there)" : "")
  }

  /// Removes what a process that has ended left behind. Connecting tells: only where nobody listens
  /// it is refused.
  private static func removeStaleFile(_ address: ListenAddress) throws(ListenError) {
    var status = stat()
    guard lstat(address.unixPath, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
    let socket = try makeSocket(address)
    defer { _ = clinux_close(socket) }
    let result = Array(address.unixPath.utf8).withUnsafeBytes {
      clinux_connect_local(socket, $0.baseAddress, $0.count)
    }
    guard result == -ECONNREFUSED else {
      throw ListenError(
        address, KernelError(code: EADDRINUSE), hint: " (another process listens there)")
    }
    unlink(address.unixPath)
  }
}
