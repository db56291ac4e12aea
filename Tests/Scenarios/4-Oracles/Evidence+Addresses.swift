import Simulation

/// Who the client is: whom a header of the PROXY protocol names, where it is believed.
extension Evidence {
  /// What the error log says of a header that is none.
  private static let complaint = "the PROXY protocol header is malformed"

  /// The line names the client. Before the head has come nobody knows which server's rules hold,
  /// and the socket's own address is as good.
  func judgeAddress(_ line: AccessLine, of plan: ClientPlan) -> [Violation] {
    let name = line["client"] ?? ""
    if name == plan.identity.name || !line.wasDecided && name == plan.socket.name { return [] }
    return [Violation(.identity, "\(line.place) is of \(name), not \(plan.identity.name)")]
  }

  /// The backend is told who the client is, and nothing else.
  func judgeAddress(_ seen: SeenMessage, of request: PlannedRequest) -> [Violation] {
    guard let plan = plansByNonce[request.nonce] else { return [] }
    let told = seen.values(of: "x-forwarded-for")
    let host = plan.identity.host
    if told == [host] { return [] }
    return [Violation(.identity, "a backend was told that \(request.nonce) is of \(told): \(host)")]
  }

  /// A client that does not begin with the header that is expected is served nothing, and the error
  /// log says so once. One that leaves within the header has no request, and no line either.
  func judgeUnserved(
    _ plan: ClientPlan, _ preface: ProxyPreface, _ record: ConnectionRecord, _ lines: [AccessLine]
  ) -> [Violation] {
    // Beyond `worker_connections` all are told so, whatever they would say. Some do not wait for
    // it.
    let isRefused =
      scenario.conf.hasTightLimits && lines.count == 1 && [503, 499].contains(lines[0].status)
      && lines[0]["method"] == nil
    if isRefused { return judgeErrorLines(plan, record, 0...0) }
    var found: [Violation] = []
    if !lines.isEmpty || !record.received.isEmpty {
      found.append(Violation(.requests, "\(plan.name) was served without a good header"))
    }
    let isCut = preface.kind == .cut
    // One byte of a request may be that of a header, too.
    let isTold = !isCut && record.takenCount >= max(2, preface.bytes.count)
    return found + judgeErrorLines(plan, record, (isTold ? 1 : 0)...(isCut ? 0 : 1))
  }

  /// The error log complains about the connection's header as often as it may.
  func judgeErrorLines(
    _ plan: ClientPlan, _ record: ConnectionRecord, _ allowed: ClosedRange<Int>
  ) -> [Violation] {
    guard let number = number(of: record) else { return [] }
    let count = complaints[number]?.count ?? 0
    if allowed.contains(count) { return [] }
    return [Violation(.lines, "\(plan.name): \(count) complaints about its PROXY header")]
  }

  /// The complaints by connection. A line that was torn and begun anew counts once.
  static func complaints(in errorLog: [String]) -> [Int: Set<String>] {
    var complaints: [Int: Set<String>] = [:]
    for line in errorLog where line.hasSuffix(complaint) {
      guard let start = line.firstRange(of: "[conn-"),
        let number = Int(line[start.upperBound...].prefix { $0 != "]" })
      else { continue }
      complaints[number, default: []].insert(line)
    }
    return complaints
  }
}
