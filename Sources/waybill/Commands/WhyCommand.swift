// `waybill why WORD`: what a log says in a word, in sentences.

import ArgumentParser
import LogReading
import Platform

/// `waybill why`
struct WhyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why",
    abstract: "Explain an error, a termination or a status of the log.",
    discussion: """
      Prints what happened, the directives whose limit or rule it was, and what to look at next. \
      Without a word, lists all of them.

      Example: waybill why upstream:response_head
      """)

  @Argument(
    help: ArgumentHelp(
      "A value of error, termination or status in a log line.",
      valueName: "error|termination|status"),
    completion: .list(ReasonReference.all.flatMap { $0.reasons.map(\.name) }))
  var word: String?

  @Flag(name: .customLong("json"), help: "Print one JSON object per explanation.")
  var isJSON = false

  func run() throws { throw perform().error }

  private func perform() -> ExitStatus {
    guard let word else {
      let all = ReasonReference.all
      if isJSON { return output(all.flatMap(\.reasons).flatMap(\.json)) }
      return output(ReasonText.list(all, style))
    }
    // As it stands in a line of JSON, or of text.
    let bare = word.split(separator: "=").last.map(String.init) ?? word
    let reasons = Reason.all(for: String(bare.filter { $0 != "\"" }))
    guard !reasons.isEmpty else {
      report("no line says \(shown(word)); waybill why lists what they say")
      return .usage
    }
    return output(
      isJSON ? reasons.flatMap(\.json) : reasons.flatMap { ReasonText.render($0, style) })
  }

  private var style: ReasonText.Style {
    ReasonText.Style(width: TerminalOutput.columns, isColoured: TerminalOutput.isColoured)
  }
}
