import Basics
import Policy

/// A `health_check`: how the peers of an upstream are checked.
public struct CheckPlan: Sendable, BitwiseCopyable {
  /// What a check does.
  public enum Kind: UInt8, Sendable, BitwiseCopyable {
    /// It sends a request and looks at the response.
    case http
    /// It connects.
    case tcp
  }

  /// Index into `upstreams`.
  public var upstream: Int
  /// `type`
  public var kind: Kind
  /// The head of the request up to where its ID follows; empty for `tcp`.
  public var request: FrozenBytes = .empty
  /// The name of the field that carries the ID.
  public var idHeader: FrozenBytes = .empty
  /// How the ID looks.
  public var idFormat = RequestIDFormat.uuid7
  /// `interval`
  public var interval = Limits.checkInterval
  /// `jitter`: how much is added to the interval at most.
  public var jitter = Interval(nanoseconds: 0)
  /// `timeout`: how long one check may take.
  public var timeout = Limits.checkTimeout
  /// `fails`, `passes`, `mandatory`
  public var rule = CheckRule()
  /// `port`; 0 for the peer's own.
  public var port: UInt16 = 0
  /// `match`
  public var match = MatchPlan()

  /// A check of that upstream with all else as it is by default.
  public init(upstream: Int, kind: Kind) {
    self.upstream = upstream
    self.kind = kind
  }
}

/// A `match`: which responses pass a check. All of it must hold.
public struct MatchPlan: Sendable, BitwiseCopyable {
  /// Statuses that pass, or that don't.
  public var statuses: FrozenArray<StatusRange> = .empty
  /// `status !`: all others pass.
  public var excludesStatuses = false
  /// `header`
  public var fields: FrozenArray<FieldCondition> = .empty
  /// `body`
  public var bodies: FrozenArray<BodyCondition> = .empty

  /// What passes without `match`: every status from 200 to 399.
  public init() {}

  /// True when the status passes.
  public func accepts(status: UInt16) -> Bool {
    if statuses.isEmpty { return (200..<400).contains(status) }
    let isListed = statuses.indices.contains {
      statuses[$0].first <= status && status <= statuses[$0].last
    }
    return isListed != excludesStatuses
  }
}

/// Statuses from one to another.
public struct StatusRange: Equatable, Sendable, BitwiseCopyable {
  /// The lowest.
  public var first: UInt16
  /// The highest.
  public var last: UInt16

  /// The range given.
  public init(first: UInt16, last: UInt16) {
    self.first = first
    self.last = last
  }
}

/// A `header` of a `match`.
public struct FieldCondition: Sendable, BitwiseCopyable {
  /// What must hold of the field.
  public enum Test: UInt8, Sendable, BitwiseCopyable {
    /// It is there.
    case present
    /// Its value is the given one.
    case equal
    /// Its value matches the expression.
    case matches
  }

  /// The name in lowercase.
  public var name: FrozenBytes
  /// What must hold.
  public var test: Test
  /// It must not.
  public var isNegated: Bool
  /// The value of `equal`.
  public var value: FrozenBytes
  /// The expression of `matches`: an index into `expressions`.
  public var expression: Int

  /// The condition given.
  public init(
    name: FrozenBytes, test: Test, isNegated: Bool, value: FrozenBytes, expression: Int
  ) {
    self.name = name
    self.test = test
    self.isNegated = isNegated
    self.value = value
    self.expression = expression
  }
}

/// A `body` of a `match`.
public struct BodyCondition: Sendable, BitwiseCopyable {
  /// An index into `expressions`.
  public var expression: Int
  /// The expression must not match.
  public var isNegated: Bool

  /// The condition given.
  public init(expression: Int, isNegated: Bool) {
    self.expression = expression
    self.isNegated = isNegated
  }
}
