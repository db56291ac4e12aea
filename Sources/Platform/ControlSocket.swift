// The socket of `control`: questions about the running process come by it, from few people.

import CLinux
import Glibc
import HTTP

/// A listening unix socket that only certain users may connect to.
public final class ControlSocket: Sendable {
  private let path: String
  private let mode: UInt32
  private let listener: Int32
  private let file: OwnFile
  /// True when a former process has opened it.
  private let isTaken: Bool
  private let endBell: EndBell

  /// Connections that may wait; they are served one after the other.
  private static let backlog: Int32 = 16

  /// Listens at `path`, maybe by a socket that was passed on; `mode` are the rights of the file.
  public init(
    path: String, mode: UInt32, inherited: InheritedSockets = InheritedSockets()
  ) throws(ListenError) {
    let address = ListenAddress(address: .unix, unixPath: path, backlog: ControlSocket.backlog)
    let given = inherited.sockets(for: address).first { $0.name == nil }
    do throws(KernelError) {
      endBell = try EndBell()
    } catch {
      throw ListenError(address, error)
    }
    self.path = path
    self.mode = mode
    if let given, let file = OwnFile(path: path) {
      (listener, self.file, isTaken) = (given.descriptor.number, file, true)
      _ = chmod(path, mode)
    } else {
      let (descriptor, file) = try UnixListener.open(address, mode: mode)
      (listener, self.file, isTaken) = (descriptor.number, file, false)
    }
  }

  deinit { _ = clinux_close(listener) }

  /// True when this is what those words ask for.
  public func isAt(_ path: String, mode: UInt32) -> Bool {
    self.path == path && self.mode == mode
  }

  /// What another process needs to answer in the place of this one.
  public var passedOn: [PassedDescriptor] {
    file.isThere ? [PassedDescriptor(Descriptor(number: listener))] : []
  }

  /// Leaves the next connections to another process: `next` returns nil.
  public func close() { endBell.ring() }

  /// Takes no more connections, and removes the file.
  public func end() {
    close()
    file.remove()
  }

  /// Makes `identity` the owner of the file. Called before the process becomes that one.
  public func give(to identity: ProcessIdentity) throws(ProcessProblem) {
    guard lchown(path, identity.user, identity.group) == 0 else {
      throw ProcessProblem(message: "control unix:\(path): \(KernelError(code: errno).describe())")
    }
  }

  /// Waits for the next connection; nil once it is closed.
  public func next() -> LocalStream? {
    while clinux_wait_for_any(listener, endBell.descriptor, -1, -1) & 2 == 0 {
      var peer = clinux_address()
      let descriptor = clinux_accept(listener, &peer)
      if descriptor >= 0 { return LocalStream(descriptor: descriptor) }
      // Without descriptors the same connection would be reported again and again.
      if descriptor != -EAGAIN { MachineTime.sleep(milliseconds: 100) }
    }
    return nil
  }

  /// True when whoever is at the other end may ask: root, the user of this process, or a member of
  /// the file's group if the group has the right to connect.
  public func admits(_ stream: borrowing LocalStream) -> Bool {
    guard let peer = stream.peer else { return false }
    if peer.user == 0 || peer.user == geteuid() { return true }
    let rights = file.rights
    return rights.mode & 0o020 != 0 && stream.belongs(toGroup: rights.group)
  }

  /// Removes the file. That of a socket that was taken over stays, if it still belongs to the
  /// former process.
  public func remove(evenIfTaken: Bool = true) { if evenIfTaken || !isTaken { file.remove() } }
}
