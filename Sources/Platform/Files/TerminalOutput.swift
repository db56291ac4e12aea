// stdout and stderr as a person sees them.

import CLinux
import Glibc

/// What the standard streams are connected to, and bytes for them.
public enum TerminalOutput {
  /// True when the stream (1 is stdout, 2 is stderr) is a terminal.
  public static func isTerminal(_ standard: Int32) -> Bool { isatty(standard) == 1 }

  /// Whether text on stdout shall be coloured: on a terminal, unless NO_COLOR is set and not empty
  /// (no-color.org) or the terminal can't.
  public static var isColoured: Bool {
    guard isTerminal(STDOUT_FILENO) else { return false }
    if let wish = getenv("NO_COLOR"), wish.pointee != 0 { return false }
    guard let terminal = getenv("TERM") else { return true }
    return strcmp(terminal, "dumb") != 0
  }

  /// Writes all bytes to stdout; what went wrong is EPIPE when nobody reads any more. Nil when all
  /// is written.
  public static func write(_ bytes: UnsafeRawBufferPointer) -> KernelError? {
    var written = 0
    while written < bytes.count {
      let count = clinux_write(
        STDOUT_FILENO, bytes.baseAddress! + written, bytes.count - written)
      guard count > 0 else { return KernelError(code: count < 0 ? Int32(-count) : EIO) }
      written += count
    }
    return nil
  }
}
