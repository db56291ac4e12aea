/// Numbers about some requests: a row of a table.
public struct RowStatistics: Sendable {
  /// All requests but tunnels.
  public internal(set) var requests: UInt64 = 0
  /// Those with level ERROR: status 499 and above, or an error.
  public internal(set) var failed: UInt64 = 0
  /// Requests that were answered otherwise than by a 4xx: somebody knows the path.
  var found: UInt64 = 0
  /// Their durations together, in microseconds.
  public internal(set) var microseconds: UInt64 = 0
  /// How long they took, as far as lines say it.
  public internal(set) var durations = DurationHistogram()
  /// When they ended.
  public internal(set) var series = TimeSeries()
  /// Tunnels that have ended, which take as long as they are wanted.
  public internal(set) var tunnels: UInt64 = 0
  /// Tunnels that ended with an error.
  public internal(set) var failedTunnels: UInt64 = 0

  /// Nothing counted yet.
  public init() {}

  /// Requests and tunnels.
  var weight: UInt64 { requests &+ tunnels }

  mutating func add(_ record: BlockSummary.Record) {
    if record.isTunnel {
      tunnels &+= 1
      if record.isFailed { failedTunnels &+= 1 }
      return
    }
    requests &+= 1
    if record.isFailed { failed &+= 1 }
    if record.isFound { found &+= 1 }
    if record.seconds > 0 { series.add(record.seconds) }
    guard record.duration != AccessEntry.unknownTime else { return }
    let (sum, isOver) = microseconds.addingReportingOverflow(record.duration)
    microseconds = isOver ? .max : sum
    durations.add(record.duration)
  }

  mutating func merge(_ other: RowStatistics) {
    requests &+= other.requests
    failed &+= other.failed
    found &+= other.found
    let (sum, isOver) = microseconds.addingReportingOverflow(other.microseconds)
    microseconds = isOver ? .max : sum
    durations.merge(other.durations)
    series.merge(other.series)
    tunnels &+= other.tunnels
    failedTunnels &+= other.failedTunnels
  }
}

/// A row in each of the periods that are compared.
struct PeriodRows: Sendable {
  /// The period asked for.
  var present = RowStatistics()
  /// What it is compared with.
  var reference = RowStatistics()

  /// What decides whether a row is kept.
  var weight: UInt64 { present.weight &+ reference.weight }
  var isFound: Bool { present.found > 0 || reference.found > 0 }

  mutating func add(_ record: BlockSummary.Record) {
    if record.isReference { reference.add(record) } else { present.add(record) }
  }

  mutating func merge(_ other: PeriodRows) {
    present.merge(other.present)
    reference.merge(other.reference)
  }
}
