// `waybill explain`: how a request would be handled.

import ArgumentParser
import Basics
import Configuration
import HTTP
import LogReading
import Plan
import Platform
import Policy

/// `waybill explain`
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Show how a request would be handled, without sending it.",
    discussion: """
      Reads the configuration and lets the engine handle the request on a simulated system. Prints \
      the server and location, the decision about its ID and the reason, what the backend and the \
      client would receive, and the order in which backends would be tried right after a start.

      Example: waybill explain \"GET /path\" -H \"Host: shop.example\" --from 10.0.0.1
      """)

  @Argument(
    help: ArgumentHelp("Method and target; the default method is GET.", valueName: "request"))
  var request: String

  @OptionGroup var configuration: ConfigurationPath

  @Option(
    name: [.customShort("H"), .customLong("header")],
    help: ArgumentHelp(
      "A request field. The default Host is the listen address; \"Host:\" omits it.",
      valueName: "name: value"))
  var fields: [String] = []

  @Option(help: ArgumentHelp("The client's address.", valueName: "address"))
  var from = "127.0.0.1"

  @Option(
    help: ArgumentHelp(
      "The listen address that receives it (default: the first).", valueName: "address:port"))
  var listen: String?

  @Flag(name: .customLong("json"), help: "Print one JSON object.")
  var isJSON = false

  func validate() throws {
    guard PeerAddress(parsing: Array(from.utf8).span) != nil else {
      throw ValidationError("invalid address \"\(from)\" for --from.")
    }
    if request.split(separator: " ").isEmpty { throw ValidationError("the request is empty.") }
    for field in fields where !field.contains(":") {
      throw ValidationError("-H \"\(field)\" must have the form NAME: VALUE.")
    }
  }

  func run() throws { throw perform().error }

  private func perform() -> ExitStatus {
    guard
      let compiled = compileAndReport(
        path: configuration.given ?? ConfigurationPath.usual, for: .explaining),
      let plan = compiled.plan,
      let peer = PeerAddress(parsing: Array(from.utf8).span),
      let listener = chooseListener(plan)
    else { return .usage }
    let name = plan.tables.listeners[listener].text
    let message = RehearsedRequest(request, fields: fields, host: name)
    guard
      let rehearsal = Rehearsal(plan, request: message.bytes, peer: peer, listener: listener)
    else {
      report("the request head is incomplete")
      return .failure
    }
    let explanation = Explanation(
      rehearsal, compiled: compiled, plan: plan, request: message, peer: peer, listener: listener)
    let bytes = isJSON ? explanation.json : explanation.text
    return output(bytes)
  }

  /// The listener that is meant; nil when there is none, which is reported.
  private func chooseListener(_ plan: Plan) -> Int? {
    let listeners = plan.tables.listeners
    guard let listen else { return 0 }
    let port = listen.split(separator: ":").last.flatMap { UInt16($0) }
    let exact = listeners.indices.first { listeners[$0].text == listen }
    let wildcard = listeners.indices.first {
      let address = listeners[$0].address
      return address.family != .unix && address.port == port
        && (address.high == 0 && address.low & 0xFFFF_FFFF == 0 || !listen.contains(":"))
    }
    if let found = exact ?? wildcard { return found }
    let known = listeners.indices.map { listeners[$0].text }.joined(separator: ", ")
    report("--listen \(shown(listen)): the configuration listens on \(known)")
    return nil
  }
}

extension ListenerPlan {
  /// The address as in a `listen` directive.
  var text: String { unixPath.isEmpty ? address.text : "unix:" + unixPath.text }
}

/// The request that is explained.
struct RehearsedRequest {
  let bytes: [UInt8]
  /// The method and the target.
  let title: String

  /// A request of `words` (method, target and version, or fewer of them) and `fields`.
  init(_ words: String, fields: [String], host: String) {
    var words = words.split(separator: " ").map(String.init)
    if words.count == 1 { words.insert("GET", at: 0) }
    if words.count == 2 { words.append("HTTP/1.1") }
    let hosts = fields.filter { $0.lowercased().hasPrefix("host:") }
    var lines = [words.joined(separator: " ")]
    if hosts.isEmpty { lines.append("Host: \(host)") }
    // As curl has it: a name without a value takes the field away.
    lines += fields.filter { $0.lowercased() != "host:" }
    let content = RehearsedRequest.content(of: fields)
    bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + content
    title = words.dropLast().joined(separator: " ")
  }

  /// Zeros where the fields announce content: a backend may be asked only when it has come. As
  /// much as the engine reads in any case before it asks one; chunked content is empty.
  private static func content(of fields: [String]) -> [UInt8] {
    for field in fields {
      let parts = field.split(separator: ":", maxSplits: 1).map { $0.filter { !$0.isWhitespace } }
      guard parts.count == 2 else { continue }
      switch parts[0].lowercased() {
      case "content-length":
        let count = Int(parts[1]) ?? 0
        return [UInt8](repeating: 0, count: max(0, min(count, Limits.largeBufferBytes)))
      case "transfer-encoding": return Array("0\r\n\r\n".utf8)
      default: continue
      }
    }
    return []
  }
}
