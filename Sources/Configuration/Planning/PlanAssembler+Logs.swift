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
      reporter.error(log.place, "this log has another buffer= or flush= at \(line)")
      return nil
    }
    return AccessLogPlan(sink: sink, format: format, condition: log.condition)
  }

  private func format(_ word: Word?) -> LogFormat? {
    switch word?.text {
    case nil, "json": return LogFormat(kind: .json)
    case "verbose": return LogFormat(kind: .verbose)
    case "simple": return LogFormat(kind: .simple)
    case let name?:
      if let declared = builder.logFormats.first(where: { $0.name.text == name }) {
        return declared.format
      }
      return name == "combined" ? combined() : unknownFormat(word)
    }
  }

  private func combined() -> LogFormat? {
    let nowhere = Place(file: 0, offset: 0, count: 0)
    let template = builder.template(LogFormats.combined) { _, _ in nowhere }
    return template.map { LogFormat(kind: .template, template: $0) }
  }

  private func unknownFormat(_ word: Word?) -> LogFormat? {
    guard let word else { return nil }
    let names = LogFormats.builtIn + builder.logFormats.map(\.name.text)
    reporter.error(
      word.place, "unknown log format \"\(word.text)\"",
      expected: "json, combined, verbose, simple or the name of a log_format",
      suggestion: Suggestion.nearest(to: word.text, among: names))
    return nil
  }

  /// The error logs; standard error from `notice` on when nothing was said.
  func freezeErrorLogs(_ settings: LogSettings) -> FrozenArray<ErrorLogPlan> {
    let logs = settings.errors ?? [ErrorLogSetting(destination: .stderr, level: .notice)]
    return arena.freeze(
      logs.map { ErrorLogPlan(sink: sinks.index(of: $0.destination), level: $0.level) })
  }
}
