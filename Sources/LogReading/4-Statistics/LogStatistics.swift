/// Sums over access lines, added up block by block in the order of the logs. What is remembered is
/// bounded, and the same lines in the same blocks always come to the same.
public struct LogStatistics: Sendable {
  /// The slowest and the failed requests that are named.
  public static var mostNotable: Int { 10 }

  /// What was asked for.
  public let plan: StatisticsPlan
  /// Everything in the period asked for.
  public private(set) var total = RowStatistics()
  /// Everything in the period that it is compared with.
  public private(set) var reference = RowStatistics()
  /// Lines of no known format.
  public private(set) var foreign: UInt64 = 0
  /// Requests by the first digit of the status; at 0 those without a status.
  public private(set) var classes = [UInt64](repeating: 0, count: 10)
  /// Tunnels that were opened.
  public private(set) var opened: UInt64 = 0
  /// How long the tunnels that ended were open.
  public private(set) var tunnelDurations = DurationHistogram()
  /// A table for each grouping of the plan.
  public private(set) var tables: [GroupTable]
  /// The table over time; nil when it was not asked for.
  public private(set) var intervals: IntervalTable?
  /// The slowest requests, the slowest of all first.
  public private(set) var slowest: [NotableRequest] = []
  /// Failed requests, those read first.
  public private(set) var failures: [NotableRequest] = []
  /// The first and the last second in which a request of the period asked for, and of the other
  /// one, ended.
  public private(set) var spans = (present: SecondSpan(), reference: SecondSpan())

  /// Nothing counted yet.
  public init(_ plan: StatisticsPlan) {
    self.plan = plan
    tables = plan.groupings.map { GroupTable($0, mostRows: plan.mostRows) }
    intervals = plan.interval.map { IntervalTable(width: $0) }
  }

  /// Adds the block that follows those added so far.
  public mutating func add(_ block: BlockSummary) {
    foreign &+= block.foreign
    opened &+= block.opened
    for record in block.records { add(record) }
    for table in tables.indices { add(block, to: table) }
    for request in block.slow { request.insert(into: &slowest) }
    failures += block.failures.prefix(LogStatistics.mostNotable - failures.count)
  }

  private mutating func add(_ record: BlockSummary.Record) {
    if record.seconds > 0 {
      if record.isReference {
        spans.reference.add(record.seconds)
      } else {
        spans.present.add(record.seconds)
      }
    }
    guard !record.isReference else { return reference.add(record) }
    total.add(record)
    guard !record.isTunnel else {
      if record.duration != AccessEntry.unknownTime { tunnelDurations.add(record.duration) }
      return
    }
    classes[min(9, Int(record.status) / 100)] &+= 1
    intervals?.add(record)
  }

  /// Adds the records of a block to one table. The name of each is looked up once, and again when
  /// the table has made room meanwhile.
  private mutating func add(_ block: BlockSummary, to table: Int) {
    let names = block.names[table]
    var rows = [Int32](repeating: -1, count: names.count)
    var generation = tables[table].generation
    var place = table
    for record in block.records {
      let key = Int(block.keys[place])
      place += plan.groupings.count
      if rows[key] < 0 {
        rows[key] = Int32(tables[table].row(of: names[key]))
        if tables[table].generation != generation {
          let row = rows[key]
          for index in rows.indices { rows[index] = -1 }
          rows[key] = row
          generation = tables[table].generation
        }
      }
      tables[table].add(record, to: Int(rows[key]))
    }
  }
}

/// The first and the last of some moments, in seconds since 1970.
public struct SecondSpan: Sendable {
  /// Nil when there is none.
  public private(set) var first: UInt32?
  /// See `first`.
  public private(set) var last: UInt32?

  mutating func add(_ seconds: UInt32) {
    if first.map({ seconds < $0 }) ?? true { first = seconds }
    if last.map({ seconds > $0 }) ?? true { last = seconds }
  }
}
