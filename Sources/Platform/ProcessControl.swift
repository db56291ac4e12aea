// The process as the system sees it: its number, its words, its end.

import CLinux
import Glibc

/// Calls about this process.
public enum ProcessControl {
  /// The number of this process.
  public static var processID: Int32 { getpid() }

  /// True when stderr is a terminal.
  public static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Writes text to stdout (1) or stderr (2), waiting until all is taken; gives up when it can't
  /// be.
  public static func print(_ text: String, to standard: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(standard, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Gives memory that was freed, and that lies in whole pages, back to the system.
  public static func trimMemory() { clinux_trim_memory() }

  /// Ends the process without waiting for threads that still run, nor for what libraries do at an
  /// orderly end.
  public static func abandon(_ code: Int32) -> Never { _exit(code) }

  /// Ends the process at once.
  public static func exit(_ code: Int32) -> Never { Glibc.exit(code) }
}
