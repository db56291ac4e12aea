// What happens when a try fails: the peer is marked, the try is noted, and the request goes to the
// next peer if nothing forbids it.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Ends a try that got no usable response. `cause` is what the kernel said, if it was asked.
  mutating func tryFailed(
    _ exchange: ExchangePointer, _ failure: TryFailure, _ type: ErrorType,
    _ cause: KernelError? = nil
  ) {
    precondition(exchange.isLive, "tryFailed: the exchange has ended")
    precondition(!exchange.pointee.releasedPeer, "tryFailed: no try is under way")
    let phase = upstreamPhase(exchange)
    withdrawUnsentResponse(exchange)
    note(.tryFailed, exchange, Int(type.rawValue))
    reportFailedTry(exchange, type, phase, cause)
    noteTry(exchange, error: type)
    upstreamCounters(exchange).add(UpstreamCells.failedTries + Int(type.rawValue))
    let isStale = isStalePooledConnection(exchange, failure) || isFirstRefusal(exchange, failure)
    // Nor is it the peer's fault when this process has no descriptor or memory left.
    if !isStale && cause?.kind != .exhausted {
      markFailed(exchange, type, isRefusal: cause?.kind == .refused)
    }
    // Asked while the connection is still there: it knows what the peer has acknowledged.
    let isUnprocessed = failure == .refused || requestWasNotReceived(exchange)
    let replays = isStale && mayReplay(exchange, nothingArrived: isUnprocessed)
    releaseUpstream(exchange, mayReuse: false, keepsPeer: replays)
    guard exchange.pointee.response == .none else {
      if exchange.pointee.response == .kept { return endBehindKept(exchange, type) }
      return cutResponse(exchange, type, Termination(.upstream, .responseBody))
    }
    if replays {
      let isElsewhere = failure == .refused && allowsNextTry(exchange, failure)
      exchange.pointee.replacedStaleConnection = true
      rewindContent(exchange)
      if isElsewhere, goesElsewhere(exchange) { return }
      return beginTry(exchange, peer: exchange.pointee.peerIndex, isFresh: true)
    }
    if allowsNextTry(exchange, failure), let next = selectPeer(exchange) {
      rewindContent(exchange)
      return beginTry(exchange, peer: next)
    }
    refuse(exchange, statusCode(for: failure), type, Termination(.upstream, phase))
  }

  /// True when a peer says for the first time that it has not processed the request: nothing is
  /// known against it, and the request is sent again (RFC 9113 section 8.7).
  private mutating func isFirstRefusal(
    _ exchange: ExchangePointer, _ failure: TryFailure
  ) -> Bool {
    failure == .refused && exchange.pointee.response == .none
      && !exchange.pointee.replacedStaleConnection
  }

  /// Sends a request that its peer has refused to another one; false when there is none.
  private mutating func goesElsewhere(_ exchange: ExchangePointer) -> Bool {
    precondition(!exchange.pointee.releasedPeer, "goesElsewhere: the peer was released")
    let refusing = exchange.pointee.peerIndex
    guard let next = selectPeer(exchange) else { return false }
    let table = upstreams.states(of: exchange.pointee.upstreamIndex)
    var states = table.mutableSpan
    Balancer.released(peer: refusing, states: &states)
    beginTry(exchange, peer: next)
    return true
  }

  /// Asks the next peer in place of a response of that status, where `proxy_next_upstream` says so
  /// and there is one.
  @inline(__always) mutating func asksNextPeer(
    _ exchange: ExchangePointer, insteadOf status: UInt16
  ) -> Bool {
    guard !RetryConditions(status: status).isEmpty else { return false }
    return replacesResponse(exchange, status)
  }

  @inline(never) private mutating func replacesResponse(
    _ exchange: ExchangePointer, _ status: UInt16
  ) -> Bool {
    precondition(exchange.pointee.response == .none, "replacesResponse: it has begun")
    guard allowsNextTry(exchange, .status(status)), let next = selectPeer(exchange) else {
      return false
    }
    noteTry(exchange, error: .none)
    if TryFailure.status(status).countsAgainstPeer {
      markFailed(exchange, .none, isRefusal: false)
    } else {
      markSucceeded(exchange)
    }
    releaseUpstream(exchange, mayReuse: false)
    rewindContent(exchange)
    beginTry(exchange, peer: next)
    return true
  }

  /// Takes a response back of which no byte has left yet: its content turned out to be broken when
  /// it was read together with its head, so an error can still be answered, or the next peer asked.
  private mutating func withdrawUnsentResponse(_ exchange: ExchangePointer) {
    precondition(exchange.isLive, "withdrawUnsentResponse: the exchange has ended")
    guard exchange.pointee.response == .content,
      exchange.pointee.record.bytesSent == exchange.pointee.responseStart,
      !exchange.pointee.client.pointee.hasOutput
    else { return }
    exchange.pointee.response = .none
    releaseStages(exchange)
    exchange.pointee.responseReader.reset()
    exchange.pointee.client.pointee.headCount = 0
    exchange.pointee.record.status = 0
    exchange.pointee.record.grpcStatus = .max
  }

  /// The status that tells a client of a failed try when there is no other one.
  private mutating func statusCode(for failure: TryFailure) -> UInt16 {
    switch failure {
    case .timedOut: 504
    case .connectFailed, .closedBeforeResponse, .invalidResponse, .refused, .status: 502
    }
  }

  /// True when a kept connection turned out to be closed by its peer: nothing is known against the
  /// peer, and the request deserves a fresh connection (once).
  private mutating func isStalePooledConnection(
    _ exchange: ExchangePointer, _ failure: TryFailure
  ) -> Bool {
    precondition(exchange.isLive, "isStalePooledConnection: the exchange has ended")
    guard case .closedBeforeResponse = failure, let connection = exchange.pointee.upstream else {
      return false
    }
    return exchange.pointee.response == .none && connection.pointee.flags.contains(.reused)
      && !exchange.pointee.replacedStaleConnection
      && exchange.pointee.record.upstreamFirstByte == .endless
  }

  /// True when the peer's system has acknowledged nothing of what this try sent: it had closed
  /// before, so that no application can have seen the request (RFC 9110 section 9.2.2 asks to know
  /// that before any request that is not idempotent is sent again).
  private mutating func requestWasNotReceived(_ exchange: ExchangePointer) -> Bool {
    guard let peer = exchange.pointee.upstream else { return false }
    return receivedNothing(peer, of: exchange.pointee.upstreamBytesSent)
  }

  private mutating func mayReplay(_ exchange: ExchangePointer, nothingArrived: Bool) -> Bool {
    precondition(!exchange.pointee.replacedStaleConnection, "mayReplay: it was replayed")
    return !exchange.pointee.contentConsumed
      && (exchange.pointee.head.method.isIdempotent || nothingArrived)
  }

  /// True when the next peer may be asked. A try that only replaced a stale connection is not
  /// counted: it went to the same peer and must not take the place of another one.
  mutating func allowsNextTry(_ exchange: ExchangePointer, _ failure: TryFailure) -> Bool {
    let replays = exchange.pointee.replacedStaleConnection ? 1 : 0
    let earlier = exchange.pointee.serving?.pointee.earlierTries ?? 0
    return exchange.pointee.plan.pointee.retry.allowsNextTry(
      after: failure, method: exchange.pointee.head.method,
      requestSent: exchange.pointee.upstreamBytesSent > 0,
      contentConsumed: exchange.pointee.contentConsumed,
      tries: exchange.pointee.record.tryCount &- replays &- earlier,
      peerCount: tables.upstreams[exchange.pointee.upstreamIndex].peers.count,
      elapsed: now - exchange.pointee.firstTryStart)
  }

  /// Notes the outcome of the try under way for `tries` in the log.
  mutating func noteTry(_ exchange: ExchangePointer, error: ErrorType) {
    precondition(exchange.pointee.record.tryCount > 0, "noteTry: there was no try")
    now = kernel.now()
    let duration = now - exchange.pointee.tryStart
    exchange.pointee.record.upstreamDuration = duration
    let index = exchange.pointee.record.tryCount &- 1
    guard index >= 0, index < Limits.tries else { return }
    exchange.pointee.record.tries[index] = Try(
      peer: exchange.pointee.record.upstream, status: exchange.pointee.record.upstreamStatus,
      error: error, duration: duration)
  }

  /// Tells the balancer that the try went well.
  @inline(__always) mutating func markSucceeded(_ exchange: ExchangePointer) {
    let upstream = exchange.pointee.upstreamIndex
    let table = upstreams.states(of: upstream)
    var states = table.mutableSpan
    Balancer.succeeded(
      peer: exchange.pointee.peerIndex, peers: tables.upstreams[upstream].peers, states: &states,
      now: now)
  }

  /// Tells the balancer that the try has failed, and why; `.none` for an error status.
  mutating func markFailed(
    _ exchange: ExchangePointer, _ type: ErrorType, isRefusal: Bool
  ) {
    let upstream = exchange.pointee.upstreamIndex
    let peers = tables.upstreams[upstream].peers
    let table = upstreams.states(of: upstream)
    var states = table.mutableSpan
    let isTakenOut = Balancer.failed(
      peer: exchange.pointee.peerIndex, peers: peers, states: &states, now: now,
      reason: type.rawValue, isRefusal: isRefusal)
    guard isTakenOut else { return }
    settings.health?.noteFailure(of: peerKey(upstream, exchange.pointee.peerIndex), at: now)
    upstreamCounters(exchange).add(UpstreamCells.suspensions)
    let name = peers[exchange.pointee.peerIndex].name
    report(.warn, "upstream", exchange, exchange.pointee.downstream) { line in
      line.append("peer ")
      line.append(name.span)
      line.append(" is taken out of service for fail_timeout")
    }
  }

  /// Lets go of the peer's connection and, unless `keepsPeer`, of its place among the active ones.
  mutating func releaseUpstream(
    _ exchange: ExchangePointer, mayReuse: Bool, keepsPeer: Bool = false
  ) {
    if !exchange.pointee.releasedPeer && !keepsPeer {
      exchange.pointee.releasedPeer = true
      let table = upstreams.states(of: exchange.pointee.upstreamIndex)
      var states = table.mutableSpan
      Balancer.released(peer: exchange.pointee.peerIndex, states: &states)
    }
    guard let peer = exchange.pointee.upstream else { return }
    exchange.pointee.upstream = nil
    exchange.pointee.upstreamStage = .none
    if peer.pointee.isMultiplexed { return endBackendStream(peer) }
    release(peer.pointee.connection, mayReuse: mayReuse)
  }

  /// Where a failure of the peer finds the exchange.
  mutating func upstreamPhase(_ exchange: ExchangePointer) -> Termination.Phase {
    switch exchange.pointee.upstreamStage {
    case .none, .connecting: .connect
    case .awaitingHead: exchange.pointee.request == .complete ? .responseHead : .requestBody
    case .content, .complete: .responseBody
    }
  }

  private mutating func reportFailedTry(
    _ exchange: ExchangePointer, _ type: ErrorType, _ phase: Termination.Phase,
    _ cause: KernelError?
  ) {
    report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
      line.append(type.name)
      line.append(" in phase ")
      line.append(Termination(.upstream, phase).phaseName)
      if let cause {
        line.append(": ")
        cause.append(to: &line)
      }
    }
  }
}
