import Telemetry

/// The page of the documentation about reasons, and the list that `waybill why` prints.
public enum ReasonReference {
  /// Every word, by its kind.
  public static var all: [(title: String, reasons: [Reason])] {
    let parties = Termination.Party.allCases.filter { $0 != .nobody }
    return [
      ("error", ErrorType.allCases.filter { $0 != .none }.map { Reason(error: $0) }),
      (
        "termination",
        parties.flatMap { party in
          Termination.Phase.allCases.map { Reason(Termination(party, $0)) }
        }
      ),
      ("status", Reason.statuses.map { Reason(status: $0) }),
    ]
  }

  /// The page.
  public static func markdown() -> String {
    var text = """
      # Why a request ended

      What each `error`, `termination` and `status` of a log line means, the directives concerned, \
      and what to look at next. `waybill why WORD` prints the same.

      `ExampleTests` generates this page from the table that `waybill why` and `waybill trace` use.

      """
    for (title, reasons) in all {
      text += "\n## \(title)\n\n| `\(title)` | What happened | Directives | What to look at |\n"
      text += "|---|---|---|---|\n"
      for reason in reasons {
        let condition = reason.condition.isEmpty ? "" : " (\(reason.condition))"
        let directives = reason.directives.map { "`\($0)`" }.joined(separator: ", ")
        text += "| `\(reason.name)`\(condition) | \(reason.event) | \(directives) |"
        text += " \(reason.advice) |\n"
      }
    }
    return text
  }
}
