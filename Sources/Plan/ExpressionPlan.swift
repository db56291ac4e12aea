import Basics
import Policy

/// A regular expression. Who matches it knows what its handle means; the plan keeps it alive.
public struct ExpressionPlan: Sendable, BitwiseCopyable {
  /// The compiled expression.
  public var handle: UInt
  /// As it is written, for messages.
  public var pattern: FrozenBytes
  /// How many groups it has, the whole match not counted.
  public var groupCount: Int
  /// It can match at the begin of a subject only.
  public var isAnchored: Bool
  /// Those of them that have names.
  public var namedGroups: FrozenArray<NamedGroupPlan>

  /// The expression given.
  public init(
    handle: UInt, pattern: FrozenBytes, groupCount: Int, isAnchored: Bool,
    namedGroups: FrozenArray<NamedGroupPlan>
  ) {
    self.handle = handle
    self.pattern = pattern
    self.groupCount = groupCount
    self.isAnchored = isAnchored
    self.namedGroups = namedGroups
  }
}

/// A named group of an expression.
public struct NamedGroupPlan: Sendable, BitwiseCopyable {
  /// Its number, from 1.
  public var number: Int
  /// The slot that templates know it by.
  public var slot: Int

  /// The group given.
  public init(number: Int, slot: Int) {
    self.number = number
    self.slot = slot
  }
}

/// The locations with regular expressions of one level (a `server`, or a `location` with others
/// inside), which are tried in the order of the conf file.
public struct ExpressionList: Sendable, BitwiseCopyable {
  /// The locations of the level.
  public var locations: FrozenArray<ExpressionLocation>
  /// The list of the level around it, which is tried next; -1 for none.
  public var next: Int

  /// The list given.
  public init(locations: FrozenArray<ExpressionLocation>, next: Int) {
    self.locations = locations
    self.next = next
  }
}

/// A location with a regular expression.
public struct ExpressionLocation: Sendable, BitwiseCopyable {
  /// Index into `expressions`.
  public var expression: Int
  /// Index into `locations`.
  public var location: Int
  /// The locations inside of it: an index into `nestedLocations`; -1 for none.
  public var nested: Int

  /// The location given.
  public init(expression: Int, location: Int, nested: Int) {
    self.expression = expression
    self.location = location
    self.nested = nested
  }
}

/// A `server_name` that is a regular expression.
public struct NameExpression: Sendable, BitwiseCopyable {
  /// Index into `expressions`.
  public var expression: Int
  /// Index into `servers`.
  public var server: Int

  /// The name given.
  public init(expression: Int, server: Int) {
    self.expression = expression
    self.server = server
  }
}
