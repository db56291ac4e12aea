import Simulation

/// What a scenario has left behind: log lines, and what clients and backends saw. The files beside
/// this one judge it.
struct Evidence {
  let scenario: Scenario
  let world: SimulatedWorld
  /// Lines of ended exchanges.
  private(set) var ends: [AccessLine] = []
  /// The same by client, in the order of its requests.
  private(set) var linesByClient: [String: [AccessLine]] = [:]
  /// The same by the nonce of the request's target.
  private(set) var linesByNonce: [String: AccessLine] = [:]
  private(set) var clients: [(plan: ClientPlan, record: ConnectionRecord)] = []
  private(set) var backends: [(plan: BackendPlan, connections: [ConnectionRecord])] = []
  private(set) var requests: [String: PlannedRequest] = [:]
  private(set) var found: [Violation] = []

  init(_ run: ScenarioRun) {
    scenario = run.scenario
    world = run.world
    clients = Array(zip(scenario.clients, run.clients.map { run.world.record(of: $0) }))
    backends = Array(zip(scenario.backends, run.backends.map { run.world.connections(of: $0) }))
    for client in scenario.clients {
      for request in client.requests { requests[request.nonce] = request }
    }
    readLog(run.logLines("/log"), second: run.logLines("/second"))
    linesByClient = Dictionary(grouping: ends) { $0["client"] ?? "" }
    for (client, lines) in linesByClient {
      linesByClient[client] = lines.sorted { $0.requestNumber < $1.requestNumber }
    }
    for line in ends {
      if let nonce = line.nonce { linesByNonce[nonce] = line }
    }
  }

  /// Everything that is wrong.
  var violations: [Violation] {
    var all = found + LineOracle.judge(ends, needsID: false)
    all += LineOracle.judge(errorLog: world.logs.lines(of: "/error"), against: ends)
    all += judgeIDs()
    for (plan, record) in clients { all += judge(plan, record) }
    let sightings = backends.flatMap { self.sightings(of: $0.plan, $0.connections, &all) }
    return all + judge(sightings)
  }

  /// Reads the lines. A torn one is allowed only where the log can't be continued behind it: when
  /// others write to it, or it is not the same file any more.
  private mutating func readLog(_ texts: [String], second: [String]) {
    var torn: [String] = []
    var lineCount = 0
    for text in texts {
      guard let line = AccessLine(text) else {
        torn.append(text)
        continue
      }
      lineCount += 1
      if line.isEnd { ends.append(line) }
    }
    let mayBeTorn = scenario.conf.workerCount > 1 || scenario.reopensLogs
    for text in torn
    where !mayBeTorn || !texts.contains(where: { $0.hasPrefix(text) && $0 != text }) {
      found.append(Violation(.lines, "no line: \(text)"))
    }
    if scenario.conf.secondLog != nil && !mayBeTorn && second.count != lineCount {
      found.append(
        Violation(.lines, "one log has \(lineCount) lines, the other \(second.count)"))
    }
  }
}

extension AccessLine {
  /// Which request of its connection it is about, from 1.
  var requestNumber: Int { self["connection_request"].flatMap { Int($0) } ?? 0 }

  /// The nonce in the request's target; nil when the line has none.
  var nonce: String? {
    guard let uri = self["uri"], let start = uri.firstRange(of: "?n=") else { return nil }
    return String(uri[start.upperBound...])
  }

  /// True when the request's head was complete, so that everything could be decided about it.
  var wasDecided: Bool {
    // A client may be gone, or read nothing, when it is told that its head was refused.
    let wasSilent = [408, 499].contains(status) && self["upstream"] == nil
    return nonce != nil && !wasSilent && !termination.contains("request_head")
  }
}
