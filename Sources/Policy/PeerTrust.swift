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
  /// Peers in one of these ranges belong to it.
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

  /// True when `peer` belongs to the set by its address. Takes time in proportion to the number of
  /// ranges.
  public func contains(_ peer: PeerAddress) -> Bool {
    if includesAll { return true }
    if peer.family == .unix { return includesUnix }
    for index in networks.indices where networks[index].contains(peer) { return true }
    return false
  }
}
