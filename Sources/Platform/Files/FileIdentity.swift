// Which file it is, whatever it is called: names come to mean other files.

import Glibc

/// What tells one file from all others while it exists.
public struct FileIdentity: Hashable, Sendable {
  let device: UInt64
  let node: UInt64

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    node = UInt64(status.st_ino)
  }

  /// The file or socket that is open under that number; nil if nothing is.
  init?(ofDescriptor number: Int32) {
    var status = stat()
    guard fstat(number, &status) == 0 else { return nil }
    self.init(status)
  }

  /// What is at `path`, a link being the link itself; nil if nothing is.
  init?(ofPath path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    self.init(status)
  }
}
