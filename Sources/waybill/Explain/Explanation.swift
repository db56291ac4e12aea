// The results of a rehearsal in words: the same facts for people and for programs.

import Basics
import Configuration
import Engine
import HTTP
import LogReading
import Plan
import Platform
import Policy
import Telemetry

/// Facts in their order, each with its lines.
struct Explanation {
  private(set) var facts: [(name: String, lines: [String])] = []

  /// The explanation of one rehearsal.
  init(
    _ rehearsal: Rehearsal, compiled: CompiledConfiguration, plan: Plan, request: RehearsedRequest,
    peer: PeerAddress, listener: Int
  ) {
    let tables = plan.tables
    let decision = rehearsal.decision
    let location = tables.locations[decision.location]
    add("request", request.title)
    add("listen", tables.listeners[listener].text)
    add("server", Explanation.server(decision, compiled, tables.listeners[listener]))
    add("rewriting", lines: decision.rewriting)
    if !decision.path.isEmpty { add("path", decision.path) }
    add("client", Explanation.client(decision, tables.servers[decision.server], peer))
    if decision.fault == nil {
      add("location", Explanation.location(decision.location, location, compiled))
      add("request ID", RequestIDExplanation.text(decision, location.requestID))
    }
    if let asked = decision.authorizingLocation {
      let authorizing = tables.locations[asked]
      let path = location.admission.authorization.path.text
      let what = Explanation.location(asked, authorizing, compiled)
      add("auth_request", "\(path), asked first: \(what)")
      add("sent to it", lines: Explanation.lines(rehearsal.asked))
    }
    if let refusal = Explanation.refusal(decision) {
      add("refused", refusal)
      add("why", lines: Explanation.reason(decision))
    }
    if !rehearsal.sent.isEmpty { addUpstream(rehearsal, tables.upstreams[location.upstream]) }
    add(
      rehearsal.sent.isEmpty ? "answered" : "answered, to a bare 200",
      lines: Explanation.lines(rehearsal.answered))
    add("hidden", lines: location.hiddenFields.indices.map { location.hiddenFields[$0].text })
    add("limits", lines: LimitsExplanation.lines(tables.servers[decision.server], location))
  }

  private mutating func add(_ name: String, _ line: String) { facts.append((name, [line])) }

  private mutating func add(_ name: String, lines: [String]) {
    if !lines.isEmpty { facts.append((name, lines)) }
  }

  private mutating func addUpstream(_ rehearsal: Rehearsal, _ upstream: UpstreamPlan) {
    add("upstream", "\(upstream.name.text), \(upstream.method.words)")
    add("tried in this order", lines: rehearsal.tries)
    add("sent", lines: Explanation.lines(rehearsal.sent))
  }

  // MARK: Sentences

  private static func server(
    _ decision: RequestDecision, _ compiled: CompiledConfiguration, _ listener: ListenerPlan
  ) -> String {
    let place = compiled.serverPlaces[decision.server]
    let isDefault = decision.server == listener.defaultServer
    let suffix = isDefault ? ", the default server of the address" : ""
    return "\(place.title) (\(place.source))" + suffix
  }

  private static func client(
    _ decision: RequestDecision, _ server: ServerPlan, _ peer: PeerAddress
  ) -> String {
    guard decision.trustsForwardedFields else {
      return "\(peer.host), the address of the connection: not in set_real_ip_from"
    }
    let field =
      server.realIPHeader == .proxyProtocol ? "the PROXY protocol" : server.realIPField.text
    return "\(decision.client.host), from \(field): set_real_ip_from trusts \(peer.host)"
  }

  private static func location(
    _ index: Int, _ location: LocationPlan, _ compiled: CompiledConfiguration
  ) -> String {
    let place = compiled.locationPlaces[index]
    let action =
      switch location.contentAction {
      case .none, .precontent, .rewriting, .traced: "neither proxy_pass nor return nor root"
      case .files: location.files.isAlias ? "alias" : "root"
      case .proxy: "proxy_pass to \(location.proxyHost.text)"
      case .health: "health"
      case .metrics: "metrics"
      case .status: "status"
      case .stubStatus: "stub_status"
      case .answer: "return \(location.answerStatus)"
      }
    return "\(place.title) (\(place.source)), \(action)"
  }

  private static func refusal(_ decision: RequestDecision) -> String? {
    guard decision.termination != .completed else { return nil }
    var text = "\(decision.status)"
    if decision.error != .none { text += " \(decision.error.name)" }
    if let fault = decision.fault { text += ", byte \(fault.offset): \(fault.reason)" }
    return text
  }

  private static func reason(_ decision: RequestDecision) -> [String] {
    let termination = decision.termination
    let reason = Reason.of(
      error: "\(decision.error.name)",
      termination: "\(termination.partyName):\(termination.phaseName)", status: decision.status)
    return reason.map { [$0.sentences] } ?? []
  }

  private static func lines(_ head: [UInt8]) -> [String] {
    head.split(separator: UInt8(ascii: "\n"))
      .map { String(decoding: $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0, as: UTF8.self) }
  }

  // MARK: Forms

  /// Titles in a column, then the lines.
  var text: [UInt8] {
    var text = StyledText(isColoured: TerminalOutput.isColoured)
    let width = (facts.map(\.name.count).max() ?? 0) + 2
    for fact in facts {
      for (index, line) in fact.lines.enumerated() {
        text.append(safely: (index == 0 ? fact.name : "").utf8, .faint, width: width)
        text.append(safely: line.utf8)
        text.append("\n")
      }
    }
    return TextWrap.fold(text.bytes, width: TerminalOutput.columns, indent: width)
  }

  /// An object; each fact is an array of its lines.
  var json: [UInt8] {
    var json: [UInt8] = [UInt8(ascii: "{")]
    for (index, fact) in facts.enumerated() {
      if index > 0 { json.append(UInt8(ascii: ",")) }
      SafeText.appendJSON(Array(fact.name.utf8), to: &json)
      json += ":[".utf8
      for (index, line) in fact.lines.enumerated() {
        if index > 0 { json.append(UInt8(ascii: ",")) }
        SafeText.appendJSON(Array(line.utf8), to: &json)
      }
      json.append(UInt8(ascii: "]"))
    }
    return json + "}\n".utf8
  }
}

extension BalancingMethod {
  /// The method in the words of the conf file.
  fileprivate var words: String {
    switch self {
    case .roundRobin: "round robin"
    case .leastConnections: "least_conn"
    case .random: "random (the order is an example)"
    case .randomTwo: "random two (the order is an example)"
    case .hash: "hash"
    case .consistentHash: "hash consistent"
    case .addressHash: "ip_hash"
    }
  }
}
