// `waybill requests`: lists the requests in progress and ends one of them.

import ArgumentParser
import LogReading
import Platform

/// `waybill requests`
struct RequestsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "requests",
    abstract: "Show the requests in progress, or end one of them.",
    discussion: """
      Queries the running process through its control socket (directive control). Without an ID, \
      lists all requests in progress, oldest first; with an ID, shows that request in detail. The \
      beginning of an ID is enough if no other request in progress has the same. *N means the \
      request on client connection N.

      Example: waybill requests --abort 67493260
      """)

  @Argument(help: "The request's ID, or * and the number of its connection.")
  var id: String?

  @OptionGroup var control: ControlOptions

  @Flag(help: "End the request, with a 503 or, if a response has begun, by cutting it.")
  var abort = false

  @Flag(help: "Repeat the list every second.")
  var watch = false

  @Flag(name: .customLong("json"), help: "Print one JSON object per request.")
  var isJSON = false

  func validate() throws {
    if let id, id.isEmpty || id == "*" { throw ValidationError("the ID is empty.") }
    if abort && id == nil { throw ValidationError("--abort needs the ID of the request.") }
    if watch && (abort || id != nil) {
      throw ValidationError("--watch can't be combined with an ID or --abort.")
    }
  }

  func run() throws { throw perform().error }

  private func perform() -> ExitStatus {
    guard let path = control.findSocket() else { return .usage }
    let client = ControlClient(path: path)
    guard let id else {
      return watch ? showAgain(isJSON: isJSON) { list(client) } : showList(client)
    }
    guard let rows = candidates(id, client), let row = choose(rows, id) else { return .failure }
    if abort { return end(row, client) }
    // Of a list, which a connection's number was looked for in, the details are missing.
    let detailed = client.ask(.requests(id: row.bytes("request_id")))?.rows.first { $0.isSame(row) }
    return show(detailed ?? row)
  }

  // MARK: The list

  private func showList(_ client: ControlClient) -> ExitStatus {
    guard let list = list(client) else { return .failure }
    return output(list)
  }

  /// The list as it is shown; nil when there is no answer, which is reported.
  private func list(_ client: ControlClient) -> [UInt8]? {
    guard let answer = client.ask(.requests(id: [])) else { return nil }
    let rows = answer.rows.sorted { $0.age > $1.age }
    return isJSON ? rows.flatMap { $0.line + [0x0A] } : RequestTable.render(rows)
  }

  // MARK: One request

  /// The requests of an ID, or all of them if a connection's number is given; nil when there is no
  /// answer, which is reported.
  private func candidates(_ id: String, _ client: ControlClient) -> [LineMembers]? {
    let isNumber = id.hasPrefix("*")
    if !isNumber {
      guard let answer = client.ask(.requests(id: Array(id.utf8))) else { return nil }
      if !answer.rows.isEmpty { return answer.rows }
    }
    guard let all = client.ask(.requests(id: [])) else { return nil }
    return isNumber ? all.rows : all.rows.filter { $0.isMeant(by: WantedID(Array(id.utf8))) }
  }

  /// The request that is meant; nil when there is none or more than one, which is reported.
  private func choose(_ rows: [LineMembers], _ id: String) -> LineMembers? {
    var found = rows
    if id.hasPrefix("*") {
      found = rows.filter { String($0.number("connection") ?? 0) == id.dropFirst() }
    } else {
      let exact = rows.filter { $0.text("request_id") == id }
      if !exact.isEmpty { found = exact }
    }
    if found.count == 1 { return found[0] }
    guard !found.isEmpty else {
      report("no request in progress has the ID \(shown(id))")
      return nil
    }
    let some = found.prefix(5).map { row in
      "\(shown(row.text("request_id"))) on connection *\(row.number("connection") ?? 0)"
    }
    report("\(found.count) requests match \(shown(id)): \(some.joined(separator: ", "))")
    return nil
  }

  private func end(_ row: LineMembers, _ client: ControlClient) -> ExitStatus {
    let question = ControlQuestion.abort(
      connection: row.number("connection") ?? 0,
      request: UInt32(clamping: row.number("connection_request") ?? 0),
      process: row.number("process").flatMap { Int32(exactly: $0) })
    guard let answer = client.ask(question) else { return .failure }
    let id = shown(row.text("request_id"))
    guard answer.count == 1 else {
      report("request \(id) has already ended")
      return .failure
    }
    return output("ended request \(id) in phase \(shown(row.text("phase")))\n")
  }

  private func show(_ row: LineMembers) -> ExitStatus {
    output(isJSON ? row.line + [0x0A] : RequestDetail.render(row))
  }
}

/// Somebody else's text, fit for a message.
func shown(_ text: String) -> String { SafeText.text(text) }

extension LineMembers {
  /// How long a request has been under way, in microseconds.
  var age: UInt64 { microseconds("duration") ?? 0 }

  /// True for another line about the same request.
  fileprivate func isSame(_ other: LineMembers) -> Bool {
    number("connection") == other.number("connection")
      && number("connection_request") == other.number("connection_request")
      && number("process") == other.number("process")
  }
}
