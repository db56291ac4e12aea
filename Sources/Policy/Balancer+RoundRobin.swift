import Basics

/// The methods that spread requests evenly: smooth weighted round-robin, and `least_conn` on top of
/// it.
extension Balancer {
  /// Smooth weighted round-robin: each round raises every candidate by its weight, takes the
  /// highest, and lowers that one by the sum, so that weights 5, 1, 1 give a a b a c a a and never
  /// five in a row.
  static func roundRobin(
    _ candidates: Candidates, _ states: inout MutableSpan<PeerState>
  ) -> Int? {
    var best = -1
    var total: Int64 = 0
    for index in candidates.peers.indices where candidates.contains(index, states) {
      total &+= raise(index, candidates, &states)
      if best < 0 || states[index].currentWeight > states[best].currentWeight { best = index }
    }
    guard best >= 0 else { return nil }
    states[best].currentWeight &-= total
    return best
  }

  /// The candidate with the fewest requests in progress for its weight; round-robin among equals.
  static func leastConnections(
    _ candidates: Candidates, _ states: inout MutableSpan<PeerState>
  ) -> Int? {
    var best = -1
    var hasEquals = false
    for index in candidates.peers.indices where candidates.contains(index, states) {
      let difference = best < 0 ? -1 : load(index, minus: best, candidates, states)
      if difference < 0 {
        best = index
        hasEquals = false
      } else if difference == 0 {
        hasEquals = true
      }
    }
    guard best >= 0 else { return nil }
    guard hasEquals else { return best }
    let least = best
    var total: Int64 = 0
    for index in least..<candidates.peers.count
    where candidates.contains(index, states) && load(index, minus: least, candidates, states) == 0 {
      total &+= raise(index, candidates, &states)
      if states[index].currentWeight > states[best].currentWeight { best = index }
    }
    states[best].currentWeight &-= total
    return best
  }

  /// Raises the running weight of a candidate by its effective weight, and lets the latter recover
  /// by one from what failures took. Returns by how much the running weight rose.
  @inline(__always) private static func raise(
    _ index: Int, _ candidates: Candidates, _ states: inout MutableSpan<PeerState>
  ) -> Int64 {
    let effective = states[index].effectiveWeight
    states[index].currentWeight &+= effective
    if effective < Int64(candidates.peers[index].weight) {
      states[index].grow(candidates.peers[index], at: candidates.now)
    }
    return effective
  }

  /// Negative when the peer at `index` has fewer requests for its weight than that at `other`, 0
  /// when as many.
  @inline(__always) static func load(
    _ index: Int, minus other: Int, _ candidates: Candidates,
    _ states: borrowing MutableSpan<PeerState>
  ) -> Int64 {
    // Where a share grows, the request to come counts as well: none is running at first.
    let isGrowing = states[index].rampStart != nil || states[other].rampStart != nil
    let more: Int64 = isGrowing ? 1 : 0
    return (Int64(states[index].active) &+ more) &* max(1, weight(other, candidates, states))
      &- (Int64(states[other].active) &+ more) &* max(1, weight(index, candidates, states))
  }

  /// The weight of a candidate now.
  @inline(__always) private static func weight(
    _ index: Int, _ candidates: Candidates, _ states: borrowing MutableSpan<PeerState>
  ) -> Int64 {
    states[index].rampStart == nil
      ? Int64(candidates.peers[index].weight)
      : states[index].grownWeight(of: candidates.peers[index], at: candidates.now)
  }
}
