extension StatisticsText {
  /// The groups that are shown for one measure.
  private static var mostChanges: Int { 10 }

  /// What has changed, and who has changed it.
  mutating func write(_ change: StatisticsChange) {
    let (now, before) = (statistics.spans.present, statistics.spans.reference)
    text.append("\nwhat changed\n", .bold)
    guard change.reference.requests > 0, change.present.requests > 0 else {
      let period = change.present.requests > 0 ? "the period of --against" : "the period asked for"
      return note("no request in \(period)")
    }
    for (name, span) in [("before", before), ("now", now)] {
      guard let first = span.first, let last = span.last else { continue }
      let ends = [first, last].map { StatisticsText.time(UInt64($0)) }
      text.append(safely: name.utf8, .faint, width: 8)
      let gap = width ?? .max < 55 ? "\n        " : " "
      text.append("\(ends[0])\(gap)to \(ends[1]) UTC\n")
    }
    writeSummary(change)
    for measure in change.order {
      for table in change.tables(by: measure) { write(table, change) }
    }
  }

  private mutating func writeSummary(_ change: StatisticsChange) {
    var rows: [(String, String, String)] = []
    let (now, before) = (change.present, change.reference)
    let traffic = change.values(.traffic)
    rows.append(
      ("requests/h", StatisticsText.rate(traffic.reference), StatisticsText.rate(traffic.present)))
    rows.append(
      (
        "failed", Shares.percent(before.failed, of: before.requests),
        Shares.percent(now.failed, of: now.requests)
      ))
    if before.durations.count > 0, now.durations.count > 0 {
      for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        rows.append(
          (
            name, TimeText.short(before.durations.percentile(share)),
            TimeText.short(now.durations.percentile(share))
          ))
      }
      rows.append(
        ("max", TimeText.short(before.durations.maximum), TimeText.short(now.durations.maximum)))
    }
    text.append("                before           now\n", .faint)
    for (name, before, now) in rows {
      text.append(safely: name.utf8, width: 10)
      text.append(right: before, width: 12)
      text.append(right: now, width: 14)
      text.append("\n")
    }
  }

  /// Requests an hour.
  private static func rate(_ value: Double) -> String {
    value < 10 ? TimeText.number(UInt64(value * 100), per: 100, decimals: 2) : "\(UInt64(value))"
  }

  private mutating func write(_ table: StatisticsChange.Table, _ change: StatisticsChange) {
    let title = "by \(table.grouping.rawValue): \(heading(table.measure, change))"
    text.append("\n")
    for line in TextWrap.lines(title, width: width) { text.append(line + "\n", .bold) }
    let titles = ["of change", "requests", "failed", "p50", "p99"]
    let ranks = [0, 4, 2, 3, 1]
    var layout = StatisticsTable(
      zip(titles, ranks).map { StatisticsTable.Column(title: $0, rank: $1) },
      nameTitle: table.grouping.rawValue)
    for row in table.rows.prefix(StatisticsText.mostChanges) where row.added != 0 {
      let (now, before) = (row.present, row.reference)
      func pair(_ share: Double) -> String {
        let ends = [before, now].map { side in
          side.durations.count > 0 ? TimeText.short(side.durations.percentile(share)) : "-"
        }
        return ends.joined(separator: " > ")
      }
      layout.append(
        StatisticsTable.Row(
          cells: [
            row.share.map(StatisticsText.signed) ?? "-", "\(before.requests) > \(now.requests)",
            "\(before.failed) > \(now.failed)", pair(0.5), pair(0.99),
          ], name: row.isOthers ? Array("(all others)".utf8) : row.name, isOwn: row.isOthers))
    }
    layout.write(to: &text, width: width)
  }

  private func heading(_ measure: StatisticsChange.Measure, _ change: StatisticsChange) -> String {
    let (now, before) = change.values(measure)
    switch measure {
    case .slow:
      return "slower than \(TimeText.short(change.threshold)), the p99 before: "
        + "\(StatisticsText.part(before)) > \(StatisticsText.part(now))"
    case .failed: return "failed: \(StatisticsText.part(before)) > \(StatisticsText.part(now))"
    case .traffic:
      return "requests/h: \(StatisticsText.rate(before)) > \(StatisticsText.rate(now))"
    }
  }

  private static func part(_ value: Double) -> String {
    Shares.percent(UInt64((value * 1e9).rounded()), of: 1_000_000_000)
  }

  /// A share of a change; several groups may go further than the sum of all.
  private static func signed(_ share: Double) -> String {
    let percent = (abs(share) * 100).rounded()
    guard percent < 1_000_000 else { return share < 0 ? "-" : "+" }
    return "\(share < 0 ? "-" : "+")\(UInt64(percent)) %"
  }
}
