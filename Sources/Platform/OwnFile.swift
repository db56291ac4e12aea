// Files that must be gone when the process ends: unix sockets and the pid file.

import CLinux
import Glibc

/// A file that this process made: what another process has put in its place since then is left
/// alone.
final class OwnFile: Sendable {
  let path: String
  /// Names the file itself. While it is open no other file can get the same inode number.
  private let pin: Int32

  /// The file that is at `path` now; nil when there is none.
  init?(path: String) {
    self.path = path
    pin = clinux_pin(path)
    if pin < 0 { return nil }
  }

  deinit { if pin >= 0 { _ = clinux_close(pin) } }

  /// The group of the file, and its rights.
  var rights: (group: UInt32, mode: UInt32) {
    var status = stat()
    return fstat(pin, &status) == 0 ? (status.st_gid, status.st_mode) : (0, 0)
  }

  /// True when the file is still what its path names.
  var isThere: Bool {
    guard let ours = FileIdentity(ofDescriptor: pin) else { return false }
    return ours == FileIdentity(ofPath: path)
  }

  /// Removes the file, if it is still the same. False when it was ours and is still there.
  @discardableResult func remove() -> Bool { isThere ? unlink(path) == 0 : true }
}
