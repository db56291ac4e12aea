/// Statistics as one JSON object: durations in seconds, shares from 0 to 1, times in UTC.
public struct StatisticsJSON {
  private var writer = MemberWriter()
  private let statistics: LogStatistics

  /// The object, and a line end.
  public static func render(_ statistics: LogStatistics) -> [UInt8] {
    var json = StatisticsJSON(statistics: statistics)
    json.write()
    return json.writer.bytes + [0x0A]
  }

  private init(statistics: LogStatistics) { self.statistics = statistics }

  private mutating func write() {
    writer.open("{")
    write(span: statistics.spans.present)
    write(statistics.total, whole: statistics.total.series)
    writer.open("statuses", "{")
    for (number, count) in statistics.classes.enumerated() where count > 0 {
      writer.member(number == 0 ? "none" : "\(number)xx", count)
    }
    writer.close("}")
    writer.open("tunnels", "{")
    writer.member("ended", statistics.total.tunnels)
    writer.member("failed", statistics.total.failedTunnels)
    writer.member("opened", statistics.opened)
    write("durations", statistics.tunnelDurations)
    writer.close("}")
    writer.member("unknown_lines", statistics.foreign)
    writeIntervals()
    writeTables()
    if let change = StatisticsChange(statistics) { write(change) }
    write("slowest", statistics.slowest)
    write("failures", statistics.failures)
    writer.close("}")
  }

  private mutating func write(span: SecondSpan) {
    guard let first = span.first, let last = span.last else { return }
    writer.member("from", StatisticsJSON.time(UInt64(first)))
    writer.member("to", StatisticsJSON.time(UInt64(last)))
  }

  private static func time(_ seconds: UInt64) -> String {
    let words = TimeText.date(seconds * 1_000_000).prefix(19).split(separator: " ")
    return words.joined(separator: "T") + "Z"
  }

  /// The members of a row; `whole` is nil where time stands still.
  private mutating func write(_ row: RowStatistics, whole: TimeSeries?) {
    writer.member("requests", row.requests)
    writer.member("failed", row.failed)
    writer.member("failed_share", share(row.failed, row.requests))
    write("durations", row.durations)
    if row.tunnels > 0, whole != nil { writer.member("tunnels_ended", row.tunnels) }
    guard let whole, !whole.counts.isEmpty else { return }
    writer.open("over_time", "{")
    writer.member("from", StatisticsJSON.time(UInt64(whole.first) << UInt64(whole.level)))
    writer.member("step", UInt64(1) << UInt64(whole.level))
    writer.open("requests", "[")
    for value in row.series.values(within: whole, width: .max) { writer.element(value) }
    writer.close("]")
    writer.close("}")
  }

  private func share(_ part: UInt64, _ whole: UInt64) -> Double {
    whole == 0 ? 0 : Double(part) / Double(whole)
  }

  private mutating func write(_ name: String, _ durations: DurationHistogram) {
    guard durations.count > 0 else { return }
    writer.open(name, "{")
    for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
      writer.member(name, seconds: durations.percentile(share))
    }
    writer.member("max", seconds: durations.maximum)
    writer.close("}")
  }

  private mutating func writeIntervals() {
    guard let intervals = statistics.intervals else { return }
    writer.open("every", "{")
    writer.member("step", UInt64(intervals.width))
    if intervals.earlier.requests > 0 {
      writer.open("earlier", "{")
      write(intervals.earlier, whole: nil)
      writer.close("}")
    }
    writer.open("rows", "[")
    for (start, row) in intervals.all {
      writer.open("{")
      writer.member("from", StatisticsJSON.time(start))
      write(row, whole: nil)
      writer.close("}")
    }
    writer.close("]")
    writer.close("}")
  }

  private mutating func writeTables() {
    guard !statistics.tables.isEmpty else { return }
    writer.open("by", "{")
    for table in statistics.tables {
      let (rows, others) = table.shown
      writer.open(table.grouping.rawValue, "{")
      writer.open("rows", "[")
      for row in rows {
        writer.open("{")
        writer.member("name", row.name)
        write(row.present, whole: statistics.total.series)
        writer.close("}")
      }
      writer.close("]")
      writer.member("is_cut", table.isCut)
      if others.present.weight > 0 {
        writer.open("others", "{")
        write(others.present, whole: statistics.total.series)
        writer.close("}")
      }
      writer.close("}")
    }
    writer.close("}")
  }

  private mutating func write(_ change: StatisticsChange) {
    writer.open("against", "{")
    write(span: statistics.spans.reference)
    write(change.reference, whole: nil)
    writer.member("slow_threshold", seconds: change.threshold)
    writer.open("changes", "{")
    for measure in StatisticsChange.Measure.allCases {
      let (now, before) = change.values(measure)
      writer.open(measure.rawValue, "{")
      writer.member("before", before)
      writer.member("now", now)
      writer.open("by", "{")
      for table in change.tables(by: measure) {
        writer.open(table.grouping.rawValue, "[")
        for row in table.rows { write(row) }
        writer.close("]")
      }
      writer.close("}")
      writer.close("}")
    }
    writer.close("}")
    writer.close("}")
  }

  private mutating func write(_ row: StatisticsChange.Row) {
    writer.open("{")
    if row.isOthers { writer.member("is_others", true) } else { writer.member("name", row.name) }
    writer.member("added", row.added)
    if let share = row.share { writer.member("share_of_change", share) }
    for (name, side) in [("before", row.reference), ("now", row.present)] {
      writer.open(name, "{")
      write(side, whole: nil)
      writer.close("}")
    }
    writer.close("}")
  }

  private mutating func write(_ name: String, _ requests: [NotableRequest]) {
    writer.open(name, "[")
    for request in requests {
      writer.open("{")
      writer.member("request_id", request.id)
      writer.member("method", request.method)
      writer.member("uri", request.uri)
      writer.member("status", UInt64(request.status))
      if request.duration != AccessEntry.unknownTime {
        writer.member("duration", seconds: request.duration)
      }
      if !request.error.isEmpty { writer.member("error", request.error) }
      writer.close("}")
    }
    writer.close("]")
  }
}

/// Writes nested JSON, with the commas where they belong.
private struct MemberWriter {
  private(set) var bytes: [UInt8] = []

  mutating func open(_ bracket: String) {
    separate()
    bytes += bracket.utf8
  }

  mutating func open(_ name: String, _ bracket: String) {
    write(name: name)
    bytes += bracket.utf8
  }

  mutating func close(_ bracket: String) { bytes += bracket.utf8 }

  mutating func element(_ value: UInt64) {
    separate()
    bytes += String(value).utf8
  }

  mutating func member(_ name: String, _ value: UInt64) { member(name, raw: String(value)) }
  mutating func member(_ name: String, _ value: Bool) { member(name, raw: String(value)) }

  /// A number that is neither infinite nor none.
  mutating func member(_ name: String, _ value: Double) {
    member(name, raw: value.isFinite ? String(value) : "0")
  }

  mutating func member(_ name: String, seconds microseconds: UInt64) {
    member(name, raw: TimeText.seconds(microseconds))
  }

  mutating func member(_ name: String, _ text: String) { member(name, Array(text.utf8)) }

  mutating func member(_ name: String, _ text: [UInt8]) {
    write(name: name)
    SafeText.appendJSON(text, to: &bytes)
  }

  private mutating func member(_ name: String, raw value: String) {
    write(name: name)
    bytes += value.utf8
  }

  private mutating func write(name: String) {
    separate()
    SafeText.appendJSON(name.utf8, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
  }

  private mutating func separate() {
    if let last = bytes.last, !"{[".utf8.contains(last) { bytes.append(UInt8(ascii: ",")) }
  }
}
