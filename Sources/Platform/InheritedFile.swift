// Regular files that whoever started Waybill has passed on open, and not for appending (`>file`,
// `3>file`). Others who were given the same open file write where it ends for them. A log that lies
// in such a file, whatever path names it, must be written through that open file: what another one
// of our own appends they would overwrite.

import CLinux
import Glibc

/// The open files of this process that it did not open.
enum InheritedFile {
  /// The numbers that others have given them, by the file.
  private static let files = Guarded<[FileIdentity: Int32]>([:])

  /// Descriptors above that are nobody's to pass on.
  private static var lastNumber: Int32 { 1023 }

  /// Looks for them. Called at the start: everything that is opened later is closed by exec, which
  /// what was inherited is not.
  static func findAll() {
    for number in 0...lastNumber where isShared(number) {
      guard let identity = FileIdentity(ofDescriptor: number) else { continue }
      files.withLock { $0[identity] = $0[identity] ?? number }
    }
  }

  /// A descriptor of the inherited file that is the same as an open one; nil when there is none.
  static func duplicate(of number: Int32) -> Int32? {
    guard let identity = FileIdentity(ofDescriptor: number),
      let inherited = files.withLock({ $0[identity] }), isShared(inherited),
      FileIdentity(ofDescriptor: inherited) == identity
    else { return nil }
    let copy = clinux_duplicate(inherited)
    return copy >= 0 ? copy : nil
  }

  /// True of a regular file that is open for writing, was inherited, and is not appended to.
  private static func isShared(_ number: Int32) -> Bool {
    let own = fcntl(number, F_GETFD)
    let flags = fcntl(number, F_GETFL)
    var status = stat()
    guard own >= 0, own & FD_CLOEXEC == 0, flags >= 0, flags & O_ACCMODE != O_RDONLY,
      flags & (O_APPEND | pathOnly) == 0, fstat(number, &status) == 0
    else { return false }
    return status.st_mode & S_IFMT == S_IFREG
  }

  // Glibc shows O_PATH to those only who ask for all of its extensions.
  private static let pathOnly: Int32 = 0x20_0000
}
