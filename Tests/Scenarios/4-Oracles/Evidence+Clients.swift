import Simulation

/// What clients saw, beside what they asked for and what the log says.
extension Evidence {
  /// Judges one client's lines and responses.
  func judge(_ plan: ClientPlan, _ record: ConnectionRecord) -> [Violation] {
    let lines = plan.isMultiplexed ? linesInOrder(of: plan, record) : lines(of: record)
    if let preface = plan.preface, !preface.kind.isGood {
      return judgeUnserved(plan, preface, record, lines)
    }
    var found = judgeErrorLines(plan, record, 0...0) + judgeLines(plan, record, lines)
    if plan.isMultiplexed { found += judgeStreams(plan, record) }
    var stream = MessageStream(record.received)
    var finals: [SeenMessage] = []
    do {
      while !stream.isAtEnd {
        // Who answers before the request line has come can't know that HEAD is meant.
        let method = line(finals.count, of: plan, lines)?["method"] ?? ""
        let kind = MessageStream.Kind.response(method: method, hasEnded: record.hasEnd)
        let response = try stream.next(kind)
        guard response.hasHead, !response.isInterim else { continue }
        finals.append(response)
        if response.status == 101 { break }
      }
    } catch {
      found.append(Violation(.responses, "\(plan.name) got no response: \(error.reason)"))
    }
    for (index, response) in finals.enumerated() {
      found += judge(response, number: index, plan, record, lines)
    }
    if finals.last?.status == 101 { found += judgeTunnel(stream.rest, plan) }
    found += judgeService(plan, record, finals, lines)
    return found
  }

  /// Each line is about the request that was sent in its place.
  private func judgeLines(
    _ plan: ClientPlan, _ record: ConnectionRecord, _ lines: [AccessLine]
  ) -> [Violation] {
    var found: [Violation] = []
    if hasReadRequest(of: plan, record) && lines.isEmpty {
      found.append(Violation(.lines, "\(plan.name) was read from, but has no line"))
    }
    let extra = plan.kind == .tunnelling ? 1 : 0
    if lines.count > max(1, plan.requests.count + extra) {
      found.append(
        Violation(.lines, "\(plan.name): \(lines.count) lines, \(plan.requests.count) requests"))
    }
    let asked =
      plan.isMultiplexed ? lines.compactMap { $0.nonce.flatMap { requests[$0] } } : plan.requests
    for (line, request) in zip(lines, asked) {
      if let nonce = line.nonce, nonce != request.nonce {
        found.append(Violation(.lines, "\(plan.name): a line of \(nonce), not \(request.nonce)"))
      }
      if line.nonce != nil && line["method"] != request.method {
        found.append(Violation(.lines, "\(request.nonce) is no \(line["method"] ?? "")"))
      }
      found += judgeIdentity(line, of: request) + judgeAddress(line, of: plan)
      found += judgeTrace(line, of: request)
      found += judgeSecurity(line, of: plan)
      if line.bytesIn > request.content.count && !request.isMalformed && line.status != 101
        && !request.asksForTunnel
      {
        found.append(
          Violation(.content, "\(request.nonce): \(line.bytesIn) of \(request.content.count) in"))
      }
    }
    return found
  }

  /// A response answers the request in its place, and the line tells what the client saw.
  private func judge(
    _ response: SeenMessage, number: Int, _ plan: ClientPlan, _ record: ConnectionRecord,
    _ lines: [AccessLine]
  ) -> [Violation] {
    // Nothing was seen of what its client has given up, and perhaps nobody took notice of it.
    if plan.isMultiplexed && response.status == HTTP2Exchange.abandonedStatus { return [] }
    guard let line = line(number, of: plan, lines) else {
      if self.lines(of: record).contains(where: \.isRefusedForRoom) { return [] }
      return [Violation(.lines, "\(plan.name): response \(number + 1) has no line")]
    }
    let request = number < plan.requests.count ? plan.requests[number] : nil
    var found = judgeIdentity(response, line, of: request)
    // Who wants a head alone does not wait for the content of a refusal that came before the head.
    let wantsLess = request?.method == "HEAD" && line["method"] == nil
    let mayLeave = mayLeave(plan, record) || wantsLess
    if line.status != response.status && !(line.status == 499 && mayLeave) {
      found.append(
        Violation(.responses, "\(line.place): \(response.status) seen, \(line.status) logged"))
    }
    if let nonce = response.value(of: "x-nonce"), nonce != request?.nonce,
      !isPoisoned(request?.nonce ?? "", by: nonce)
    {
      found.append(
        Violation(.responses, "\(request?.nonce ?? "?") got the response of \(nonce)"))
    }
    guard response.status != 101 else { return found }
    return found + judgeContent(response, line, request, record)
  }

  private func judgeContent(
    _ response: SeenMessage, _ line: AccessLine, _ request: PlannedRequest?,
    _ record: ConnectionRecord
  ) -> [Violation] {
    var found: [Violation] = []
    let count = response.content.count
    if line.bytesOut < count || response.isComplete && line.bytesOut != count {
      found.append(
        Violation(.content, "\(line.place): \(count) bytes seen, \(line.bytesOut) logged"))
    }
    // What belongs to another request is judged where it came from.
    if let nonce = response.value(of: "x-nonce"), nonce == request?.nonce,
      let planned = response.value(of: "x-planned"), let plannedCount = Int(planned)
    {
      let (content, seen) = (content(of: nonce, plannedCount, request), unpacked(response))
      let isWhole =
        response.isComplete && request?.method != "HEAD" && !mayEndEarly(response)
        && ![204, 304].contains(response.status)
      if !content.starts(with: seen.content)
        || isWhole
          && (content.count != seen.content.count
            || !seen.isWhole)
      {
        found.append(
          Violation(.content, "\(nonce): \(count) bytes, not the \(plannedCount) that were sent"))
      }
    }
    if !response.isComplete && record.isOver && !record.wasReset && line.termination.isEmpty {
      found.append(Violation(.responses, "\(line.place) was cut, but is logged as complete"))
    }
    return found
  }

  /// Content that lasts until the backend closes, which one that restarts does in order.
  private func mayEndEarly(_ response: SeenMessage) -> Bool {
    scenario.restartsInOrder && response.value(of: "content-length") == nil
      && backends.contains { $0.plan.menu.contains { $0.0 == .untilClose } }
  }

  private func judgeTunnel(_ bytes: ArraySlice<UInt8>, _ plan: ClientPlan) -> [Violation] {
    guard !plan.tunnel.starts(with: bytes) else { return [] }
    return [Violation(.content, "\(plan.name): the tunnel echoes other bytes than were sent")]
  }

  /// A client may be logged as gone although it had its response: it left, or seemed to.
  private func mayLeave(_ plan: ClientPlan, _ record: ConnectionRecord) -> Bool {
    !plan.kind.isFaithful || plan.kind == .halfClosing || plan.kind == .tunnelling
      || scenario.breaksConnections || record.wasReset
  }

  /// True when the request of this nonce went over a connection on which its backend had sent bytes
  /// that nobody asked for: they may have come when the request was on its way already.
  private func isPoisoned(_ nonce: String, by stranger: String) -> Bool {
    // Whether these were read although the worker had been told of them, the backend's side shows.
    if stranger == "unasked" { return true }
    for (plan, connections) in backends {
      for (number, record) in connections.enumerated() {
        let nonces = record.messages.compactMap { $0.value(of: "x-nonce") }
        let kinds = nonces.enumerated().map {
          plan.kind($0.element, connection: number, sequence: $0.offset)
        }
        let isConcerned =
          nonces.contains(nonce) || nonces.contains(stranger) || record.partialMessage != nil
        if isConcerned && kinds.contains(where: \.sendsUnaskedBytes) { return true }
      }
    }
    return false
  }
}
