import Simulation

/// Clients of HTTP/2: their requests stand beside each other, and one may be refused that others
/// follow.
extension Evidence {
  /// The lines of a client's requests, in the order in which it began them.
  func linesInOrder(of plan: ClientPlan, _ record: ConnectionRecord) -> [AccessLine] {
    let known = Dictionary(
      lines(of: record).compactMap { line in line.nonce.map { ($0, line) } },
      uniquingKeysWith: { first, _ in first })
    return plan.requests.compactMap { known[$0.nonce] }
  }

  /// The line of a client's n-th request, from 0.
  func line(_ number: Int, of plan: ClientPlan, _ lines: [AccessLine]) -> AccessLine? {
    guard plan.isMultiplexed else { return number < lines.count ? lines[number] : nil }
    guard number < plan.requests.count else { return nil }
    return lines.first { $0.nonce == plan.requests[number].nonce }
  }

  /// Each line of the connection is about a stream of its own, and a request of this client.
  func judgeStreams(_ plan: ClientPlan, _ record: ConnectionRecord) -> [Violation] {
    let all = lines(of: record)
    // Of a request beyond the limit of connections nothing is looked at.
    let read = all.filter { !$0.isRefusedForRoom }
    let nonces = Set(plan.requests.map(\.nonce))
    var found: [Violation] = []
    if Set(all.compactMap { $0["stream"] }).count != all.count {
      found.append(Violation(.lines, "\(plan.name): \(all.count) lines are not of as many streams"))
    }
    let strange = read.filter { !nonces.contains($0.nonce ?? "") }
    if !strange.isEmpty || Set(read.compactMap(\.nonce)).count != read.count {
      found.append(Violation(.lines, "\(plan.name): a line of none of its requests, or two of one"))
    }
    for line in read where line["protocol"] != "HTTP/2.0" {
      found.append(Violation(.lines, "\(line.place) is not logged as HTTP/2"))
    }
    return found
  }
}

extension AccessLine {
  /// It is of a request of HTTP/2 on a connection beyond the limit, which was not read.
  var isRefusedForRoom: Bool {
    nonce == nil && self["stream"] != nil && error == "connection_limit_reached"
  }
}
