import Basics
import HTTP

/// The methods that send equal keys to the same peer: `hash KEY` and `hash KEY consistent`.
extension Balancer {
  /// The hash of a key: its CRC-32, and its length; 0 for an empty key and for no other.
  ///
  /// It has no seed, so that all workers and machines agree and a reload changes nothing. A client
  /// that chooses the key chooses its peer; that lies in the nature of `hash`.
  public static func hash(of key: Span<UInt8>) -> UInt64 {
    UInt64(CyclicCode.code(of: key)) &<< 32 | UInt64(UInt32(truncatingIfNeeded: key.count))
  }

  /// Tries of `hash` after the first one, before round-robin takes over.
  private static let hashTries: UInt32 = 20

  /// The peer in whose share of the weights the key falls: the one that nginx chooses. When that
  /// one can't serve, 15 bits of the code of the try's number and the key behind it are added;
  /// after some tries round-robin decides.
  static func pickHash(
    _ candidates: Candidates, _ states: inout MutableSpan<PeerState>, _ hashKey: UInt64
  ) -> Int? {
    var total: UInt64 = 0
    for index in candidates.peers.indices where !candidates.peers[index].isBackup {
      total &+= UInt64(candidates.peers[index].weight)
    }
    guard hashKey != 0, total > 0 else { return roundRobin(candidates, &states) }
    let code = UInt32(truncatingIfNeeded: hashKey &>> 32)
    let length = UInt32(truncatingIfNeeded: hashKey)
    var sum: UInt64 = 0
    for attempt in 0...hashTries {
      let added =
        attempt == 0
        ? code : CyclicCode.code(self.code(ofNumber: attempt), then: code, length: length)
      sum &+= UInt64(added &>> 16 & 0x7FFF)
      let peer = owner(of: sum % total, candidates.peers)
      if candidates.contains(peer, states) { return peer }
    }
    return roundRobin(candidates, &states)
  }

  /// The code of a number below 100 in decimal.
  private static func code(ofNumber number: UInt32) -> UInt32 {
    let digits: InlineArray<2, UInt8> = [
      0x30 &+ UInt8(number / 10), 0x30 &+ UInt8(number % 10),
    ]
    return CyclicCode.code(of: digits.span.extracting((number < 10 ? 1 : 0)..<2))
  }

  /// The peer, backups left out, in whose share of the summed weights `place` falls.
  private static func owner(of place: UInt64, _ peers: FrozenArray<Peer>) -> Int {
    var rest = place
    var index = 0
    while peers[index].isBackup || rest >= UInt64(peers[index].weight) {
      if !peers[index].isBackup { rest &-= UInt64(peers[index].weight) }
      index &+= 1
    }
    return index
  }

  /// Weighted rendezvous hashing: each candidate draws a number that only the key and its own
  /// address decide, and the lowest for its weight wins.
  ///
  /// It does what nginx's ketama ring is for: when a peer goes, its keys alone move, and each finds
  /// the same next peer again. There is no ring to compute or to keep, the shares follow the
  /// weights to within one per cent, and the order of the peers does not matter. The price is some
  /// hundred instructions for each peer. Keys fall on other peers than nginx's ring gives.
  static func pickConsistentHash(
    _ candidates: Candidates, _ states: inout MutableSpan<PeerState>, _ hashKey: UInt64
  ) -> Int? {
    guard hashKey != 0 else { return roundRobin(candidates, &states) }
    var best = -1
    var bestCost: UInt64 = 0
    var bestWeight: UInt64 = 1
    for index in candidates.peers.indices where candidates.contains(index, states) {
      let cost = logarithmicCost(mix(hashKey ^ identity(of: index, candidates.peers)))
      // cost / weight < bestCost / bestWeight, without dividing. Costs are below 2^39, so the
      // products stay below 2^63; no weight of a real conf file is larger.
      let weight = UInt64(min(candidates.peers[index].weight, 0xFF_FFFF))
      if best < 0 || cost &* bestWeight < bestCost &* weight {
        best = index
        bestCost = cost
        bestWeight = weight
      }
    }
    return best >= 0 ? best : nil
  }

  /// What tells a peer from others, whatever its place in the list.
  @inline(__always) private static func identity(
    of index: Int, _ peers: FrozenArray<Peer>
  ) -> UInt64 {
    let address = peers[index].address
    if address.family == .unix { return hash(of: peers[index].unixPath.span) }
    return mix(address.low ^ UInt64(address.port) &<< 48) ^ address.high
  }

  /// -log2 of `bits` / 2^64, in units of 2^-32: of evenly drawn bits it is exponentially
  /// distributed, so that dividing it by a weight gives each peer that share of the wins.
  @inline(__always) static func logarithmicCost(_ bits: UInt64) -> UInt64 {
    let whole = UInt64(bits.leadingZeroBitCount)
    // The bits behind the leading one, as a fraction in units of 2^-32.
    let fraction = (bits &<< (whole &+ 1)) &>> 32
    // log2(1 + x) is x + 0.346 x (1 - x) up to 0.01 (exact at both ends).
    let product = (fraction &* (0x1_0000_0000 &- fraction)) &>> 32
    let logarithm = fraction &+ (product &* 0x5893_0000) &>> 32
    return (whole &+ 1) &<< 32 &- min(logarithm, 0x1_0000_0000)
  }
}
