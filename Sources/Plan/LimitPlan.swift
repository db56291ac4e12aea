import Basics
import Policy
import Telemetry

/// `limit_req` and `limit_conn` of a location.
public struct LimitPlan: Sendable, BitwiseCopyable {
  /// `limit_req`, in the order of the conf file.
  public var requests: FrozenArray<RequestLimit> = .empty
  /// How requests are refused that come too fast.
  public var requestRefusal = LimitRefusal()
  /// `limit_conn`, in the order of the conf file.
  public var connections: FrozenArray<ConnectionLimit> = .empty
  /// How requests are refused that are too many.
  public var connectionRefusal = LimitRefusal()

  /// No limits.
  public init() {}

  /// True when there is none.
  public var isEmpty: Bool { requests.isEmpty && connections.isEmpty }
}

/// `limit_req_status`, `limit_req_log_level`, `limit_req_dry_run`, and those of `limit_conn`.
public struct LimitRefusal: Sendable, BitwiseCopyable {
  /// The status.
  public var status: UInt16 = 503
  /// The level of the line in the error log; one that only waits is told one level lower.
  public var level = LogLevel.error
  /// Nobody is refused, and nobody waits: it is only told.
  public var isDryRun = false

  /// nginx's defaults.
  public init() {}
}

/// A `limit_req`.
public struct RequestLimit: Sendable, BitwiseCopyable {
  /// Index into `limitZones`.
  public var zone: Int
  /// `burst`: thousandths of requests that may be too early.
  public var burst: UInt64
  /// `delay`: thousandths of requests that are too early and yet don't wait; `max` for `nodelay`.
  public var undelayed: UInt64

  /// The limit given.
  public init(zone: Int, burst: UInt64, undelayed: UInt64) {
    self.zone = zone
    self.burst = burst
    self.undelayed = undelayed
  }
}

/// A `limit_conn`.
public struct ConnectionLimit: Sendable, BitwiseCopyable {
  /// Index into `limitZones`.
  public var zone: Int
  /// Requests of one key at the same time.
  public var maximum: UInt32

  /// The limit given.
  public init(zone: Int, maximum: UInt32) {
    self.zone = zone
    self.maximum = maximum
  }
}

/// A `limit_req_zone` or a `limit_conn_zone`.
public struct LimitZonePlan: Sendable, BitwiseCopyable {
  /// Its name.
  public var name: FrozenBytes
  /// The key as it is written: a zone that a new configuration counts by another key begins anew.
  public var keyText: FrozenBytes
  /// What requests are told apart by.
  public var key: Template
  /// `rate`: thousandths of requests a second; 0 for a `limit_conn_zone`.
  public var rate: UInt64
  /// The memory that it may take.
  public var bytes: UInt64

  /// The zone given.
  public init(
    name: FrozenBytes, keyText: FrozenBytes, key: Template, rate: UInt64, bytes: UInt64
  ) {
    self.name = name
    self.keyText = keyText
    self.key = key
    self.rate = rate
    self.bytes = bytes
  }
}
