import Basics
import HTTP

/// A range of addresses in CIDR notation (RFC 4632).
public struct Network: Hashable, Sendable, BitwiseCopyable {
  /// The range's first address, with port 0.
  public let address: PeerAddress
  /// Leading bits that an address must share: 0 to 32 (IPv4) or 0 to 128 (IPv6).
  public let prefixLength: UInt8

  /// The range of addresses that share `prefixLength` bits with `address`; its other bits and its
  /// port are dropped.
  public init(address: PeerAddress, prefixLength: UInt8) {
    self.address = address.masked(to: Int(prefixLength))
    self.prefixLength = prefixLength
  }
}

/// A set of peers: `request_id_trust`, `set_real_ip_from`.
public struct PeerTrust: Sendable, BitwiseCopyable {
  /// Every peer belongs to it.
  public var includesAll: Bool
  /// Peers on unix sockets belong to it.
  public var includesUnix: Bool
  /// Peers that have shown a certificate that holds belong to it: `mtls`.
  public var includesVerified: Bool
  /// Peers in one of these ranges belong to it: as `ordered` returns them.
  public var networks: FrozenArray<Network>

  /// The set given; nobody by default.
  public init(
    includesAll: Bool = false, includesUnix: Bool = false, includesVerified: Bool = false,
    networks: FrozenArray<Network> = .empty
  ) {
    self.includesAll = includesAll
    self.includesUnix = includesUnix
    self.includesVerified = includesVerified
    self.networks = networks
  }

  /// True when `peer` belongs to the set by its address. Takes time in proportion to the logarithm
  /// of the number of ranges, for a client may name many addresses.
  public func contains(_ peer: PeerAddress) -> Bool {
    if includesAll { return true }
    if peer.family == .unix { return includesUnix }
    var low = 0
    var high = networks.count
    while low < high {
      let middle = (low &+ high) / 2
      if networks[middle].beginsBehind(peer) { high = middle } else { low = middle &+ 1 }
    }
    return low > 0 && networks[low &- 1].contains(peer)
  }

  /// The ranges by their first addresses, without those that lie in another: of two ranges one lies
  /// in the other, or they have nothing in common.
  public static func ordered(_ networks: [Network]) -> [Network] {
    var kept: [Network] = []
    let sorted = networks.sorted { one, other in
      one.address == other.address
        ? one.prefixLength < other.prefixLength : other.beginsBehind(one.address)
    }
    for network in sorted where kept.last?.contains(network.address) != true {
      kept.append(network)
    }
    return kept
  }
}

extension Network {
  /// True when the range's first address comes behind `peer`, in the order of families and bits.
  @inline(__always) fileprivate func beginsBehind(_ peer: PeerAddress) -> Bool {
    if address.family != peer.family { return address.family.rawValue > peer.family.rawValue }
    return address.high != peer.high ? address.high > peer.high : address.low > peer.low
  }
}
