// What a path may name that is no file on a disk. Opening or reading some of it waits for somebody
// else, perhaps for ever.

import Basics
import CLinux
import Glibc

/// Tells special files that can be read from those that a reader might wait for.
enum SpecialFile {
  /// The file system of pipes that have no name, `PIPEFS_MAGIC`.
  private static let pipes: Int64 = 0x5049_5045

  /// Why what was opened without blocking is not read; nil if it may be: a file, `/dev/null`, a
  /// terminal, or a pipe that whoever starts the program hands over (`<(...)`, `/dev/stdin`). A
  /// folder is refused with EISDIR, all else with ESPIPE.
  static func refusal(of descriptor: Int32) -> KernelError? {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return KernelError(code: errno) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return nil
    case S_IFDIR: return KernelError(code: EISDIR)
    case S_IFIFO:
      return clinux_file_system(descriptor) == pipes ? nil : KernelError(code: ESPIPE)
    case S_IFCHR:
      var null = stat()
      let isNull = stat("/dev/null", &null) == 0 && null.st_rdev == status.st_rdev
      return isNull || isatty(descriptor) == 1 ? nil : KernelError(code: ESPIPE)
    default: return KernelError(code: ESPIPE)
    }
  }

  /// Lets reads wait for what was opened without blocking.
  static func wait(for descriptor: Int32) {
    let flags = fcntl(descriptor, F_GETFL)
    if flags >= 0 { _ = fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) }
  }
}
