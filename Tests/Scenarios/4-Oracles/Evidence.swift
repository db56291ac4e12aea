import Simulation

/// What a scenario has left behind: log lines, and what clients and backends saw. The files beside
/// this one judge it.
struct Evidence {
  let scenario: Scenario
  let world: SimulatedWorld
  /// Lines of ended exchanges.
  private(set) var ends: [AccessLine] = []
  /// The same by connection, in the order of its requests.
  private(set) var linesByConnection: [Int: [AccessLine]] = [:]
  /// The same by the nonce of the request's target.
  private(set) var linesByNonce: [String: AccessLine] = [:]
  private(set) var clients: [(plan: ClientPlan, record: ConnectionRecord)] = []
  private(set) var backends: [(plan: BackendPlan, connections: [ConnectionRecord])] = []
  private(set) var requests: [String: PlannedRequest] = [:]
  /// Who sends the request of a nonce.
  private(set) var plansByNonce: [String: ClientPlan] = [:]
  /// What the error log says about PROXY headers, by connection.
  let complaints: [Int: Set<String>]
  private(set) var found: [Violation] = []
  /// The lines of the access log and of the second error log, as they stand there.
  let accessLines: [String]
  let complaintLines: [String]
  private let numberOf: (ConnectionRecord) -> Int?

  init(_ run: ScenarioRun) {
    scenario = run.scenario
    world = run.world
    accessLines = run.logLines("/log")
    complaintLines = run.logLines(Operation.complaints)
    numberOf = run.connectionNumber
    complaints = Evidence.complaints(in: run.world.logs.lines(of: "/error"))
    clients = Array(zip(scenario.clients, run.clients.map { run.world.record(of: $0) }))
    backends = Array(zip(scenario.backends, run.backends.map { run.world.connections(of: $0) }))
    for client in scenario.clients {
      for request in client.requests {
        requests[request.nonce] = request
        plansByNonce[request.nonce] = client
      }
    }
    // What is lost on the way to a watched log is no other oracle's concern.
    let isWatched = scenario.conf.operation.isWatched
    readLog(
      isWatched ? run.world.logs.lines(of: Operation.witness) : accessLines,
      second: run.logLines("/second"))
    linesByConnection = Dictionary(grouping: ends) { $0.connectionNumber }
    for (connection, lines) in linesByConnection {
      linesByConnection[connection] = lines.sorted { $0.requestNumber < $1.requestNumber }
    }
    for line in ends {
      if let nonce = line.nonce { linesByNonce[nonce] = line }
    }
  }

  /// The number that the log gives a client's connection; nil when it was not noticed.
  func number(of record: ConnectionRecord) -> Int? {
    numberOf(record)
  }

  /// The lines of a client, in the order of its requests.
  func lines(of record: ConnectionRecord) -> [AccessLine] {
    number(of: record).flatMap { linesByConnection[$0] } ?? []
  }

  /// Each line is about somebody's connection.
  private func judgeStrangers() -> [Violation] {
    let known = Set(clients.compactMap { number(of: $0.record) })
    return linesByConnection.keys.filter { !known.contains($0) }.map {
      Violation(.lines, "nobody came on connection \($0)")
    }
  }

  /// Everything that is wrong.
  var violations: [Violation] {
    var all = found + LineOracle.judge(ends, needsID: false)
    all += LineOracle.judge(errorLog: world.logs.lines(of: "/error"), against: ends)
    all += judgeIDs() + judgeSpans(ends) + judgeDelivery()
    all += judgeStrangers()
    for (plan, record) in clients { all += judge(plan, record) }
    all += judgeSecurity()
    let sightings = backends.flatMap { self.sightings(of: $0.plan, $0.connections, &all) }
    return all + judge(sightings)
  }

  /// Reads the lines. None is torn, in whichever way its file was written, and the second log has
  /// as many as are due in its format, but for those that were said to be lost.
  private mutating func readLog(_ texts: [String], second: [String]) {
    var dueCount = 0
    for text in texts {
      guard let line = AccessLine(text) else {
        found.append(Violation(.lines, "no line: \(text)"))
        continue
      }
      if line.isEnd { ends.append(line) }
      if line.isEnd || scenario.conf.secondLogTellsEvents { dueCount += 1 }
    }
    guard let path = scenario.conf.secondLog else { return }
    let lost = DeliveryOracle.lostCount(of: path, in: world.logs.lines(of: "/error"))
    if second.count + lost != dueCount {
      found.append(
        Violation(
          .delivery, "\(dueCount) lines are due, \(path) has \(second.count), \(lost) are lost"))
    }
  }
}

extension AccessLine {
  /// The number of the connection; 0 when there is none.
  public var connectionNumber: Int { self["connection"].flatMap { Int($0) } ?? 0 }

  /// Which request of its connection it is about, from 1.
  public var requestNumber: Int { self["connection_request"].flatMap { Int($0) } ?? 0 }

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
