import Basics

/// What one worker knows of one peer: what its own requests have found out, what checks have, and
/// what the operator has ordered. Changes with every request; never shared.
public struct PeerState: Sendable, BitwiseCopyable {
  /// Smooth weighted round-robin's running weight.
  public var currentWeight: Int64 = 0
  /// Weight lowered by failures, recovering with successes.
  public var effectiveWeight: Int64
  /// Uses that have begun, and that have ended, since the worker began.
  public var tries: UInt64 = 0
  @usableFromInline var endedTries: UInt64 = 0
  /// Failures within the current `fail_timeout`.
  public var failures: UInt32 = 0
  /// When the last failure was counted.
  public var failedAt = Instant(nanoseconds: 0)
  /// When it was last tried while out of service.
  public var checkedAt = Instant(nanoseconds: 0)
  /// How long it is left out after `checkedAt`: `fail_timeout`, or less after an outage of all.
  public var retryAfter: Interval
  /// True when nothing may be sent there, whatever its failures: by the conf file, by an order, or
  /// because its checks fail.
  public internal(set) var isOut: Bool
  /// Whether the conf file has taken it out (`down`, or its address has left the DNS).
  public internal(set) var isConfiguredDown: Bool
  /// What the operator has ordered.
  public internal(set) var order = PeerOrder.up
  /// What its checks say.
  public internal(set) var verdict = CheckVerdict.unchecked
  /// True since all peers of its upstream had failed, until it has succeeded once.
  public internal(set) var isInOutage = false
  /// True when its last failure was a refusal, which costs a client nothing to find out again.
  public internal(set) var wasRefused = false
  /// Why its last try failed, in the caller's numbering; 0 when none has.
  public internal(set) var reason: UInt8 = 0
  /// When it began to be in the condition that it is in.
  public internal(set) var since = Instant(nanoseconds: 0)
  /// When its share began to grow (`slow_start`); nil when it has all of it.
  public internal(set) var rampStart: Instant?
  /// Tries that have failed since the worker began.
  public internal(set) var failedTries: UInt64 = 0

  /// Exchanges that use it now.
  @inlinable @inline(__always) public var active: UInt32 {
    get { UInt32(truncatingIfNeeded: tries &- endedTries) }
    set { tries = endedTries &+ UInt64(newValue) }
  }

  /// The state of a peer of which nothing is known.
  public init(_ peer: Peer) {
    effectiveWeight = Int64(peer.weight)
    retryAfter = peer.failTimeout
    isConfiguredDown = peer.isDown
    isOut = peer.isDown
  }
}

/// What an operator has ordered about a peer.
public enum PeerOrder: UInt8, Sendable, BitwiseCopyable, CaseIterable {
  /// Nothing: it serves as its health allows.
  case up
  /// Nothing new is sent there; what runs goes on, and so do its checks.
  case drain
  /// The same, and it is not checked.
  case down
}

/// What the checks of a peer say.
public enum CheckVerdict: UInt8, Sendable, BitwiseCopyable {
  /// It is not checked, or was not yet.
  case unchecked
  /// It is `mandatory` that a check passes first.
  case awaited
  case passing
  case failing
}

/// What happens to a peer. Results of requests and of checks come in by the same way, and so do
/// orders.
public enum PeerEvent: Equatable, Sendable, BitwiseCopyable {
  /// A try has failed for a reason in the caller's numbering; a refusal is one that came at once.
  case failed(reason: UInt8, isRefusal: Bool)
  /// A try that began after the last failure has succeeded.
  case succeeded
  /// All peers have failed, and it is to be tried though its time is not over.
  case triedInOutage
  /// Checks say something else than before.
  case judged(CheckVerdict)
  /// An operator has ordered something.
  case ordered(PeerOrder)
  /// The conf file or the DNS takes it out.
  case removed
}

/// In what condition a peer is, for those who look.
public enum PeerCondition: UInt8, Sendable, BitwiseCopyable {
  /// It serves.
  case up
  /// Its requests have failed: it is left out for some time.
  case failed
  /// Its checks fail.
  case unhealthy
  /// Its first check is awaited.
  case checking
  /// An order: it finishes what runs.
  case draining
  /// An order, or the conf file.
  case down
}

extension PeerState {
  /// The one way in which the health of a peer changes. Returns true when it was taken out of
  /// service, or has come back, by that.
  @discardableResult
  public mutating func apply(_ event: PeerEvent, of peer: Peer, at now: Instant) -> Bool {
    let before = condition(of: peer, at: now)
    switch event {
    case .failed(let reason, let isRefusal): fail(reason, isRefusal: isRefusal, peer, now)
    case .succeeded: recover(peer)
    case .triedInOutage:
      isInOutage = true
      checkedAt = now
      shortenWait(peer)
    case .judged(let new): judge(new, peer, now)
    case .ordered(let new): order = new
    case .removed: isConfiguredDown = true
    }
    isOut =
      isConfiguredDown || order != .up || verdict == .failing || verdict == .awaited
    let after = condition(of: peer, at: now)
    guard after != before else { return false }
    since = now
    if after == .up, peer.slowStart.nanoseconds > 0 { beginRamp(now) }
    return (before == .up) != (after == .up)
  }

  /// In what condition it is. A peer whose time is over is still `failed` until it has succeeded.
  public func condition(of peer: Peer, at now: Instant) -> PeerCondition {
    if isConfiguredDown || order == .down { return .down }
    if order == .drain { return .draining }
    switch verdict {
    case .failing: return .unhealthy
    case .awaited: return .checking
    case .unchecked, .passing: break
    }
    return hasFailed(peer) ? .failed : .up
  }

  /// Its share begins to grow from nothing.
  private mutating func beginRamp(_ now: Instant) {
    rampStart = now
    effectiveWeight = 0
    currentWeight = 0
  }

  /// The weight that it has now, less than its own while its share grows.
  func grownWeight(of peer: Peer, at now: Instant) -> Int64 {
    guard let rampStart else { return Int64(peer.weight) }
    let elapsed = (now - rampStart).nanoseconds
    guard elapsed < peer.slowStart.nanoseconds else { return Int64(peer.weight) }
    // Milliseconds, so that the product stays below 2^63 for any weight.
    let whole = max(1, peer.slowStart.nanoseconds / 1_000_000)
    return Int64(UInt64(peer.weight) &* (elapsed / 1_000_000) / whole)
  }

  /// Lets the effective weight grow: with time after a return, with each round after failures.
  mutating func grow(_ peer: Peer, at now: Instant) {
    guard rampStart != nil else {
      effectiveWeight = min(
        Int64(peer.weight), effectiveWeight &+ Int64(max(1, peer.weightUnit)))
      return
    }
    effectiveWeight = grownWeight(of: peer, at: now)
    if effectiveWeight == Int64(peer.weight) { rampStart = nil }
  }

  /// True when its failures have reached `max_fails`.
  public func hasFailed(_ peer: Peer) -> Bool {
    peer.maximumFailures > 0 && failures >= peer.maximumFailures
  }

  /// Takes over what a predecessor's requests have found out, if that is worse.
  public mutating func inherit(_ other: PeerState, of peer: Peer) {
    guard other.failures >= failures else { return }
    failures = other.failures
    failedAt = other.failedAt
    checkedAt = other.checkedAt
    reason = other.reason
    wasRefused = other.wasRefused
    isInOutage = other.isInOutage
    since = other.since
    retryAfter = min(peer.failTimeout, other.retryAfter)
    if peer.slowStart.nanoseconds > 0 { rampStart = other.rampStart }
    effectiveWeight = min(effectiveWeight, other.effectiveWeight)
  }

  private mutating func fail(
    _ reason: UInt8, isRefusal: Bool, _ peer: Peer, _ now: Instant
  ) {
    failures = failures &+ (failures == .max ? 0 : 1)
    failedAt = now
    checkedAt = now
    self.reason = reason
    wasRefused = isRefusal
    retryAfter = peer.failTimeout
    if isInOutage { shortenWait(peer) }
    guard peer.maximumFailures > 0 else { return }
    let penalty = Int64(peer.weight / peer.maximumFailures)
    effectiveWeight = max(0, effectiveWeight &- penalty)
  }

  /// After an outage of all a restart is likely: who refuses at once is asked again soon.
  private mutating func shortenWait(_ peer: Peer) {
    retryAfter = wasRefused ? min(peer.failTimeout, Limits.outageRetry) : peer.failTimeout
  }

  private mutating func recover(_ peer: Peer) {
    failures = 0
    isInOutage = false
    retryAfter = peer.failTimeout
  }

  private mutating func judge(_ new: CheckVerdict, _ peer: Peer, _ now: Instant) {
    if new == .failing, verdict != .failing {
      failedAt = now
      checkedAt = now
    }
    // It answers: what requests found out before says nothing any more.
    if new == .passing, verdict != .passing || failures > 0 { recover(peer) }
    verdict = new
  }
}
