/// What is to be computed.
public struct StatisticsPlan: Sendable {
  /// A table for each.
  public var groupings: [Grouping]
  /// The width of the rows of the table over time, in seconds; nil when none is wanted.
  public var interval: UInt32?
  /// The period that is compared with the rest, in microseconds since 1970; nil for none.
  public var reference: ClosedRange<UInt64>?

  /// The plan given.
  public init(
    groupings: [Grouping] = [], interval: UInt32? = nil, reference: ClosedRange<UInt64>? = nil
  ) {
    self.groupings = groupings
    self.interval = interval
    self.reference = reference
  }

  /// Rows in all tables together: with the longest histograms they take 18 MiB.
  private static var mostRows: Int { 2048 }

  /// Rows of one table.
  var mostRows: Int {
    let tables = max(1, groupings.count) * (reference == nil ? 1 : 2)
    return max(128, StatisticsPlan.mostRows / tables)
  }
}
