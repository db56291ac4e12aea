/// Statistics as people read them.
public enum StatisticsText {
  /// The groups that are shown; the rest is summed up.
  private static var mostGroups: Int { 20 }

  /// The text.
  public static func render(
    _ statistics: LogStatistics, grouping: Grouping?, isColoured: Bool
  ) -> [UInt8] {
    var text = StyledText(isColoured: isColoured)
    writeTotals(statistics, &text)
    if let groups = statistics.groups, let grouping { write(groups, grouping, &text) }
    write("slowest", statistics.slowest, &text)
    write("failed (the first)", statistics.failures, &text)
    return text.bytes
  }

  private static func writeTotals(_ statistics: LogStatistics, _ text: inout StyledText) {
    text.append("requests", .bold)
    text.append(right: "\(statistics.requests)", width: 12)
    text.append("\nfailed  ", .bold)
    let share = Shares.percent(statistics.failed, of: statistics.requests)
    text.append(right: "\(statistics.failed)", statistics.failed > 0 ? .red : .plain, width: 12)
    text.append("  \(share)\n")
    for (number, count) in statistics.classes.enumerated() where count > 0 {
      let name = number == 0 ? "none" : "\(number)xx"
      text.append("status \(name)", Style(status: UInt16(number) * 100))
      text.append(right: "\(count)", width: number == 0 ? 9 : 10)
      text.append("  \(Shares.percent(count, of: statistics.requests))\n")
    }
    let durations = statistics.durations
    if durations.count > 0 {
      text.append("duration", .bold)
      for (name, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        text.append("  \(name) \(TimeText.duration(durations.percentile(share)))")
      }
      text.append("  max \(TimeText.duration(durations.maximum))\n")
    }
    if statistics.foreign > 0 {
      text.append("lines in an unknown format: \(statistics.foreign)\n", .yellow)
    }
  }

  private static func write(
    _ groups: GroupTable, _ grouping: Grouping, _ text: inout StyledText
  ) {
    text.append("\nby \(grouping.rawValue)\n", .bold)
    text.append("    requests      failed        mean         max\n", .faint)
    let all = groups.all
    for group in all.prefix(mostGroups) {
      write(group.counts, &text)
      text.append(safely: group.name.isEmpty ? [UInt8(ascii: "-")] : group.name)
      text.append("\n")
    }
    var rest = groups.others
    for group in all.dropFirst(mostGroups) { rest.merge(group.counts) }
    guard rest.requests > 0 else { return }
    write(rest, &text)
    text.append("(all others)\n", .faint)
  }

  private static func write(_ counts: GroupCounts, _ text: inout StyledText) {
    text.append(right: "\(counts.requests)", width: 12)
    text.append(right: "\(counts.failed)", counts.failed > 0 ? .red : .plain, width: 12)
    let mean = counts.timed > 0 ? TimeText.duration(counts.microseconds / counts.timed) : "-"
    text.append(right: mean, width: 12)
    text.append(right: counts.timed > 0 ? TimeText.duration(counts.longest) : "-", width: 12)
    text.append("  ")
  }

  private static func write(
    _ title: String, _ requests: [NotableRequest], _ text: inout StyledText
  ) {
    guard !requests.isEmpty else { return }
    text.append("\n\(title)\n", .bold)
    for request in requests {
      let isTimed = request.duration != AccessEntry.unknownTime
      text.append(right: isTimed ? TimeText.duration(request.duration) : "-", width: 12)
      text.append("  \(request.status)  ", Style(status: request.status))
      text.append(safely: request.id.isEmpty ? [UInt8(ascii: "-")] : request.id)
      text.append("  ")
      text.append(safely: request.method)
      text.append(" ")
      text.append(safely: request.uri.prefix(100))
      if !request.error.isEmpty {
        text.append("  ")
        text.append(safely: request.error, .red)
      }
      text.append("\n")
    }
  }
}
