import Basics
import Plan
import Telemetry

/// `access_log` and `error_log` of one place.
extension PlanAssembler {
  /// The access logs; JSON lines on standard output when nothing was said.
  func freezeAccessLogs(_ settings: LogSettings) -> FrozenArray<AccessLogPlan> {
    guard !settings.accessIsOff else { return .empty }
    guard let logs = settings.access else {
      let sink = sinks.index(of: .stdout)
      return arena.freeze([
        AccessLogPlan(
          sink: sink, format: LogFormat(kind: .json), condition: Template(parts: .empty))
      ])
    }
    return arena.freeze(logs.compactMap { freeze($0) })
  }

  private func freeze(_ log: AccessLogSetting) -> AccessLogPlan? {
    guard let format = format(log.format) else { return nil }
    var first: AccessLogSetting?
    guard let sink = sinks.index(of: log, first: &first) else {
      let line = first.map { reporter.describe($0.place, from: log.place) } ?? "another place"
      reporter.error(log.place, "this log has a different buffer= or flush= at \(line)")
      return nil
    }
    rotate(sink, log.rotation, log.place)
    return AccessLogPlan(sink: sink, format: format, condition: log.condition)
  }

  private func format(_ word: Word?) -> LogFormat? {
    guard let word else {
      return usesNginxDefaults ? nginxFormat() : LogFormat(kind: .json)
    }
    if usesNginxDefaults, word.text == "combined" { return nginxFormat() }
    if let known = formats[word.text] { return known }
    let declared = builder.logFormatIndices[word.text].map { builder.logFormats[$0].format }
    let format = declared ?? LogFormat(builtIn: word.text, compiler: &builder.templates)
    guard let format else { return unknownFormat(word) }
    formats[word.text] = format
    return format
  }

  /// nginx's `combined`, byte for byte: without the ID.
  private func nginxFormat() -> LogFormat? {
    if let known = formats["combined"] { return known }
    let format = LogFormat(nginxCombined: &builder.templates)
    formats["combined"] = format
    return format
  }

  private func unknownFormat(_ word: Word) -> LogFormat? {
    if builder.failed.mayDeclare(.logFormat, word.text) { return nil }
    reporter.error(
      word.place, "unknown log format \"\(word.text)\"",
      expected: "json, combined, verbose, simple or the name of a log_format",
      suggestion: Suggestion.nearest(
        to: word.text, among: LogFormat.builtInNames + builder.logFormats.map(\.name.text)))
    return nil
  }

  /// The error logs; standard error from `notice` on when nothing was said.
  func freezeErrorLogs(_ settings: LogSettings) -> FrozenArray<ErrorLogPlan> {
    guard let logs = settings.errors else {
      return arena.freeze([ErrorLogPlan(sink: sinks.index(of: .stderr), level: .notice)])
    }
    return arena.freeze(
      logs.map { log in
        let sink = sinks.index(of: log.destination)
        rotate(sink, log.rotation, log.place)
        return ErrorLogPlan(sink: sink, level: log.level, isJSON: log.isJSON)
      })
  }

  private func rotate(_ sink: Int, _ rotation: LogRotationSetting?, _ place: Place) {
    guard let other = sinks.rotate(sink, rotation, place) else { return }
    let line = reporter.describe(other, from: place)
    reporter.error(place, "this log has a different rotate=, keep= or gzip at \(line)")
  }

  /// `slow_log` and `debug_request`.
  func freezeHistory(_ settings: LogSettings) -> HistoryPlan {
    var plan = HistoryPlan()
    plan.slowerThan = settings.slowerThan ?? .endless
    if let watched = settings.watched {
      plan.requestIDs = arena.freeze(watched.requestIDs.map { arena.freeze($0) })
      plan.clients = watched.clients.freeze(arena, &networks)
      plan.isWatching = true
    }
    return plan
  }
}
