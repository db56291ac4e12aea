import Basics
import HTTP

/// Chooses the peer of an upstream that serves a request, and learns from how it went.
///
/// The rules are nginx's, per worker: a peer whose failures reach `max_fails` is left out until
/// `fail_timeout` has passed since the last one; then one request in each `fail_timeout` tries it,
/// and the first success after that clears its failures. An upstream of a single peer is never left
/// out. Backups serve only when no other peer can. When all have failed, `selectFailed` chooses.
///
/// `states` holds one element for each of `peers`, in their order. Every selected peer must be
/// released exactly once, and in between be said to have succeeded or failed at most once.
public enum Balancer {
  /// Chooses a peer that is not among `tried` and counts it as in use; nil when none is left.
  ///
  /// - random: any bits; only the random methods look at them.
  /// - hashKey: `hash(of:)` of the evaluated key, or `addressKey(of:)`; only the hash methods look
  ///   at it. 0 (the hash of an empty key) chooses round-robin, as in nginx.
  public static func select(
    method: BalancingMethod, peers: FrozenArray<Peer>, states: inout MutableSpan<PeerState>,
    tried: TriedPeers, now: Instant, random: UInt64, hashKey: UInt64
  ) -> Int? {
    precondition(states.count == peers.count, "Balancer.select: a state for each peer")
    var candidates = Candidates(peers: peers, tried: tried, now: now)
    var chosen: Int?
    if candidates.isSingle {
      chosen = candidates.contains(0, states) ? 0 : nil
    } else {
      chosen = primary(method, candidates, &states, random, hashKey)
      if chosen == nil {
        candidates.isBackup = true
        // nginx chooses among backups by round-robin whatever the method, but for `least_conn`.
        chosen =
          method == .leastConnections
          ? leastConnections(candidates, &states) : roundRobin(candidates, &states)
      }
    }
    guard let peer = chosen else { return nil }
    // A peer that was left out is tried now, and not again before `fail_timeout` has passed.
    if now - states[peer].checkedAt > states[peer].retryAfter { states[peer].checkedAt = now }
    states[peer].tries &+= 1
    return peer
  }

  /// Chooses a peer where `select` found none because all that could serve have failed: the one
  /// that failed, or was tried, longest ago (`fail_open`). Nil when one of them has not failed, as
  /// it has been tried or takes no more, and when all were tried. `isOutage` is true of the first
  /// choice since one of them has succeeded.
  public static func selectFailed(
    peers: FrozenArray<Peer>, states: inout MutableSpan<PeerState>, tried: TriedPeers, now: Instant
  ) -> (peer: Int, isOutage: Bool)? {
    precondition(states.count == peers.count, "Balancer.selectFailed: a state for each peer")
    var best = -1
    var isOutage = false
    for index in peers.indices where mayServe(states[index]) {
      let hasFailed =
        states[index].isOut || peers.count > 1 && states[index].hasFailed(peers[index])
      guard hasFailed else { return nil }
      isOutage = isOutage || !states[index].isInOutage
      let limit = peers[index].maximumConnections
      if tried.contains(index) || limit > 0 && states[index].active >= limit { continue }
      if best < 0 || states[index].checkedAt < states[best].checkedAt { best = index }
    }
    guard best >= 0 else { return nil }
    let chosenAt = states[best].checkedAt
    for index in peers.indices where mayServe(states[index]) && !states[index].isInOutage {
      let checkedAt = states[index].checkedAt
      states[index].apply(.triedInOutage, of: peers[index], at: now)
      states[index].checkedAt = checkedAt
    }
    // Later than the failure, even on a clock that stands still: a success clears only then.
    states[best].checkedAt = max(now, chosenAt + Interval(nanoseconds: 1))
    states[best].tries &+= 1
    return (best, isOutage)
  }

  /// True when neither the conf file nor an order takes a peer out, nor a check that it has to pass
  /// first (`mandatory`).
  private static func mayServe(_ state: PeerState) -> Bool {
    !state.isConfiguredDown && state.order == .up && state.verdict != .awaited
  }

  /// Notes that the peer has answered.
  @inline(__always) public static func succeeded(
    peer: Int, peers: FrozenArray<Peer>, states: inout MutableSpan<PeerState>, now: Instant
  ) {
    if states[peer].failures > 0 { recover(peer, peers, &states, now) }
  }

  /// Only a success of a try that began after the last failure's wait clears.
  @inline(never) private static func recover(
    _ peer: Int, _ peers: FrozenArray<Peer>, _ states: inout MutableSpan<PeerState>, _ now: Instant
  ) {
    guard states[peer].failedAt < states[peer].checkedAt else { return }
    states[peer].apply(.succeeded, of: peers[peer], at: now)
  }

  /// Notes that the peer could not be used, and why in the caller's numbering; `isRefusal` says
  /// that this was found out at once. True when this takes it out of service, which is worth a line
  /// in the error log.
  @discardableResult public static func failed(
    peer: Int, peers: FrozenArray<Peer>, states: inout MutableSpan<PeerState>, now: Instant,
    reason: UInt8 = 0, isRefusal: Bool = false
  ) -> Bool {
    states[peer].failedTries &+= 1
    guard peers.count > 1 else {
      states[peer].reason = reason
      return false
    }
    let wasOut = states[peer].hasFailed(peers[peer])
    states[peer].apply(.failed(reason: reason, isRefusal: isRefusal), of: peers[peer], at: now)
    return !wasOut && states[peer].hasFailed(peers[peer])
  }

  /// Ends the use of a selected peer.
  public static func released(peer: Int, states: inout MutableSpan<PeerState>) {
    precondition(
      states[peer].tries > states[peer].endedTries, "Balancer.released: a peer that is not in use")
    states[peer].endedTries &+= 1
  }

  private static func primary(
    _ method: BalancingMethod, _ candidates: Candidates, _ states: inout MutableSpan<PeerState>,
    _ random: UInt64, _ hashKey: UInt64
  ) -> Int? {
    switch method {
    case .roundRobin: roundRobin(candidates, &states)
    case .leastConnections: leastConnections(candidates, &states)
    case .random: pickRandom(candidates, states, random)
    case .randomTwo: pickRandomTwo(candidates, states, random)
    case .hash: pickHash(candidates, &states, hashKey)
    case .consistentHash: pickConsistentHash(candidates, &states, hashKey)
    case .addressHash: pickAddressHash(candidates, &states, hashKey)
    }
  }
}

/// The peers that may serve one request.
struct Candidates {
  let peers: FrozenArray<Peer>
  let tried: TriedPeers
  let now: Instant
  /// Backups instead of the other peers.
  var isBackup = false

  init(peers: FrozenArray<Peer>, tried: TriedPeers, now: Instant) {
    self.peers = peers
    self.tried = tried
    self.now = now
  }

  /// True when there is nothing to choose: failures are not counted then.
  var isSingle: Bool { peers.count == 1 }

  /// True when the peer at `index` may be chosen.
  @inline(__always) func contains(
    _ index: Int, _ states: borrowing MutableSpan<PeerState>
  ) -> Bool {
    if states[index].isOut || tried.contains(index) { return false }
    let limit = peers[index].maximumConnections
    if limit > 0 && states[index].active >= limit { return false }
    if isSingle { return true }
    if peers[index].isBackup != isBackup { return false }
    let maximum = peers[index].maximumFailures
    return maximum == 0 || states[index].failures < maximum
      || now - states[index].checkedAt > states[index].retryAfter
  }
}
