// The socket of `control`: questions about the running process come by it, from few people.

import CLinux
import Glibc
import HTTP
import Synchronization

/// A listening unix socket that only certain users may connect to.
public final class ControlSocket: Sendable {
  private let path: String
  private let mode: UInt32
  private let listener: Int32
  private let file: OwnFile
  private let hasEnded = Atomic(false)

  /// Connections that may wait; they are served one after the other.
  private static let backlog: Int32 = 16

  /// Listens at `path`; `mode` are the rights of the file.
  public init(path: String, mode: UInt32) throws(ListenError) {
    let address = ListenAddress(address: .unix, unixPath: path, backlog: ControlSocket.backlog)
    let (descriptor, file) = try UnixListener.open(address, mode: mode)
    self.path = path
    self.mode = mode
    self.file = file
    listener = descriptor.number
  }

  deinit { _ = clinux_close(listener) }

  /// Makes `identity` the owner of the file. Called before the process becomes that one.
  public func give(to identity: ProcessIdentity) throws(ProcessProblem) {
    guard lchown(path, identity.user, identity.group) == 0 else {
      throw ProcessProblem(message: "control unix:\(path): \(KernelError(code: errno).describe())")
    }
  }

  /// Waits for the next connection; nil after `end`.
  public func next() -> LocalStream? {
    while true {
      _ = clinux_wait_for(listener, 0, -1)
      if hasEnded.load(ordering: .acquiring) { return nil }
      var peer = clinux_address()
      let descriptor = clinux_accept(listener, &peer)
      if descriptor >= 0 { return LocalStream(descriptor: descriptor) }
      // Without descriptors the same connection would be reported again and again.
      if descriptor != -EAGAIN { MachineTime.sleep(milliseconds: 100) }
    }
  }

  /// True when whoever is at the other end may ask: root, the user of this process, or a member of
  /// the file's group if the group has the right to connect.
  public func admits(_ stream: borrowing LocalStream) -> Bool {
    guard let peer = stream.peer else { return false }
    if peer.user == 0 || peer.user == geteuid() { return true }
    let rights = file.rights
    return rights.mode & 0o020 != 0 && stream.belongs(toGroup: rights.group)
  }

  /// Takes no more connections, and removes the file. Whoever waits in `next` is woken.
  public func end() {
    hasEnded.store(true, ordering: .releasing)
    _ = shutdown(listener, Int32(SHUT_RDWR))
    file.remove()
  }

  /// True when this is what those words ask for.
  public func isAt(_ path: String, mode: UInt32) -> Bool {
    self.path == path && self.mode == mode
  }

  /// Removes the file.
  public func remove() { file.remove() }
}
