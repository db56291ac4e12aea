import Basics

/// The methods that need no common state, for upstreams that several workers or machines share.
extension Balancer {
  /// A candidate at random, in proportion to the weights.
  static func pickRandom(
    _ candidates: Candidates, _ states: borrowing MutableSpan<PeerState>, _ random: UInt64
  ) -> Int? {
    pick(candidates, states, except: -1, random)
  }

  /// Two different candidates at random, and of these the one with fewer requests in progress for
  /// its weight.
  static func pickRandomTwo(
    _ candidates: Candidates, _ states: borrowing MutableSpan<PeerState>, _ random: UInt64
  ) -> Int? {
    guard let first = pick(candidates, states, except: -1, random) else { return nil }
    guard let second = pick(candidates, states, except: first, mix(random)) else { return first }
    return load(second, minus: first, candidates, states) > 0 ? first : second
  }

  private static func pick(
    _ candidates: Candidates, _ states: borrowing MutableSpan<PeerState>, except: Int,
    _ random: UInt64
  ) -> Int? {
    var total: UInt64 = 0
    for index in candidates.peers.indices
    where index != except && candidates.contains(index, states) {
      total &+= UInt64(candidates.peers[index].weight)
    }
    guard total > 0 else { return nil }
    // The high half of the product is a number below `total`, as even as the random bits are.
    var rest = random.multipliedFullWidth(by: total).high
    for index in candidates.peers.indices
    where index != except && candidates.contains(index, states) {
      let weight = UInt64(candidates.peers[index].weight)
      if rest < weight { return index }
      rest &-= weight
    }
    return nil
  }

  /// Other bits that depend on all bits of `value`, one to one (the finalizer of SplitMix64).
  @inline(__always) static func mix(_ value: UInt64) -> UInt64 {
    var bits = value &+ 0x9E37_79B9_7F4A_7C15
    bits = (bits ^ bits &>> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits &>> 27) &* 0x94D0_49BB_1331_11EB
    return bits ^ bits &>> 31
  }
}
