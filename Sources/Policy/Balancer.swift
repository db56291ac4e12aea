import Basics
import HTTP

/// Chooses the peer of an upstream that serves a request, and learns from how it went.
///
/// The rules are nginx's, per worker: a peer whose failures reach `max_fails` is left out until
/// `fail_timeout` has passed since the last one; then one request in each `fail_timeout` tries it,
/// and the first success after that clears its failures. An upstream of a single peer is never left
/// out. Backups serve only when no other peer can.
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
    if now - states[peer].checkedAt > peers[peer].failTimeout { states[peer].checkedAt = now }
    states[peer].active &+= 1
    return peer
  }

  /// Notes that the peer has answered.
  public static func succeeded(peer: Int, states: inout MutableSpan<PeerState>) {
    // Only a success of a try that began after the last failure's `fail_timeout` clears.
    if states[peer].failedAt < states[peer].checkedAt { states[peer].failures = 0 }
  }

  /// Notes that the peer could not be used. True when this takes it out of service, which is worth
  /// a line in the error log.
  @discardableResult public static func failed(
    peer: Int, peers: FrozenArray<Peer>, states: inout MutableSpan<PeerState>, now: Instant
  ) -> Bool {
    guard peers.count > 1 else { return false }
    let maximum = peers[peer].maximumFailures
    var state = states[peer]
    state.failures = state.failures &+ (state.failures == .max ? 0 : 1)
    state.failedAt = now
    state.checkedAt = now
    if maximum > 0 {
      let penalty = Int64(peers[peer].weight / maximum)
      state.effectiveWeight = max(0, state.effectiveWeight &- penalty)
    }
    states[peer] = state
    return maximum > 0 && state.failures == maximum
  }

  /// Ends the use of a selected peer.
  public static func released(peer: Int, states: inout MutableSpan<PeerState>) {
    precondition(states[peer].active > 0, "Balancer.released: a peer that is not in use")
    states[peer].active &-= 1
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
    if peers[index].isDown || tried.contains(index) { return false }
    let limit = peers[index].maximumConnections
    if limit > 0 && states[index].active >= limit { return false }
    if isSingle { return true }
    if peers[index].isBackup != isBackup { return false }
    let maximum = peers[index].maximumFailures
    return maximum == 0 || states[index].failures < maximum
      || now - states[index].checkedAt > peers[index].failTimeout
  }
}
