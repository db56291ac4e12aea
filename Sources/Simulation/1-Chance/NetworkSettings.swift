import Basics

/// The sizes and times of a simulated network when no fault changes them.
public struct NetworkSettings: Sendable {
  /// The time that bytes, ends and resets take from one end of a TCP connection to the other.
  public var latency = Interval(nanoseconds: 50_000)
  /// The same for a unix socket.
  public var unixLatency = Interval(nanoseconds: 1_000)
  /// Bytes that a sender may have under way.
  public var sendBuffer = 64 * 1024
  /// Bytes that wait at a receiver at most.
  public var receiveBuffer = 64 * 1024
  /// The time that passes in each turn of the event loop.
  public var turnCost = Interval(nanoseconds: 10_000)
  /// The time after which a connect that nobody answers fails with ETIMEDOUT.
  public var connectTimeout = Interval.seconds(127)
  /// The time after which a client tries again when a listener's queue was full.
  public var connectRetry = Interval.seconds(1)
  /// Descriptors that may be open at once (RLIMIT_NOFILE).
  public var descriptorLimit = 65_536

  /// The sizes and times of a fast local network.
  public init() {}
}
