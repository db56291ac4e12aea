// Files that must be gone when the process ends: unix sockets and the pid file.

import CLinux
import Glibc

/// A file that this process made, recognised by its inode: what another process has put in its place
/// since then is left alone.
struct OwnFile: Sendable {
  let path: String
  private let device: dev_t
  private let inode: ino_t

  /// The file that is at `path` now; nil when there is none.
  init?(path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    self.path = path
    device = status.st_dev
    inode = status.st_ino
  }

  /// Removes the file, if it is still the same. False when it was ours and is still there.
  @discardableResult func remove() -> Bool {
    guard let current = OwnFile(path: path), current.device == device, current.inode == inode
    else { return true }
    return unlink(path) == 0
  }
}
