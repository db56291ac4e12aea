// What the stages of a worker's end mean for what it still does. `Drain.swift` leads from one to
// the next.

import Platform

extension Worker where K: ~Copyable {
  /// True when idle clients are not waited for any more.
  var isDraining: Bool {
    switch lifecycle {
    case .serving, .leaving, .handedOver: false
    case .draining, .stopped: true
    }
  }

  /// True when no new connections are taken, and none to backends are kept for later requests.
  var hasGivenUpListening: Bool {
    switch lifecycle {
    case .serving, .leaving: false
    case .handedOver, .draining, .stopped: true
    }
  }

  /// True when this worker was told to end, so that each response is its connection's last.
  var isLeaving: Bool {
    if case .serving = lifecycle { return false }
    return true
  }

  /// True when this worker was told to end and no other process serves in its place.
  var isGoingAway: Bool {
    switch lifecycle {
    case .serving, .handedOver: false
    case .leaving, .draining, .stopped: true
    }
  }
}
