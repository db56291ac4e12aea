// What the stages of a worker's life mean for what it still does. `Drain.swift` leads from one to
// the next, `Retirement.swift` to being replaced.

import Basics
import Platform

/// Why a worker ends what still runs.
enum StopReason: BitwiseCopyable {
  /// Somebody wants the end at once.
  case order
  case shutdownTimeout
  case workerShutdownTimeout
  /// Too many generations before the one in force were still at work.
  case tooManyGenerations

  /// What the error log says of a request that it ended; nil for `order`, which somebody gave.
  var text: StaticString? {
    switch self {
    case .order: nil
    case .shutdownTimeout: "ended by shutdown_timeout"
    case .workerShutdownTimeout: "ended by worker_shutdown_timeout"
    case .tooManyGenerations:
      "ended early: too many earlier configurations still had requests or tunnels"
    }
  }
}

/// When a worker ends what still runs, and what has set that time.
struct EndTime: BitwiseCopyable {
  var instant: Instant
  var reason: StopReason

  init(_ instant: Instant, _ reason: StopReason) {
    self.instant = instant
    self.reason = reason
  }
}

extension Worker where K: ~Copyable {
  /// True when all is as usual.
  @inline(__always) var isServing: Bool {
    if case .serving = lifecycle { return true }
    return false
  }

  /// True when another worker of this process takes this one's place.
  var isRetiring: Bool {
    if case .retiring = lifecycle { return true }
    return false
  }

  /// True when new connections are taken, and those to backends are kept for later requests.
  var takesConnections: Bool {
    switch lifecycle {
    case .serving, .leaving: true
    case .retiring, .handedOver, .parting, .draining, .stopped: false
    }
  }

  /// True when idle clients are not waited for any more.
  var isDraining: Bool {
    switch lifecycle {
    case .serving, .retiring, .leaving, .handedOver, .parting: false
    case .draining, .stopped: true
    }
  }

  /// True when the process was told to end and no other serves in its place.
  var isGoingAway: Bool {
    switch lifecycle {
    case .serving, .retiring, .handedOver: false
    case .leaving, .parting, .draining, .stopped: true
    }
  }

  /// True when a connection ends with its response, because the worker does: not if it can be left
  /// to an heir.
  @inline(never) mutating func isLastResponse(_ exchange: ExchangePointer) -> Bool {
    !isRetiring || !isKept(listener: Int(exchange.pointee.downstream.pointee.origin))
  }
}
