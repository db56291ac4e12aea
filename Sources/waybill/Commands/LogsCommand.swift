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
      Reads the access logs in the configuration, or the given files, in the formats json, \
      combined, verbose, simple and the log_formats of the configuration; rotated ones first, \
      compressed with gzip or not. Times are shown in UTC.
      """)

  @Argument(
    help: ArgumentHelp("Logs to read instead of the configuration's.", valueName: "file"),
    completion: .file())
  var paths: [String] = []

  @Option(
    name: [.customShort("c"), .customLong("config")],
    help: ArgumentHelp(
      "The configuration (default: \(ConfiguredLogs.usualPath)).", valueName: "file"),
    completion: .file())
  var configurationPath: String?

  @Flag(name: [.customShort("f"), .long], help: "Show the last lines, then new ones as they come.")
  var follow = false

  @Flag(name: .customLong("json"), help: "Print the lines as they are in the log.")
  var isRaw = false

  @Flag(help: "Print a summary: shares, durations, the slowest and the failed requests.")
  var stats = false

  @Option(help: ArgumentHelp("With --stats: add a table.", valueName: "host|path|upstream"))
  var by: Grouping?

  @OptionGroup(title: "Conditions") var conditions: FilterOptions

  func validate() throws {
    if stats && (follow || isRaw) {
      throw ValidationError("--stats can't be combined with -f or --json.")
    }
    if by != nil && !stats { throw ValidationError("--by requires --stats.") }
    _ = try conditions.filter(local: LogsCommand.local)
  }

  func run() throws { throw try perform().error }

  private static var local: LocalTime {
    LocalTime(now: MachineTime.now, offset: MachineTime.offset)
  }

  private func perform() throws -> ExitStatus {
    guard let choice = chooseLogs() else { return .usage }
    let selection = EntrySelection(
      reader: choice.reader, filter: try conditions.filter(local: LogsCommand.local),
      time: LogTime(LogsCommand.local))
    if follow { return LogFollowing(selection, isRaw: isRaw).run(choice.paths) }
    var logs = OpenedLogs()
    for path in RotatedName.ordered(choice.paths) {
      if paths.isEmpty { logs.openWithRotated(path) } else { logs.open(path) }
    }
    return stats
      ? LogSums(selection, grouping: by).run(&logs) : LogListing(selection, isRaw: isRaw).run(&logs)
  }

  /// The logs and how they are read; nil when it is not known which, which is reported.
  private func chooseLogs() -> (paths: [String], reader: EntryReader)? {
    let path = configurationPath ?? (paths.isEmpty ? ConfiguredLogs.usualPath : nil)
    guard let path else { return (paths, EntryReader()) }
    if configurationPath == nil, !LogFolder.exists(path) {
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

extension Grouping: ExpressibleByArgument {}
