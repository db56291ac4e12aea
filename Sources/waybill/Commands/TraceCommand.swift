// `waybill trace ID`: everything that the logs say about one request, in chronological order.

import ArgumentParser
import LogReading
import Platform

/// `waybill trace`
struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "Show everything that the logs say about one request.",
    discussion: """
      Searches the access and error logs in the configuration, including rotated ones, and the \
      given files and directories: logs of Django, gunicorn or nginx, journald exports, any text \
      or JSON, compressed with gzip, xz, zstd or bzip2 or not. A message with a traceback is shown \
      with it, long ones folded to their first and last lines. The first 8 characters of an ID are \
      enough if no other ID begins with them.

      Example: waybill trace 67493260 /var/log/shop
      """)

  @Argument(help: "The request's ID: Waybill's, the client's or the backend's.")
  var id: String

  @Argument(help: ArgumentHelp("Additional logs.", valueName: "file|folder"), completion: .file())
  var paths: [String] = []

  @OptionGroup var configuration: ConfigurationPath

  @Flag(
    name: .customLong("full"), help: "Show every line of tracebacks and other long records.")
  var isFull = false

  @Flag(name: .customLong("json"), help: "Print one JSON object per line or record.")
  var isJSON = false

  func validate() throws {
    if id.isEmpty { throw ValidationError("the ID is empty.") }
  }

  func run() throws { throw perform().error }

  private func perform() -> ExitStatus {
    var logs = OpenedLogs()
    var reader = EntryReader()
    let usual = ConfigurationPath.usual
    if let path = configuration.given ?? (LogFolder.exists(usual) ? usual : nil) {
      guard let configured = ConfiguredLogs(path: path) else { return .usage }
      reader = configured.reader
      for path in configured.accessPaths + configured.errorPaths { logs.openWithRotated(path) }
      if configured.usesStandardStream {
        report("logs on stdout or stderr are not searched; specify the file that contains them")
      }
    } else if paths.isEmpty {
      report("\(usual) does not exist; specify the configuration (-c) or a log")
      return .usage
    }
    for path in paths {
      logs.open(path, entersFolders: path != "-", isStandardInput: path == "-")
    }
    var tracing = Tracing(
      id: Array(id.utf8), logs: logs, reader: reader, isJSON: isJSON, isFull: isFull)
    return tracing.run()
  }
}

/// One trace.
private struct Tracing {
  private var id: [UInt8]
  private var logs: OpenedLogs
  private let isJSON: Bool
  private let isFull: Bool
  private let search: TraceSearch

  /// Fewer characters are the beginning of too many IDs.
  private static let shortestBeginning = 8
  /// IDs that are followed from one found line to others.
  private static let mostLinks = 8

  init(id: [UInt8], logs: OpenedLogs, reader: EntryReader, isJSON: Bool, isFull: Bool) {
    self.isFull = isFull
    self.id = id
    self.logs = logs
    self.isJSON = isJSON
    let local = LocalTime(now: MachineTime.now, offset: MachineTime.offset)
    search = TraceSearch(files: logs.files, reader: reader, time: LogTime(local))
  }

  mutating func run() -> ExitStatus {
    var outcome = search.lines(of: id)
    note(outcome)
    // Our own logs write an ID so; somebody may have copied all of it.
    if outcome.lines.isEmpty, let bare = Tracing.bare(id) {
      id = bare
      outcome = search.lines(of: id)
    }
    guard let own = resolve(outcome.lines) else { return .failure }
    let form = IDForm(own)
    let found = outcome.lines.filter { form.includes(IDForm($0.id)) }
    guard var lines = choose(found, own) else { return .failure }
    var isCut = outcome.isCut
    for other in Story.otherIDs(in: lines).sorted(by: precedes).prefix(Tracing.mostLinks) {
      let linked = search.lines(of: other)
      lines += linked.lines.filter { IDForm(other).includes(IDForm($0.id)) }
      isCut = isCut || linked.isCut
    }
    if isCut { report("there are too many lines to show all of them; these were found first") }
    let written = show(Story(lines), own)
    return logs.hasFailed ? .failure : written
  }

  /// An ID without what our own logs write around it: `[req-ID]`, `"ID"`; nil when it has nothing.
  private static func bare(_ id: [UInt8]) -> [UInt8]? {
    var rest = id[...]
    while let first = rest.first, "[(<{\"'` ".utf8.contains(first) { rest.removeFirst() }
    while let last = rest.last, "])>}\"'`,; ".utf8.contains(last) { rest.removeLast() }
    if rest.starts(with: "req-".utf8) { rest.removeFirst(4) }
    return rest.isEmpty || rest.count == id.count ? nil : Array(rest)
  }

  /// The lines that are about the request; nil, with a report, for what is no ID but a word or a
  /// number in the lines of many requests.
  private func choose(_ lines: [FoundLine], _ own: [UInt8]) -> [FoundLine]? {
    switch Selection(lines, about: own) {
    case .lines(let all): return all
    case .sure(let sure, let others):
      if others > 0 {
        report(
          "\(shown(own)) is in \(others) more line\(others == 1 ? "" : "s"), but not as an ID;"
            + " not shown")
      }
      return sure
    case .unclear(let others):
      report(
        "\(shown(own)) is in \(lines.count) lines"
          + (others > 1 ? ", of \(others) requests with other IDs" : "")
          + "; give more of the ID, or all of it")
      return nil
    }
  }

  private func show(_ story: Story, _ own: [UInt8]) -> ExitStatus {
    let names = search.files.map(\.path)
    let bytes =
      isJSON
      ? story.json(names: names)
      : StoryText.render(
        story, id: own, names: names, isColoured: TerminalOutput.isColoured, isFull: isFull,
        width: TerminalOutput.columns)
    return output(bytes)
  }

  private func precedes(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    one.lexicographicallyPrecedes(other)
  }

  private mutating func note(_ outcome: TraceSearch.Outcome) {
    for (file, message) in outcome.problems { logs.fail(search.files[file].path, message) }
  }

  /// The whole ID that was meant; nil, with a report, when there is none or more than one.
  private func resolve(_ lines: [FoundLine]) -> [UInt8]? {
    // A UUID that was given cut is the beginning of the whole one.
    let wanted = IDForm(id)
    let exact = lines.filter { wanted.includes(IDForm($0.id)) }
    if !exact.isEmpty, !wanted.isCut { return id }
    let others = lines.map(\.id).filter { exact.isEmpty || IDForm($0).key != wanted.key }
    if others.isEmpty, !exact.isEmpty { return id }
    let whole = IDForm.distinct(others)
    guard !whole.isEmpty else {
      reportNothing()
      return nil
    }
    if id.count < Tracing.shortestBeginning {
      report(
        "there is no ID \(shown(id)); the beginning of an ID must have at least"
          + " \(Tracing.shortestBeginning) characters")
      return nil
    }
    if whole.count == 1 { return whole.first }
    let some = whole.sorted(by: precedes).prefix(5).map(shown).joined(separator: ", ")
    let rest = whole.count > 5 ? " and \(whole.count - 5) more" : ""
    report("\(shown(id)) is the beginning of \(whole.count) IDs: \(some)\(rest)")
    return nil
  }

  /// Says where was looked, so that somebody sees which log is missing or too young.
  private func reportNothing() {
    let count = search.files.count
    report("no line with \(shown(id)) in \(count) file\(count == 1 ? "" : "s")")
    for file in search.files {
      let span = search.span(of: file).map {
        ": \(TimeText.date($0.first).prefix(19)) to \(TimeText.date($0.last).prefix(19)) UTC"
      }
      report("  \(shown(Array(file.path.utf8)))\(span ?? "")")
    }
  }

  private func shown(_ bytes: [UInt8]) -> String {
    var safe: [UInt8] = []
    SafeText.append(bytes, to: &safe)
    return String(decoding: safe, as: UTF8.self)
  }
}
