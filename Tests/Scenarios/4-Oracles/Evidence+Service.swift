import Simulation

/// Who does his part is served, as far as the world lets it happen.
extension Evidence {
  /// No client waits in vain; and where nobody does anything wrong, each request is answered as it
  /// should be.
  func judgeService(
    _ plan: ClientPlan, _ record: ConnectionRecord, _ responses: [SeenMessage],
    _ lines: [AccessLine]
  ) -> [Violation] {
    if case .gaveUp(let action) = record.ending {
      return [Violation(.deadlines, "\(plan.name) waited in vain in action \(action)")]
    }
    guard scenario.isCalm, plan.kind.isFaithful else { return [] }
    if plan.isMultiplexed { return judgeStreams(plan, responses, lines) }
    // Who sends more than small buffers hold, and does not read meanwhile, waits for himself.
    if plan.kind == .slowReader && scenario.faults.tinyBuffers > 0 { return [] }
    var found: [Violation] = []
    for (request, line) in zip(plan.requests, lines)
    where !statuses(of: request).contains(line.status) {
      found.append(
        Violation(.service, "\(request.nonce) ended with \(line.status) on a calm day"))
    }
    // Requests that were sent behind the last one that a connection carries make its system reset
    // it, which may destroy a response that is still on its way.
    let sentCount = plan.requests.count + (plan.kind == .tunnelling ? 1 : 0)
    let wasCutBehindLast = record.wasReset && lines.count < sentCount
    if responses.count < plan.requests.count && !wasCutBehindLast {
      let last = responses.last
      let index = max(0, responses.count - 1)
      let asked = plan.requests[index]
      if last == nil || !(last?.closes ?? false) && !asked.isHTTP10 && last?.status != 101 {
        found.append(
          Violation(.service, "\(plan.name): \(responses.count) of \(plan.requests.count) answers"))
      }
    }
    // A response may come before its request turns out to be malformed, or too large.
    let isWhole = zip(responses, lines).allSatisfy {
      $0.isComplete || $1.termination.hasSuffix("request_body")
    }
    if !isWhole && !wasCutBehindLast {
      found.append(Violation(.service, "\(plan.name) got a cut response on a calm day"))
    }
    return found
  }

  /// The same for streams. Those that were not begun before the connection had carried its last
  /// request are left for another one.
  private func judgeStreams(
    _ plan: ClientPlan, _ responses: [SeenMessage], _ lines: [AccessLine]
  ) -> [Violation] {
    var found: [Violation] = []
    for line in lines {
      guard let request = line.nonce.flatMap({ requests[$0] }) else { continue }
      let isAbandoned = line.status == 499
      if !statuses(of: request).contains(line.status) && !isAbandoned {
        found.append(
          Violation(.service, "\(request.nonce) ended with \(line.status) on a calm day"))
      }
    }
    if responses.count < lines.count {
      found.append(
        Violation(.service, "\(plan.name): \(responses.count) answers of \(lines.count) lines"))
    }
    let isWhole = responses.enumerated().allSatisfy { index, response in
      let line = line(index, of: plan, lines)
      return response.isComplete || line?.termination.hasSuffix("request_body") == true
    }
    if !isWhole { found.append(Violation(.service, "\(plan.name) got a cut response")) }
    return found
  }

  private func statuses(of request: PlannedRequest) -> Set<Int> {
    let mayBeEarly = backends.contains { $0.plan.menu.contains { $0.0 == .early } }
    if request.isMalformed { return mayBeEarly ? [400, 501, 200] : [400, 501] }
    let outcome = request.identityOutcome
    if request.location.rejectsInvalidIDs && request.location.mode != .off
      && ["invalid", "duplicate"].contains(outcome.source)
    {
      return [400]
    }
    let limit = request.location.contentLimit
    let isTooLarge = limit > 0 && request.content.count > limit
    if isTooLarge && request.framing == .length { return [413] }
    if case .answer(let status, _) = request.location.action { return [status] }
    // A backend that every request is refused by is left alone for a while.
    var statuses: Set = [200, 204, 304, 503]
    if !scenario.conf.retriedStatuses.isEmpty { statuses.insert(502) }
    if request.asksForTunnel { statuses.insert(101) }
    if isTooLarge { statuses.insert(413) }
    // What another location says of it.
    if request.location.asks { statuses.formUnion([401, 403, 500]) }
    return statuses
  }
}
