// Files that must be gone when the process ends: unix sockets and the pid file.

import CLinux
import Glibc

/// A file that this process made: what another process has put in its place since then is left
/// alone.
final class OwnFile: Sendable {
  let path: String
  private let place: FilePlace
  /// Names the file itself. While it is open no other file can get the same inode number.
  private let pin: Int32

  /// The file that is at `path` now; nil when there is none.
  convenience init?(path: String) {
    guard let place = try? FilePlace(path, followsLast: false) else { return nil }
    self.init(place)
  }

  /// The file that is at that place now; nil when there is none.
  init?(_ place: FilePlace) {
    self.place = place
    path = place.path
    pin = clinux_pin_at(place.folder, place.name, 0)
    if pin < 0 { return nil }
  }

  deinit { if pin >= 0 { _ = clinux_close(pin) } }

  /// The group of the file, and its rights.
  var rights: (group: UInt32, mode: UInt32) {
    let status = status
    return (status.st_gid, status.st_mode)
  }

  /// True when it is a unix socket of this process' user with no other name: what somebody else put
  /// in the place of ours is not.
  var isOurSocket: Bool {
    let status = status
    return status.st_mode & S_IFMT == S_IFSOCK && status.st_uid == geteuid()
      && status.st_nlink == 1
  }

  /// True when it is a unix socket.
  var isSocket: Bool { status.st_mode & S_IFMT == S_IFSOCK }

  private var status: stat {
    var status = stat()
    return fstat(pin, &status) == 0 ? status : stat()
  }

  /// Changes its rights, by no name. Nil when it worked.
  func setMode(_ mode: UInt32) -> KernelError? {
    if status.st_mode & 0o7777 == mode { return nil }
    let result = clinux_set_mode(pin, mode)
    return result == 0 ? nil : KernelError(result: Int(result))
  }

  /// Gives it to somebody else, by no name. Nil when it worked.
  func give(user: UInt32, group: UInt32) -> KernelError? {
    let result = clinux_give(pin, user, group)
    return result == 0 ? nil : KernelError(result: Int(result))
  }

  /// True when the file is still what its path names.
  var isThere: Bool {
    guard let ours = FileIdentity(ofDescriptor: pin) else { return false }
    return ours == FileIdentity(ofPath: path)
  }

  /// Removes the file, if it is still the same. False when it was ours and is still there.
  @discardableResult func remove() -> Bool {
    guard isThere, let there = place.status, FileIdentity(there) == FileIdentity(ofDescriptor: pin)
    else { return true }
    return place.remove() == nil
  }
}
