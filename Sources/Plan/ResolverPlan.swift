import Basics
import HTTP
import Policy

/// `resolver`: who is asked for names at run time.
public struct ResolverPlan: Sendable, BitwiseCopyable {
  /// The name servers; empty for the system's configuration.
  public var servers: FrozenArray<PeerAddress> = .empty
  /// `valid=`; nil for the TTL of each answer.
  public var validity: Interval?
  /// `ipv4=`
  public var usesIPv4 = true
  /// `ipv6=`
  public var usesIPv6 = true

  /// The system's configuration.
  public init() {}
}

/// `server NAME resolve`: a server of an `upstream` whose name is looked up at run time.
public struct ResolvedServerPlan: Sendable, BitwiseCopyable {
  /// The name in lowercase; with `service=`, that of the SRV records.
  public var name: FrozenBytes
  /// True with `service=`: SRV records are asked for.
  public var isService: Bool
  /// The port of its addresses; 0 with `service=`.
  public var port: UInt16
  /// Who is asked: an index into `resolvers`.
  public var resolver: Int
  /// `resolver_timeout`
  public var timeout: Interval
  /// Weight, failures and the like of each peer; it has no address.
  public var template: Peer

  /// The server given.
  public init(
    name: FrozenBytes, isService: Bool, port: UInt16, resolver: Int, timeout: Interval,
    template: Peer
  ) {
    self.name = name
    self.isService = isService
    self.port = port
    self.resolver = resolver
    self.timeout = timeout
    self.template = template
  }
}
