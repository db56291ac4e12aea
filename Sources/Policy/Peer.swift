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
  /// `slow_start`: how long its share grows after it has come back; 0 gives it all at once.
  public var slowStart = Interval(nanoseconds: 0)
  /// What a `weight` of 1 is in `weight`: more than 1 where shares have to grow in small steps.
  public var weightUnit: UInt32 = 1

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
