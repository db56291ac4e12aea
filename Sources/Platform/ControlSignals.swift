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
  /// SIGUSR2: let the program that is on the disk now take this one's place.
  case upgrade

  /// The system's number.
  public var number: Int32 {
    switch self {
    case .terminate: SIGTERM
    case .quit: SIGQUIT
    case .reload: SIGHUP
    case .reopen: SIGUSR1
    case .upgrade: SIGUSR2
    }
  }

  /// The meaning of a number; nil for a signal that means nothing here.
  init?(number: Int32) {
    switch number {
    case SIGTERM, SIGINT: self = .terminate
    case SIGQUIT: self = .quit
    case SIGHUP: self = .reload
    case SIGUSR1: self = .reopen
    case SIGUSR2: self = .upgrade
    default: return nil
    }
  }
}

/// The signals of the process, taken one by one.
public struct ControlSignals: Sendable {
  private let descriptor: Int32

  /// Makes signals that would reload, reopen or upgrade wait for `init`: one that comes while the
  /// process still starts must not end it.
  public static func holdBack() { _ = clinux_hold_signals() }

  /// Takes over the signals, in the calling thread and those that it will start: called before any
  /// thread is. SIGPIPE is ignored from here on.
  public init() throws(KernelError) {
    clinux_ignore_broken_pipes()
    descriptor = clinux_signal_create()
    guard descriptor >= 0 else { throw KernelError(result: Int(descriptor)) }
  }

  /// What woke the main thread.
  public enum Wake: Sendable, Equatable {
    /// A signal came, from that process if it is known.
    case signal(ControlSignal, from: Asker)
    /// Some worker thread ended.
    case threadEnded
    /// The channel has a message, or its other end is gone.
    case channelSpoke
    /// The time is over.
    case timedOut
  }

  /// Waits for a signal, the end of one of `threads`, or word on `channel`; for that many
  /// milliseconds at most.
  public func next(
    or threads: WorkerThreads, or channel: HandoverChannel? = nil, milliseconds: Int? = nil
  ) -> Wake {
    let timeout = milliseconds.map { Int32(clamping: $0) } ?? -1
    while true {
      let ready = clinux_wait_for_any(
        descriptor, threads.bell, channel?.descriptor ?? -1, timeout)
      if ready < 0 { misuse("poll", -ready) }
      if ready == 0 { return .timedOut }
      var asker = Asker()
      let number = clinux_next_signal(descriptor, &asker.process, &asker.token)
      if number < 0 { misuse("read", -number) }
      if let signal = ControlSignal(number: number) { return .signal(signal, from: asker) }
      if ready & 2 != 0 && clinux_wake_take(threads.bell) > 0 { return .threadEnded }
      if ready & 4 != 0 { return .channelSpoke }
    }
  }
}
