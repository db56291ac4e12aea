// One listening unix socket and its file.

import CLinux
import Glibc

enum UnixListener {
  /// A socket that listens at the path. As a rule everybody may connect, as with nginx; the
  /// folder's rights restrict that. A socket file that nobody listens on any more is replaced.
  ///
  /// The file is made with at most these rights, and then known by itself, not by its name: whoever
  /// may change the folder can put something else there.
  static func open(
    _ address: ListenAddress, mode: UInt32 = 0o666
  ) throws(ListenError) -> (Descriptor, OwnFile) {
    let place = try place(of: address)
    try removeStaleFile(address, place)
    let socket = try makeSocket(address)
    // What the umask takes away is added once the file is known.
    _ = fchmod(socket, mode)
    let result = Array(address.unixPath.utf8).withUnsafeBytes {
      clinux_bind_local(socket, $0.baseAddress, $0.count)
    }
    guard result == 0 else { throw closing(socket, address, KernelError(result: Int(result))) }
    guard let file = OwnFile(place), file.isOurSocket else {
      throw closing(socket, address, KernelError(code: ENOENT))
    }
    var error = file.setMode(mode)
    if error == nil && listen(socket, address.backlog) != 0 { error = KernelError(code: errno) }
    if let error {
      file.remove()
      throw closing(socket, address, error)
    }
    return (Descriptor(number: socket), file)
  }

  /// Whether `open` would work if nobody listened there; changes nothing. Nil when it would.
  static func check(_ address: ListenAddress) -> ListenError? {
    do throws(ListenError) {
      let place = try place(of: address)
      if let status = place.status {
        if status.st_mode & S_IFMT == S_IFSOCK { return nil }
        return ListenError(
          message: "listen \(address.text): \(KernelError(code: EADDRINUSE).describe())"
            + fileIsThere)
      }
      return FilePlace.checkCreating(address.unixPath).map { ListenError(address, $0) }
    } catch {
      return error
    }
  }

  private static let fileIsThere = " (the file is there)"

  private static func place(of address: ListenAddress) throws(ListenError) -> FilePlace {
    do throws(KernelError) {
      if address.unixPath.utf8.count > 107 { throw KernelError(code: ENAMETOOLONG) }
      return try FilePlace(address.unixPath, followsLast: false)
    } catch {
      throw ListenError(message: "listen \(address.text): \(error.describeOpening())")
    }
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
    return ListenError(address, error, hint: inUse ? fileIsThere : "")
  }

  /// Removes what a process that has ended left behind. Connecting tells: only where nobody listens
  /// it is refused.
  private static func removeStaleFile(
    _ address: ListenAddress, _ place: FilePlace
  ) throws(ListenError) {
    guard let status = place.status, status.st_mode & S_IFMT == S_IFSOCK else { return }
    let socket = try makeSocket(address)
    defer { _ = clinux_close(socket) }
    let result = Array(address.unixPath.utf8).withUnsafeBytes {
      clinux_connect_local(socket, $0.baseAddress, $0.count)
    }
    guard result == -ECONNREFUSED else {
      throw ListenError(
        address, KernelError(code: EADDRINUSE), hint: " (another process listens there)")
    }
    place.remove()
  }
}
