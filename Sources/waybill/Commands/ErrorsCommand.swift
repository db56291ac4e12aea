// `waybill errors`: recent failed requests, as the running process remembers them.

import ArgumentParser
import LogReading
import Platform
import Policy

/// `waybill errors`
struct ErrorsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "errors",
    abstract: "Show recent failed requests, with their heads.",
    discussion: """
      Queries the running process through its control socket (directive control). It remembers the \
      last \(Limits.keptFailures) failed requests of each worker: those that Waybill rejected, \
      that timed out, that failed because of the backend, or whose client disconnected. Values of \
      Authorization, Proxy-Authorization, Cookie and Set-Cookie are masked.

      Example: waybill errors 0d5adba4
      """)

  @Argument(help: "Show everything known about the request with this ID or beginning of an ID.")
  var id: String?

  @OptionGroup var control: ControlOptions

  @Flag(name: .customLong("json"), help: "Print one JSON object per request.")
  var isJSON = false

  func validate() throws {
    if id?.isEmpty == true { throw ValidationError("the ID is empty.") }
  }

  func run() throws { throw perform().error }

  private func perform() -> ExitStatus {
    guard let path = control.findSocket() else { return .usage }
    guard let answer = ControlClient(path: path).ask(.errors) else { return .failure }
    guard let id else { return show(answer.rows) }
    let wanted = WantedID(Array(id.utf8), shortestBeginning: 1)
    let found = answer.rows.filter { $0.isMeant(by: wanted) }
    guard !found.isEmpty else {
      report("no remembered failed request has the ID \(shown(id))")
      return .failure
    }
    return isJSON ? show(found) : write(found.flatMap { RequestDetail.render($0) })
  }

  private func show(_ rows: [LineMembers]) -> ExitStatus {
    if isJSON { return write(rows.flatMap { $0.line + [0x0A] }) }
    if rows.isEmpty { return write(Array("no request has failed\n".utf8)) }
    let local = LocalTime(now: MachineTime.now, offset: MachineTime.offset)
    let selection = EntrySelection(
      reader: EntryReader(), filter: EntryFilter(), time: LogTime(local))
    var output = EntryOutput(isRaw: false)
    for row in rows {
      _ = selection.forEach(in: row.line.span) { output.add($0, $1, selection) }
    }
    return write(output.take())
  }

  private func write(_ bytes: [UInt8]) -> ExitStatus {
    output(bytes)
  }
}
