import Telemetry

/// Statistics as people read them.
public struct StatisticsText {
  /// The groups that are shown; the rest is summed up.
  private static var mostGroups: Int { 20 }

  let statistics: LogStatistics
  let width: Int?
  var text: StyledText

  /// The text, in at most `width` columns; as wide as need be when that is nil.
  public static func render(
    _ statistics: LogStatistics, width: Int? = nil, isColoured: Bool
  ) -> [UInt8] {
    var text = StatisticsText(
      statistics: statistics, width: width, text: StyledText(isColoured: isColoured))
    text.writeTotals()
    text.writeIntervals()
    if let change = StatisticsChange(statistics) {
      text.write(change)
    } else {
      for table in statistics.tables { text.write(table) }
    }
    text.write("slowest", statistics.slowest)
    text.write("failed (the first)", statistics.failures)
    return text.text.bytes
  }

  private mutating func writeTotals() {
    let total = statistics.total
    text.append("requests", .bold)
    text.append(right: "\(total.requests)", width: 12)
    text.append("\nfailed  ", .bold)
    let share = Shares.percent(total.failed, of: total.requests)
    text.append(right: "\(total.failed)", total.failed > 0 ? .red : .plain, width: 12)
    text.append("  \(share)\n")
    for (number, count) in statistics.classes.enumerated() where count > 0 {
      let name = number == 0 ? "none" : "\(number)xx"
      text.append("status \(name)", Style(status: UInt16(number) * 100))
      text.append(right: "\(count)", width: number == 0 ? 9 : 10)
      text.append("  \(Shares.percent(count, of: total.requests))\n")
    }
    write("duration", total.durations)
    writeTunnels()
    writeSeries()
    if statistics.foreign > 0 {
      text.append("lines in an unknown format: \(statistics.foreign)\n", .yellow)
    }
  }

  private mutating func write(_ title: String, _ durations: DurationHistogram) {
    guard durations.count > 0 else { return }
    text.append(title, .bold)
    let shares = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]
    var parts = shares.map { "\($0) \(TimeText.duration(durations.percentile($1)))" }
    parts.append("max \(TimeText.duration(durations.maximum))")
    flow(parts, after: title.utf8.count)
  }

  /// Ends a line with some parts, on as many lines as the terminal needs.
  private mutating func flow(_ parts: [String], after start: Int) {
    var column = start
    for part in parts {
      if column > 0, column + 2 + part.utf8.count > width ?? .max {
        text.append("\n")
        column = 0
      }
      text.append("  " + part)
      column += 2 + part.utf8.count
    }
    text.append("\n")
  }

  /// Tunnels last as long as somebody wants them: they say nothing of how fast requests are.
  private mutating func writeTunnels() {
    let (ended, opened) = (statistics.total.tunnels, statistics.opened)
    guard ended > 0 || opened > 0 else { return }
    text.append("tunnels ", .bold)
    text.append(right: "\(ended)", width: 12)
    var parts: [String] = []
    let failed = statistics.total.failedTunnels
    if failed > 0 { parts.append("\(failed) failed") }
    if opened > ended { parts.append("\(opened - ended) not ended yet") }
    let durations = statistics.tunnelDurations
    if durations.count > 0 {
      parts.append("open for p50 \(TimeText.short(durations.percentile(0.5)))")
      parts.append("max \(TimeText.short(durations.maximum))")
    }
    flow(parts, after: 20)
  }

  private mutating func writeSeries() {
    let span = statistics.spans.present
    guard let first = span.first, let last = span.last else { return }
    text.append("from", .bold)
    text.append(" \(StatisticsText.time(UInt64(first)))")
    text.append(width ?? .max < 51 ? "\nto   " : " to ")
    text.append("\(StatisticsText.time(UInt64(last))) UTC")
    let series = statistics.total.series
    let values = series.values(within: series, width: width.map { min(64, $0) } ?? 64)
    guard values.count > 1 else { return text.append("\n") }
    let gap = (width ?? .max) >= 53 + values.count ? "  " : "\n"
    text.append("\(gap)\(Sparkline.text(values))\n")
  }

  /// `2026-11-22 23:49:17`
  static func time(_ seconds: UInt64) -> String {
    String(TimeText.date(seconds * 1_000_000).prefix(19))
  }

  // MARK: Groups

  private static func columns(hasTunnels: Bool, hasSeries: Bool) -> [StatisticsTable.Column] {
    [
      StatisticsTable.Column(title: "requests"), StatisticsTable.Column(title: "failed", rank: 7),
      StatisticsTable.Column(title: "share", rank: 1),
      StatisticsTable.Column(title: "p50", rank: 5),
      StatisticsTable.Column(title: "p95", rank: 4), StatisticsTable.Column(title: "p99"),
      StatisticsTable.Column(title: "max", rank: 3),
    ] + (hasTunnels ? [StatisticsTable.Column(title: "tunnels", rank: 2)] : [])
      + (hasSeries ? [StatisticsTable.Column(title: "over time", rank: 6, isText: true)] : [])
  }

  private static func cells(
    _ row: RowStatistics, hasTunnels: Bool, series: String?
  ) -> (cells: [String], styles: [Int: Style]) {
    let durations = row.durations
    func duration(_ value: UInt64) -> String { durations.count > 0 ? TimeText.short(value) : "-" }
    var cells = [
      "\(row.requests)", "\(row.failed)", Shares.percent(row.failed, of: row.requests),
      duration(durations.percentile(0.5)), duration(durations.percentile(0.95)),
      duration(durations.percentile(0.99)), duration(durations.maximum),
    ]
    if hasTunnels { cells.append("\(row.tunnels)") }
    if let series { cells.append(series) }
    return (cells, row.failed > 0 ? [1: .red] : [:])
  }

  /// Columns of a sparkline: what else is in a row needs 60.
  private var seriesWidth: Int {
    switch width ?? .max {
    case ..<100: 8
    case ..<140: 16
    default: 32
    }
  }

  private mutating func write(_ table: GroupTable) {
    let (rows, others) = table.shown
    text.append("\nby \(table.grouping.rawValue)\n", .bold)
    var rest = others.present
    for row in rows.dropFirst(StatisticsText.mostGroups) { rest.merge(row.present) }
    let shown = rows.prefix(StatisticsText.mostGroups)
    let hasTunnels = rest.tunnels > 0 || shown.contains { $0.present.tunnels > 0 }
    let whole = statistics.total.series
    var layout = StatisticsTable(
      StatisticsText.columns(hasTunnels: hasTunnels, hasSeries: whole.counts.count > 1),
      nameTitle: table.grouping.rawValue)
    func add(_ row: RowStatistics, _ name: [UInt8], isOwn: Bool = false) {
      let values = row.series.values(within: whole, width: seriesWidth)
      let (cells, styles) = StatisticsText.cells(
        row, hasTunnels: hasTunnels, series: values.count > 1 ? Sparkline.text(values) : nil)
      layout.append(
        StatisticsTable.Row(cells: cells, styles: styles, name: name, isOwn: isOwn))
    }
    for row in shown { add(row.present, row.name) }
    if rest.weight > 0 { add(rest, Array("(all others)".utf8), isOwn: true) }
    layout.write(to: &text, width: width)
    if table.isCut {
      let place = table.grouping == .path ? "folded into *" : "counted in (all others)"
      note("more names than are kept; the rarest are \(place)")
    }
  }

  /// A remark of ours, on as many lines as the terminal needs.
  mutating func note(_ remark: String) {
    for line in TextWrap.lines(remark, width: width) { text.append(line + "\n", .yellow) }
  }

  // MARK: Over time

  /// More rows without a request than that are said in one.
  private static var mostEmptyRows: UInt64 { 3 }

  private mutating func writeIntervals() {
    guard let intervals = statistics.intervals else { return }
    text.append("\nevery \(StatisticsText.span(intervals.width)), UTC\n", .bold)
    var layout = StatisticsTable(
      [StatisticsTable.Column(title: "from", isText: true)]
        + StatisticsText.columns(hasTunnels: false, hasSeries: false), nameTitle: "")
    let largest = intervals.all.map(\.row.requests).max() ?? 0
    func add(_ time: String, _ row: RowStatistics, _ note: String? = nil) {
      let (cells, styles) = StatisticsText.cells(row, hasTunnels: false, series: nil)
      let length = largest > 0 ? Int(row.requests * 10 / largest) : 0
      let name = note ?? String(repeating: "#", count: row.requests > 0 ? max(1, length) : 0)
      layout.append(
        StatisticsTable.Row(
          cells: [time] + cells, styles: styles[1].map { [2: $0] } ?? [:],
          name: Array((name.isEmpty ? " " : name).utf8), isOwn: note != nil))
    }
    if intervals.earlier.requests > 0 { add("(earlier)", intervals.earlier) }
    var next: UInt64?
    let step = UInt64(intervals.width)
    for (start, row) in intervals.all {
      if let first = next, start > first {
        let missing = (start - first) / step
        if missing > StatisticsText.mostEmptyRows {
          add(StatisticsText.time(first), RowStatistics(), "(none until the next row)")
        } else {
          for number in 0..<missing {
            add(StatisticsText.time(first + number * step), RowStatistics())
          }
        }
      }
      add(StatisticsText.time(start), row)
      next = start + step
    }
    layout.write(to: &text, width: width)
    if intervals.timeless > 0 {
      note("requests without a time: \(intervals.timeless)")
    }
  }

  /// `90s`, `5m`, `2h`, `1d`
  static func span(_ seconds: UInt32) -> String {
    for (unit, name) in [(86_400, "d"), (3_600, "h"), (60, "m")] as [(UInt32, String)]
    where seconds % unit == 0 { return "\(seconds / unit)\(name)" }
    return "\(seconds)s"
  }

  // MARK: Single requests

  private mutating func write(_ title: String, _ requests: [NotableRequest]) {
    guard !requests.isEmpty else { return }
    text.append("\n\(title)\n", .bold)
    let hasError = requests.contains { !$0.error.isEmpty }
    let longest = { (path: KeyPath<NotableRequest, [UInt8]>) in
      requests.map { DisplayWidth.columns(of: StatisticsText.safe($0[keyPath: path])) }.max() ?? 0
    }
    let widths = ColumnLayout(
      [
        ColumnLayout.Column(natural: 10), ColumnLayout.Column(natural: 3),
        ColumnLayout.Column(natural: max(1, longest(\.id)), least: 8),
        ColumnLayout.Column(natural: longest(\.method), least: 4, rank: 2),
        ColumnLayout.Column(natural: min(100, longest(\.uri)), least: 8),
        ColumnLayout.Column(
          natural: hasError ? longest(\.error) : 0, rank: hasError ? 1 : 3),
      ], width: width
    ).widths
    for request in requests { write(request, widths) }
  }

  private static func safe(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    SafeText.append(bytes, to: &text)
    return text
  }

  private mutating func write(_ request: NotableRequest, _ widths: [Int?]) {
    let isWhole = width == nil
    let isTimed = request.duration != AccessEntry.unknownTime
    text.append(
      right: isTimed ? TimeText.duration(request.duration) : "-", width: isWhole ? 12 : 10)
    text.append("  \(request.status)  ", Style(status: request.status))
    let id = request.id.isEmpty ? [UInt8(ascii: "-")] : request.id
    text.append(cropping: id, to: isWhole ? nil : widths[2], keepsStart: true)
    text.append("  ")
    if isWhole || widths[3] != nil {
      text.append(cropping: request.method, to: isWhole ? nil : widths[3])
      text.append(" ")
    }
    let isLast = request.error.isEmpty || widths[5] == nil
    text.append(
      cropping: isWhole ? request.uri.prefix(100) : request.uri[...],
      to: isWhole ? nil : widths[4], isLast: isLast)
    if !isLast {
      text.append("  ")
      text.append(cropping: request.error, .red, to: isWhole ? nil : widths[5], isLast: true)
    }
    text.append("\n")
  }
}
