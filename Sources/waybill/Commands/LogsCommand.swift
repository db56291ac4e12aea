// `waybill logs`: access logs in a readable form.

import ArgumentParser
import LogReading
import Platform

/// `waybill logs`
struct LogsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs",
    abstract: "Show, filter, follow and summarize access logs.",
    discussion: """
      Reads the access logs in the configuration, or the given files (- is standard input), in the \
      formats json, combined, verbose, simple and the log_formats of the configuration; rotated \
      ones first, compressed with gzip, xz, zstd or bzip2 or not. Times are shown in UTC.

      Example: waybill logs --stats --by path --since 08:00 --against 'yesterday 08:00..12:00'
      """)

  @Argument(
    help: ArgumentHelp("Logs to read instead of the configuration's.", valueName: "file"),
    completion: .file())
  var paths: [String] = []

  @OptionGroup var configuration: ConfigurationPath

  @Flag(name: [.customShort("f"), .long], help: "Show the last lines, then new ones as they come.")
  var follow = false

  @Option(
    name: [.customShort("n"), .customLong("lines"), .customLong("tail")],
    help: ArgumentHelp("Show the last matching lines only, so many.", valueName: "number"))
  var last: Int?

  @Flag(
    name: .customLong("json"),
    help: "Print the lines as they are in the log; with --stats, one JSON object.")
  var isRaw = false

  @Flag(help: "Print a summary: shares, durations, the slowest and the failed requests.")
  var stats = false

  @Option(
    help: ArgumentHelp(
      "With --stats: add a table, or several.", valueName: Grouping.names),
    completion: .list(Grouping.allCases.map(\.rawValue)))
  var by: [GroupingList] = []

  @Option(
    help: ArgumentHelp("With --stats: add a table over time.", valueName: "time"))
  var every: String?

  @Option(
    help: ArgumentHelp(
      "With --stats: show what has changed from that period, as 'yesterday 08:00..12:00' or 1d.",
      valueName: "period"))
  var against: String?

  @OptionGroup(title: "Conditions") var conditions: FilterOptions

  func validate() throws {
    if stats && follow { throw ValidationError("--stats can't be combined with -f.") }
    if stats && last != nil { throw ValidationError("--stats can't be combined with -n.") }
    for (name, isGiven) in [
      ("--by", !by.isEmpty), ("--every", every != nil), ("--against", against != nil),
    ] where isGiven && !stats {
      throw ValidationError("\(name) requires --stats.")
    }
    if let last, last < 0 { throw ValidationError("-n needs a number of lines.") }
    if follow, paths.contains("-") {
      throw ValidationError("standard input can't be followed with -f; it is shown as it comes.")
    }
    _ = try conditions.filter(local: LogsCommand.local)
    _ = try plan(LogsCommand.local)
  }

  func run() throws { throw try perform().error }

  private static var local: LocalTime {
    LocalTime(now: MachineTime.now, offset: MachineTime.offset)
  }

  private func perform() throws -> ExitStatus {
    guard let choice = chooseLogs() else { return .usage }
    let local = LogsCommand.local
    var filter = try conditions.filter(local: local)
    let plan = try plan(local)
    if let reference = plan.reference {
      filter.since = min(filter.since, reference.lowerBound)
      filter.until = max(filter.until, reference.upperBound)
    }
    let selection = EntrySelection(
      reader: choice.reader, filter: filter, time: LogTime(local),
      present: plan.reference == nil ? nil : try present(plan, local))
    if follow { return LogFollowing(selection, isRaw: isRaw, last: last).run(choice.paths) }
    var logs = OpenedLogs()
    for path in RotatedName.ordered(choice.paths) {
      if paths.isEmpty {
        logs.openWithRotated(path)
      } else {
        logs.open(path, isStandardInput: path == "-")
      }
    }
    if stats { return LogSums(selection, plan: plan, isJSON: isRaw).run(&logs) }
    let listing = LogListing(selection, isRaw: isRaw)
    return last.map { listing.runLast($0, &logs) } ?? listing.run(&logs)
  }

  /// What the statistics are to say.
  private func plan(_ local: LocalTime) throws -> StatisticsPlan {
    var plan = StatisticsPlan()
    for grouping in by.flatMap(\.groupings) where !plan.groupings.contains(grouping) {
      plan.groupings.append(grouping)
    }
    if let every {
      let seconds = FilterWords.duration(every).map { $0 / 1_000_000 }
      guard let seconds, (1...604_800).contains(seconds) else {
        throw ValidationError(
          "invalid value \"\(every)\" for --every; expected a time from 1s to 1w, as 5m or 1h.")
      }
      plan.interval = UInt32(seconds)
    }
    if let against {
      plan.reference = try conditions.period(against, local: local)
      _ = try present(plan, local)
    }
    return plan
  }

  /// The period that is compared with another one: what was asked for or, without that, what
  /// follows the other one.
  private func present(_ plan: StatisticsPlan, _ local: LocalTime) throws -> ClosedRange<UInt64> {
    let filter = try conditions.filter(local: local)
    guard let reference = plan.reference else { return filter.since...filter.until }
    if conditions.since == nil, conditions.until == nil {
      return (reference.upperBound + 1)...(.max)
    }
    guard filter.until < reference.lowerBound || filter.since > reference.upperBound else {
      throw ValidationError(
        "the period of --against overlaps the one from --since to --until.")
    }
    return filter.since...filter.until
  }

  /// The logs and how they are read; nil when it is not known which, which is reported.
  private func chooseLogs() -> (paths: [String], reader: EntryReader)? {
    let path = configuration.given ?? (paths.isEmpty ? ConfigurationPath.usual : nil)
    guard let path else { return (paths, EntryReader()) }
    if configuration.given == nil, !LogFolder.exists(path) {
      report("\(path) does not exist; specify the configuration (-c) or a log")
      return nil
    }
    guard let configured = ConfiguredLogs(path: path) else { return nil }
    let chosen = paths.isEmpty ? configured.accessPaths : paths
    guard !chosen.isEmpty else {
      report("configuration \(path) has no access log in a file; specify the file that contains it")
      return nil
    }
    return (chosen, configured.reader)
  }
}

/// One grouping, or several with commas between them.
struct GroupingList: ExpressibleByArgument {
  let groupings: [Grouping]

  init?(argument: String) {
    let words = argument.split(separator: ",", omittingEmptySubsequences: false)
    groupings = words.compactMap { Grouping(rawValue: String($0)) }
    guard groupings.count == words.count else { return nil }
  }
}

extension Grouping {
  /// The words for them.
  fileprivate static var names: String { allCases.map(\.rawValue).joined(separator: "|") }
}
