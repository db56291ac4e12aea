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

  /// Connections that may wait until they are taken.
  private static let backlog: Int32 = 511

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
      _ = file.setMode(mode)
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

  /// Leaves the next connections to another process.
  public func close() { endBell.ring() }

  /// Takes no more connections, and removes the file.
  public func end() {
    close()
    file.remove()
  }

  /// Makes `identity` the owner of the file. Called before the process becomes that one.
  public func give(to identity: ProcessIdentity) throws(ProcessProblem) {
    guard file.isOurSocket else {
      throw ProcessProblem(message: "control unix:\(path): the socket was replaced")
    }
    if let error = file.give(user: identity.user, group: identity.group) {
      throw ProcessProblem(message: "control unix:\(path): \(error.describe())")
    }
  }

  /// Readable while connections wait, and once it is closed.
  var watched: (listener: Int32, bell: Int32) { (listener, endBell.descriptor) }

  /// Takes a connection that waits; nil when there is none. One gets in when others have used up
  /// the descriptors, too.
  func accept() throws(KernelError) -> Int32? {
    let descriptor = try DescriptorReserve.retrying { () throws(KernelError) in
      var peer = clinux_address()
      let descriptor = clinux_accept(listener, &peer)
      guard descriptor >= 0 || descriptor == -EAGAIN else {
        throw KernelError(result: Int(descriptor))
      }
      return descriptor
    }
    return descriptor >= 0 ? descriptor : nil
  }

  /// True when whoever is at the other end may ask: root, the user of this process, or a member of
  /// the file's group if the group has the right to connect.
  func admits(_ descriptor: Int32) -> Bool {
    var user: UInt32 = 0
    var group: UInt32 = 0
    guard clinux_peer_identity(descriptor, &user, &group) == 0 else { return false }
    if user == 0 || user == geteuid() { return true }
    let rights = file.rights
    return rights.mode & 0o020 != 0
      && (group == rights.group || clinux_peer_has_group(descriptor, rights.group) == 1)
  }

  /// Removes the file. That of a socket that was taken over stays, if it still belongs to the
  /// former process.
  public func remove(evenIfTaken: Bool = true) { if evenIfTaken || !isTaken { file.remove() } }
}
