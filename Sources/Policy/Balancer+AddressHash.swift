import Basics
import HTTP

/// `ip_hash`: clients whose addresses begin alike go to the same peer, the one that nginx would
/// choose.
extension Balancer {
  /// What decides of a client's address: the first three bytes of an IPv4 address, all of an IPv6
  /// address.
  ///
  /// nginx takes the bytes into a hash one by one, `h = (h * 113 + byte) mod 6271`, and all of them
  /// again when a peer can't serve. All bytes together are one step, `h = (h * factor + sum) mod
  /// 6271`: the key holds the sum, and which factor belongs to it.
  public static func addressKey(of client: PeerAddress) -> UInt64 {
    var sum: UInt64 = 0
    switch client.family {
    case .ipv4:
      for shift: UInt64 in [24, 16, 8] { sum = step(sum, client.low &>> shift & 0xFF) }
      return 1 &<< 32 | sum
    case .ipv6:
      for word in [client.high, client.low] {
        for place: UInt64 in 0..<8 { sum = step(sum, word &>> (56 &- 8 &* place) & 0xFF) }
      }
      return 2 &<< 32 | sum
    case .unix: return 1 &<< 32
    }
  }

  private static let addressModulus: UInt64 = 6271
  private static let addressTries = 20

  private static func step(_ hash: UInt64, _ byte: UInt64) -> UInt64 {
    (hash &* 113 &+ byte) % addressModulus
  }

  /// The peer that the address belongs to; when it can't serve, the next one that its hash leads
  /// to, and after some tries one by round-robin.
  static func pickAddressHash(
    _ candidates: Candidates, _ states: inout MutableSpan<PeerState>, _ key: UInt64
  ) -> Int? {
    var total: UInt64 = 0
    for index in candidates.peers.indices { total &+= UInt64(candidates.peers[index].weight) }
    guard total > 0 else { return roundRobin(candidates, &states) }
    var factor: UInt64 = 1
    for _ in 0..<(key &>> 32 == 2 ? 16 : 3) { factor = factor &* 113 % addressModulus }
    var hash: UInt64 = 89
    for _ in 0...addressTries {
      hash = (hash &* factor &+ key & 0xFFFF_FFFF) % addressModulus
      var rest = hash % total
      var index = 0
      while rest >= UInt64(candidates.peers[index].weight) {
        rest &-= UInt64(candidates.peers[index].weight)
        index &+= 1
      }
      if candidates.contains(index, states) { return index }
    }
    return roundRobin(candidates, &states)
  }
}
