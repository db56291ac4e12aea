// Signals as values that the main thread waits for, instead of handlers that interrupt it anywhere.

import CLinux
import Glibc

/// What a signal asks of the running process.
public enum ControlSignal: Sendable, CaseIterable {
  /// SIGTERM, SIGINT: finish what runs, then end.
  case terminate
  /// SIGQUIT: the same.
  case quit
  /// SIGHUP: read the configuration anew.
  case reload
  /// SIGUSR1: open the logs anew.
  case reopen

  /// The system's number.
  public var number: Int32 {
    switch self {
    case .terminate: SIGTERM
    case .quit: SIGQUIT
    case .reload: SIGHUP
    case .reopen: SIGUSR1
    }
  }

  /// The meaning of a number; nil for a signal that means nothing here.
  init?(number: Int32) {
    switch number {
    case SIGTERM, SIGINT: self = .terminate
    case SIGQUIT: self = .quit
    case SIGHUP: self = .reload
    case SIGUSR1: self = .reopen
    default: return nil
    }
  }
}

/// The signals of the process, taken one by one.
public struct ControlSignals: Sendable {
  private let descriptor: Int32

  /// Takes over the signals, in the calling thread and those that it will start: called before any
  /// thread is. SIGPIPE is ignored from here on.
  public init() throws(KernelError) {
    clinux_ignore_broken_pipes()
    descriptor = clinux_signal_create()
    guard descriptor >= 0 else { throw KernelError(result: Int(descriptor)) }
  }

  /// What woke the main thread.
  public enum Wake: Sendable, Equatable {
    /// A signal came, from the process of that number.
    case signal(ControlSignal, sender: Int32)
    /// Some worker thread ended.
    case threadEnded
    /// The time is over.
    case timedOut
  }

  /// Waits for a signal or the end of one of `threads`; for that many milliseconds at most.
  public func next(or threads: WorkerThreads, milliseconds: Int? = nil) -> Wake {
    let timeout = milliseconds.map { Int32(clamping: $0) } ?? -1
    while true {
      let ready = clinux_wait_for_either(descriptor, threads.bell, timeout)
      if ready < 0 { misuse("poll", -ready) }
      if ready == 0 { return .timedOut }
      var sender: Int32 = 0
      let number = clinux_next_signal(descriptor, &sender)
      if number < 0 { misuse("read", -number) }
      if let signal = ControlSignal(number: number) {
        return .signal(signal, sender: sender)
      }
      if ready & 2 != 0 && clinux_wake_take(threads.bell) > 0 { return .threadEnded }
    }
  }
}
