// The process as the system sees it: its number, its limits, its end.

import CLinux
import Glibc

/// Calls about this process, and signals to others.
public enum ProcessControl {
  /// The number of this process.
  public static var processID: Int32 { getpid() }

  /// Raises the limit on open descriptors as far as the system allows, and returns it.
  public static func raiseDescriptorLimit() -> UInt64 {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    guard limit.rlim_cur < limit.rlim_max else { return UInt64(limit.rlim_cur) }
    let former = limit.rlim_cur
    limit.rlim_cur = limit.rlim_max
    let isRaised = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
    return UInt64(isRaised ? limit.rlim_max : former)
  }

  /// Sends `signal` to the process of that number.
  public static func send(_ signal: ControlSignal, to process: Int32) -> KernelError? {
    kill(process, signal.number) == 0 ? nil : KernelError(code: errno)
  }

  /// True while a process of that number exists.
  public static func isThere(_ process: Int32) -> Bool { kill(process, 0) == 0 || errno == EPERM }

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
