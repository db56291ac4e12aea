// The only exit: every exchange, however it went, ends in `end`, which writes its log line, gives
// back what it held and decides about its connection. There is no other way to free one.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Ends an exchange. Nothing of it may be touched afterwards.
  mutating func end(_ exchange: ExchangePointer) {
    assert(exchange.isLive, "end: the exchange has ended")
    assert(exchange.pointee.record.status != 0, "end: its line has no status")
    let client = exchange.pointee.client
    let isRead = exchange.pointee.request == .complete || settleRequest(exchange)
    if exchange.pointee.upstream != nil {
      let isClean =
        exchange.pointee.upstreamStage == .complete && exchange.pointee.request == .complete
      endTry(exchange, mayReuse: isClean)
    } else {
      releaseUpstream(exchange, mayReuse: false)
    }
    assert(exchange.pointee.upstream == nil, "end: a backend is attached")
    assert(exchange.pointee.releasedPeer, "end: a peer counts it as running")
    finishRecord(exchange)
    if exchange.pointee.isLogged {
      if client.pointee.isSubrequest { return endSubrequest(exchange) }
      reportAfterLine(exchange)
    } else {
      writeAccessLines(exchange)
    }
    count(exchange)
    reportHistory(exchange)
    if !isRead { exchange.pointee.requireClosure(.orderly) }
    let closure = exchange.pointee.closure
    let plan = exchange.pointee.plan
    let hasUnread = !isRead || client.pointee.inputCount > 0
    if client.pointee.flags.contains(.reusable) { leaveReusable(client.pointee.connection) }
    free(exchange)
    if client.pointee.isMultiplexed { return endStream(client, plan) }
    let connection = client.pointee.connection
    guard closure != .none else {
      return awaitNextRequest(connection, timeout: plan.pointee.keepaliveTimeout)
    }
    closeDownstream(connection, closure, hasUnread: hasUnread || closure == .lingering)
  }

  /// Completes what the line says.
  @inline(__always) mutating func finishRecord(_ exchange: ExchangePointer) {
    now = kernel.now()
    exchange.pointee.record.hasEnded = true
    exchange.pointee.record.duration = now - exchange.pointee.start
    exchange.pointee.record.endTime =
      exchange.pointee.record.startTime &+ exchange.pointee.record.duration.microseconds
    if exchange.pointee.record.bytesSent > exchange.pointee.ownContentStart {
      exchange.pointee.record.contentBytesOut =
        exchange.pointee.record.bytesSent &- exchange.pointee.ownContentStart
    }
    if exchange.pointee.request == .head {
      exchange.pointee.record.requestBytes = UInt64(exchange.pointee.arrivedHeadCount)
    }
  }

  /// Gives back an exchange's memory. What its connection has read of the next request stays, moved
  /// to the begin of its buffer.
  @inline(__always) mutating func free(_ exchange: ExchangePointer) {
    let client = exchange.pointee.client
    client.pointee.exchange = nil
    if exchange.pointee.sharesInput {
      exchange.pointee.headBuffer = .none
      moveInputToBegin(client)
    }
    buffers.giveBack(&exchange.pointee.headBuffer)
    buffers.giveBack(&exchange.pointee.pathBuffer)
    buffers.giveBack(&exchange.pointee.capturedBuffer)
    buffers.giveBack(&exchange.pointee.detachedBuffer)
    buffers.giveBack(&client.pointee.output.held)
    client.pointee.output = Outbound()
    if exchange.pointee.kept.isUsed { dropKept(exchange) }
    if let state = exchange.pointee.serving {
      client.pointee.isPaced = false
      exchange.pointee.serving = nil
      release(state)
    }
    if exchange.pointee.stages != nil { releaseStages(exchange) }
    assert(exchange.pointee.kept.file == .none, "free: a file is open")
    exchanges.release(exchange.pointee.slot)
  }

  /// Ends an exchange before its time, without an answer of Waybill's: the one way to do so. Says
  /// who ended it and what becomes of the client's side.
  mutating func endEarly(
    _ exchange: ExchangePointer, _ status: EarlyStatus, _ error: ErrorType,
    _ termination: Termination, _ closure: Exchange.Closure
  ) {
    assert(exchange.isLive, "endEarly: the exchange has ended")
    assert(termination.party != .nobody, "endEarly: nobody has ended it")
    assert(closure != .none, "endEarly: nothing can follow on the client's side")
    if exchange.pointee.response == .heldBack { heldResponses.remove(exchange.pointee.client) }
    switch status {
    case .sent: break
    case .unlessSent(let code):
      if exchange.pointee.record.status == 0 { exchange.pointee.record.status = code }
    case .always(let code): exchange.pointee.record.status = code
    }
    if exchange.pointee.plan.pointee.tracing.isOn { decideTrace(exchange) }
    exchange.pointee.record.error = error
    exchange.pointee.record.termination = termination
    exchange.pointee.requireClosure(closure)
    abandonTry(exchange)
    end(exchange)
  }

  /// Ends an exchange whose client has gone away.
  mutating func clientLeft(_ exchange: ExchangePointer) {
    assert(exchange.isLive, "clientLeft: the exchange has ended")
    if exchange.pointee.client.pointee.isSubrequest { return endUnwanted(exchange) }
    if exchange.pointee.response == .tunnel { return leaveTunnel(exchange) }
    let phase = phase(of: exchange)
    exchange.pointee.record.hasRequestLine = !exchange.pointee.head.target.isEmpty
    note(.clientLeft, exchange)
    report(.info, "request", exchange, exchange.pointee.downstream) { line in
      line.append("the client disconnected in phase ")
      line.append(Termination(.client, phase).phaseName)
    }
    // It may have left because the backend is gone.
    doubtBackend(exchange, after: Limits.http2BackendDoubt)
    endEarly(exchange, .always(499), .clientClosed, Termination(.client, phase), .orderly)
  }

  /// How far an exchange has come: where the client's leaving finds it, or somebody who asks.
  mutating func phase(of exchange: ExchangePointer) -> Termination.Phase {
    switch exchange.pointee.response {
    case .content, .kept, .file, .composed, .heldBack, .delivering: return .responseBody
    case .tunnel: return .tunnel
    case .none, .pending: break
    }
    if exchange.pointee.request == .head { return .requestHead }
    if exchange.pointee.request == .content || exchange.pointee.request == .buffering {
      return .requestBody
    }
    return exchange.pointee.upstreamStage == .connecting ? .connect : .responseHead
  }

  /// Ends or answers an exchange one of whose deadlines has come.
  mutating func expire(_ exchange: ExchangePointer, _ wait: Connection.Wait) {
    assert(exchange.isLive, "expire: the exchange has ended")
    assert(exchange.pointee.response != .heldBack, "expire: it waits for its line alone")
    switch wait {
    case .requestHead: expireHead(exchange)
    case .requestContent where exchange.pointee.response == .composed:
      // The answer is out, and the rest was not wanted.
      exchange.pointee.requireClosure(.orderly)
      end(exchange)
    case .requestContent:
      abandonTry(exchange)
      exchange.pointee.requireClosure(.orderly)
      refuse(exchange, 408, .clientTimeout, Termination(.client, .requestBody))
    case .clientSend:
      // If only an interim response was under way, the client's slowness is all there is to say.
      endEarly(
        exchange, .unlessSent(408), .connectionWriteTimeout, Termination(.client, .responseBody),
        .abrupt)
    case .connect: tryFailed(exchange, .timedOut, .connectionTimeout)
    case .upstreamSend:
      doubtBackend(exchange, after: exchange.pointee.plan.pointee.sendTimeout)
      tryFailed(exchange, .timedOut, .connectionWriteTimeout)
    case .upstreamRead:
      assert(exchange.pointee.upstreamStage != .complete, "expire: the response has been read")
      doubtBackend(exchange, after: exchange.pointee.plan.pointee.readTimeout)
      tryFailed(exchange, .timedOut, .httpResponseTimeout)
    case .tunnel: endTunnel(exchange, Termination(.proxy, .tunnel), .httpResponseTimeout)
    case .halfClosed: end(exchange)
    case .admission: expireAdmission(exchange)
    case .name: expireName(exchange)
    case .pause: endPause(exchange)
    case .nothing, .proxyHeader, .handshake, .firstRequest, .nextRequest, .poolIdle, .lingering,
      .signOfLife:
      preconditionFailure("expire: no exchange waits for that")
    }
  }

  private mutating func expireHead(_ exchange: ExchangePointer) {
    assert(exchange.pointee.response == .none, "expireHead: a response has begun")
    assert(exchange.pointee.request == .head, "expireHead: the head is whole")
    keepArrivedHead(exchange)
    report(.info, "request", exchange, exchange.pointee.downstream) { line in
      line.append("the client took too long to send the request head")
    }
    refuse(exchange, 408, .clientTimeout, Termination(.client, .requestHead))
  }

  /// Counts a connection beyond the limit and, where it can only speak HTTP/1, answers it.
  mutating func refuseConnection(_ connection: ConnectionPointer) {
    assert(!connection.pointee.flags.contains(.refused), "refuseConnection: it was refused")
    assert(connection.pointee.role == .downstream, "refuseConnection: not a client")
    connection.pointee.flags.insert(.refused)
    refusedCount &+= 1
    metrics.own.add(WorkerCells.refused)
    let listener = Int(connection.pointee.origin)
    if speaksTLS(listener) || tables.listeners[listener].speaksHTTP2 { return }
    answerRefused(connection)
  }

  /// Answers a connection beyond the limit with 503, without reading its request.
  mutating func answerRefused(_ connection: ConnectionPointer) {
    assert(connection.pointee.flags.contains(.refused), "answerRefused: it was not refused")
    assert(connection.pointee.exchange == nil, "answerRefused: an exchange is under way")
    connection.pointee.phase = .requestHead
    refuseForRoom(makeExchange(connection.stream))
  }

  /// Answers a request on a connection beyond the limit.
  mutating func refuseForRoom(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.request == .head, "refuseForRoom: the request has begun")
    report(.error, "accept", exchange, exchange.pointee.downstream) { line in
      line.append("worker_connections are not enough")
    }
    refuse(exchange, 503, .proxyOverloaded, Termination(.proxy, .requestHead))
  }
}

/// The status that the line of an exchange has which ends early.
enum EarlyStatus: BitwiseCopyable {
  /// That of the response that has begun.
  case sent
  /// The same, or this one if none has begun.
  case unlessSent(UInt16)
  /// This one, whatever has begun.
  case always(UInt16)
}
