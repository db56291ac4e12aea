import Basics
import HTTP

/// `proxy_next_upstream`: what sends a request to the next peer.
public struct RetryConditions: OptionSet, Sendable, BitwiseCopyable {
  /// One bit for each member.
  public let rawValue: UInt16
  /// The set of these bits.
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// `error`: connecting, sending or reading the head failed.
  public static let error = RetryConditions(rawValue: 1)
  /// `timeout`: one of these took too long.
  public static let timeout = RetryConditions(rawValue: 2)
  /// `invalid_header`: the response's head was empty or malformed.
  public static let invalidHeader = RetryConditions(rawValue: 4)
  /// `http_500`
  public static let http500 = RetryConditions(rawValue: 8)
  /// `http_502`
  public static let http502 = RetryConditions(rawValue: 16)
  /// `http_503`
  public static let http503 = RetryConditions(rawValue: 32)
  /// `http_504`
  public static let http504 = RetryConditions(rawValue: 64)
  /// `http_403`
  public static let http403 = RetryConditions(rawValue: 128)
  /// `http_404`
  public static let http404 = RetryConditions(rawValue: 256)
  /// `http_429`
  public static let http429 = RetryConditions(rawValue: 512)
  /// `non_idempotent`: also for methods that are not idempotent.
  public static let nonIdempotent = RetryConditions(rawValue: 1024)

  /// The condition that a response's status code meets; none for others.
  public init(status: UInt16) {
    switch status {
    case 403: self = .http403
    case 404: self = .http404
    case 429: self = .http429
    case 500: self = .http500
    case 502: self = .http502
    case 503: self = .http503
    case 504: self = .http504
    default: self = []
    }
  }
}

/// The merged `proxy_next_upstream*` directives of one location.
public struct RetryPolicy: Sendable, BitwiseCopyable {
  /// `proxy_next_upstream`; empty for `off`.
  public var conditions: RetryConditions
  /// `proxy_next_upstream_tries`; 0 leaves it to the number of peers.
  public var maximumTries: Int
  /// `proxy_next_upstream_timeout`: no new try begins later than this after the first.
  public var timeout: Interval

  /// The policy given.
  public init(conditions: RetryConditions, maximumTries: Int, timeout: Interval) {
    self.conditions = conditions
    self.maximumTries = maximumTries
    self.timeout = timeout
  }
}
