import Basics
import HTTP

/// A `server` of an `upstream`, one for each address that its name has.
public struct Peer: Sendable, BitwiseCopyable {
  /// Where it listens.
  public var address: PeerAddress
  /// The path of its unix socket; empty for TCP.
  public var unixPath: FrozenBytes
  /// `address:port` or `unix:path`: `upstream` in the log.
  public var name: FrozenBytes
  /// `weight`
  public var weight: UInt32
  /// `max_fails`; 0 never takes it out.
  public var maximumFailures: UInt32
  /// `fail_timeout`
  public var failTimeout: Interval
  /// `max_conns` of each worker; 0 is unlimited.
  public var maximumConnections: UInt32
  /// `backup`
  public var isBackup: Bool
  /// `down`
  public var isDown: Bool

  /// The peer given.
  public init(
    address: PeerAddress, unixPath: FrozenBytes, name: FrozenBytes, weight: UInt32 = 1,
    maximumFailures: UInt32 = 1, failTimeout: Interval = .seconds(10),
    maximumConnections: UInt32 = 0, isBackup: Bool = false, isDown: Bool = false
  ) {
    self.address = address
    self.unixPath = unixPath
    self.name = name
    self.weight = weight
    self.maximumFailures = maximumFailures
    self.failTimeout = failTimeout
    self.maximumConnections = maximumConnections
    self.isBackup = isBackup
    self.isDown = isDown
  }
}

/// What one worker knows of one peer. Changes with every request; never shared.
public struct PeerState: Sendable, BitwiseCopyable {
  /// Smooth weighted round-robin's running weight.
  public var currentWeight: Int64 = 0
  /// Weight lowered by failures, recovering with successes.
  public var effectiveWeight: Int64
  /// Exchanges that use it now.
  public var active: UInt32 = 0
  /// Failures within the current `fail_timeout`.
  public var failures: UInt32 = 0
  /// When the last failure was counted.
  public var failedAt = Instant(nanoseconds: 0)
  /// When it was last tried while out of service.
  public var checkedAt = Instant(nanoseconds: 0)

  /// The state of a peer of which nothing is known.
  public init(_ peer: Peer) { effectiveWeight = Int64(peer.weight) }
}

/// How an `upstream` chooses a peer.
public enum BalancingMethod: UInt8, Sendable, BitwiseCopyable {
  /// Smooth weighted round-robin: the default.
  case roundRobin
  /// `least_conn`
  case leastConnections
  /// `random`
  case random
  /// `random two least_conn`
  case randomTwo
  /// `hash KEY`
  case hash
  /// `hash KEY consistent` (ketama)
  case consistentHash
  /// `ip_hash`
  case addressHash
}

/// The peers of an upstream that one request has been sent to.
public struct TriedPeers: Sendable, BitwiseCopyable {
  var indices = InlineArray<16, UInt16>(repeating: 0)
  /// How many there are.
  public private(set) var count = 0

  /// None yet.
  public init() {}

  /// Forgets all of them.
  public mutating func removeAll() { count = 0 }

  /// Notes a peer; beyond `Limits.tries` it is not noted.
  public mutating func insert(_ peer: Int) {
    guard count < Limits.tries else { return }
    indices[count] = UInt16(truncatingIfNeeded: peer)
    count &+= 1
  }

  /// True when the peer was noted.
  public func contains(_ peer: Int) -> Bool {
    for index in 0..<count where indices[index] == UInt16(truncatingIfNeeded: peer) { return true }
    return false
  }
}
