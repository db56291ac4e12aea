// What the stages of a worker's life mean for what it still does. `Drain.swift` leads from one to
// the next, `Retirement.swift` to being replaced.

import Platform

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
    case .retiring, .handedOver, .draining, .stopped: false
    }
  }

  /// True when idle clients are not waited for any more.
  var isDraining: Bool {
    switch lifecycle {
    case .serving, .retiring, .leaving, .handedOver: false
    case .draining, .stopped: true
    }
  }

  /// True when the process was told to end and no other serves in its place.
  var isGoingAway: Bool {
    switch lifecycle {
    case .serving, .retiring, .handedOver: false
    case .leaving, .draining, .stopped: true
    }
  }

  /// True when a connection ends with its response, because the worker does: not if it can be left
  /// to an heir.
  @inline(never) mutating func isLastResponse(_ exchange: ExchangePointer) -> Bool {
    !isRetiring || !isKept(listener: Int(exchange.pointee.downstream.pointee.origin))
  }
}
