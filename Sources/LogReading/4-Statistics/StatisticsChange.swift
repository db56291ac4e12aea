/// What has changed from one period to another, and which groups have changed it: a group's share
/// of a change is what it alone has added, as a part of what all have.
public struct StatisticsChange: Sendable {
  /// What is compared, each as a share of all requests or as requests a second: periods of unequal
  /// length and load can be compared.
  public enum Measure: String, Sendable, CaseIterable {
    /// Requests that took longer than `threshold`.
    case slow
    case failed
    /// Requests in an hour.
    case traffic
  }

  /// A group in both periods.
  public struct Row: Sendable {
    /// The group; empty when lines do not say it.
    public var name: [UInt8]
    /// True of the sum of those that were given up.
    public var isOthers: Bool
    /// The period asked for.
    public var present: RowStatistics
    /// The one that it is compared with.
    public var reference: RowStatistics
    /// What it has added to the change: of the measure's unit.
    public var added: Double
    /// That as a part of the change; negative when it went the other way. Nil without a change.
    public var share: Double?
  }

  /// The groups of one table by one measure.
  public struct Table: Sendable {
    /// What they are grouped by.
    public var grouping: Grouping
    /// What is compared.
    public var measure: Measure
    /// The rows, those with the largest share of the change first.
    public var rows: [Row]
  }

  /// The period asked for.
  public let present: RowStatistics
  /// The period that it is compared with.
  public let reference: RowStatistics
  /// Seconds of each.
  public let seconds: (present: Double, reference: Double)
  /// Microseconds: the 99th percentile of the reference.
  public let threshold: UInt64
  private let tables: [(grouping: Grouping, rows: [GroupTable.Row], others: GroupTable.Row)]

  /// The change that statistics show; nil when there is no period to compare with. `seconds` are
  /// those between a period's first and last request.
  init?(_ statistics: LogStatistics) {
    guard statistics.plan.reference != nil else { return nil }
    present = statistics.total
    reference = statistics.reference
    func length(_ span: SecondSpan) -> Double {
      guard let first = span.first, let last = span.last else { return 1 }
      return Double(last - first) + 1
    }
    seconds = (length(statistics.spans.present), length(statistics.spans.reference))
    threshold = reference.durations.percentile(0.99)
    tables = statistics.tables.map { table in
      let (rows, others) = table.shown
      return (table.grouping, rows, others)
    }
  }

  /// A measure in both periods.
  public func values(_ measure: Measure) -> (present: Double, reference: Double) {
    (
      value(measure, present, all: present, seconds.present),
      value(measure, reference, all: reference, seconds.reference)
    )
  }

  /// The measures, those that have changed most, for their size, first.
  public var order: [Measure] {
    func change(_ measure: Measure) -> Double {
      let (now, before) = values(measure)
      // What was nothing before has grown, but not without end.
      let least = measure == .traffic ? 1 : 0.001
      return abs(now - before) / max(before, least)
    }
    let changes = Measure.allCases.map { ($0, change($0)) }
    return changes.filter { $0.1 > 0 }.sorted { $0.1 > $1.1 }.map(\.0)
  }

  /// All groupings by a measure.
  public func tables(by measure: Measure) -> [Table] {
    let (now, before) = values(measure)
    return tables.map { grouping, shown, others in
      var rows = shown.map { row($0, isOthers: false, measure, now - before) }
      if others.present.weight > 0 || others.reference.weight > 0 {
        rows.append(row(others, isOthers: true, measure, now - before))
      }
      let sign: Double = now < before ? -1 : 1
      rows.sort {
        $0.added != $1.added
          ? $0.added * sign > $1.added * sign : $0.name.lexicographicallyPrecedes($1.name)
      }
      return Table(grouping: grouping, measure: measure, rows: rows)
    }
  }

  private func row(
    _ row: GroupTable.Row, isOthers: Bool, _ measure: Measure, _ change: Double
  ) -> Row {
    let added =
      value(measure, row.present, all: present, seconds.present)
      - value(measure, row.reference, all: reference, seconds.reference)
    return Row(
      name: row.name, isOthers: isOthers, present: row.present, reference: row.reference,
      added: added, share: change == 0 ? nil : added / change)
  }

  private func value(
    _ measure: Measure, _ row: RowStatistics, all: RowStatistics, _ seconds: Double
  ) -> Double {
    switch measure {
    case .slow:
      let timed = Double(all.durations.count)
      return timed == 0 ? 0 : Double(row.durations.count(above: threshold)) / timed
    case .failed: return all.requests == 0 ? 0 : Double(row.failed) / Double(all.requests)
    case .traffic: return Double(row.requests) * 3600 / seconds
    }
  }
}
