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

  /// The columns that lines on stdout have, 20 at least: the terminal's, those that COLUMNS says
  /// where the terminal does not know, or 80. Nil when stdout is no terminal: then lines are as
  /// long as they want to be.
  public static var columns: Int? {
    guard isTerminal(STDOUT_FILENO) else { return nil }
    let own = Int(clinux_terminal_columns(STDOUT_FILENO))
    let told = EnvironmentVariable.number("COLUMNS") ?? 0
    let columns = own > 0 ? own : told > 0 ? told : 80
    return max(20, min(columns, 10_000))
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
