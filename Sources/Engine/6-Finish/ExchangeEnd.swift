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
    let client = exchange.pointee.client
    let isRead = exchange.pointee.request == .complete || settleRequest(exchange)
    if exchange.pointee.upstream != nil {
      let isClean =
        exchange.pointee.upstreamStage == .complete && exchange.pointee.request == .complete
      endTry(exchange, mayReuse: isClean)
    } else {
      releaseUpstream(exchange, mayReuse: false)
    }
    finishRecord(exchange)
    if exchange.pointee.isLogged {
      reportAfterLine(exchange)
    } else {
      writeAccessLines(exchange)
    }
    count(exchange)
    reportHistory(exchange)
    let closes = exchange.pointee.closesConnection || !isRead
    let keepaliveTimeout = exchange.pointee.plan.pointee.keepaliveTimeout
    let resets = exchange.pointee.resetsConnection
    let hasUnread = !isRead || client.pointee.inputCount > 0
    free(exchange)
    if client.pointee.isMultiplexed { return endStream(client, timeout: keepaliveTimeout) }
    let connection = client.pointee.connection
    guard closes else {
      return awaitNextRequest(connection, timeout: keepaliveTimeout)
    }
    closeDownstream(connection, resets: resets, hasUnread: hasUnread)
  }

  /// Completes what the line says.
  @inline(__always) mutating func finishRecord(_ exchange: ExchangePointer) {
    now = kernel.now()
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
  @inline(__always) private mutating func free(_ exchange: ExchangePointer) {
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
    if let state = exchange.pointee.serving { release(state) }
    exchanges.release(exchange.pointee.slot)
  }

  /// Ends an exchange whose client has gone away.
  mutating func clientLeft(_ exchange: ExchangePointer) {
    let phase = phase(of: exchange)
    exchange.pointee.record.status = 499
    exchange.pointee.record.error = .clientClosed
    exchange.pointee.record.termination = Termination(.client, phase)
    exchange.pointee.record.hasRequestLine = !exchange.pointee.head.target.isEmpty
    exchange.pointee.closesConnection = true
    note(.clientLeft, exchange)
    report(.info, "request", exchange, exchange.pointee.downstream) { line in
      line.append("the client went away in phase ")
      line.append(Termination(.client, phase).phaseName)
    }
    abandonTry(exchange)
    end(exchange)
  }

  /// How far an exchange has come: where the client's leaving finds it, or somebody who asks.
  mutating func phase(of exchange: ExchangePointer) -> Termination.Phase {
    switch exchange.pointee.response {
    case .content, .file, .composed, .heldBack, .delivering: return .responseBody
    case .tunnel: return .tunnel
    case .none: break
    }
    if exchange.pointee.request == .head { return .requestHead }
    if exchange.pointee.request == .content || exchange.pointee.request == .buffering {
      return .requestBody
    }
    return exchange.pointee.upstreamStage == .connecting ? .connect : .responseHead
  }

  /// Ends or answers an exchange one of whose deadlines has come.
  mutating func expire(_ exchange: ExchangePointer, _ wait: Connection.Wait) {
    switch wait {
    case .requestHead: expireHead(exchange)
    case .requestContent:
      abandonTry(exchange)
      exchange.pointee.closesConnection = true
      refuse(exchange, 408, .clientTimeout, Termination(.client, .requestBody))
    case .clientSend:
      exchange.pointee.resetsConnection = true
      exchange.pointee.closesConnection = true
      // Only an interim response was under way: the client's slowness is all there is to say.
      if exchange.pointee.record.status == 0 { exchange.pointee.record.status = 408 }
      exchange.pointee.record.error = .connectionWriteTimeout
      exchange.pointee.record.termination = Termination(.client, .responseBody)
      abandonTry(exchange)
      end(exchange)
    case .connect: tryFailed(exchange, .timedOut, .connectionTimeout)
    case .upstreamSend: tryFailed(exchange, .timedOut, .connectionWriteTimeout)
    case .upstreamRead: tryFailed(exchange, .timedOut, .httpResponseTimeout)
    case .tunnel: endTunnel(exchange, Termination(.proxy, .tunnel), .httpResponseTimeout)
    case .halfClosed: end(exchange)
    case .nothing, .proxyHeader, .handshake, .firstRequest, .nextRequest, .poolIdle, .lingering:
      preconditionFailure("expire: no exchange waits for that")
    }
  }

  private mutating func expireHead(_ exchange: ExchangePointer) {
    exchange.pointee.record.hasRequestLine = !exchange.pointee.head.target.isEmpty
    report(.info, "request", exchange, exchange.pointee.downstream) { line in
      line.append("the client took too long to send the request's head")
    }
    keepHead(exchange, byteCount: exchange.pointee.client.pointee.inputCount)
    refuse(exchange, 408, .clientTimeout, Termination(.client, .requestHead))
  }

  /// Counts a connection beyond the limit and, where no TLS stands before it, answers it.
  mutating func refuseConnection(_ connection: ConnectionPointer) {
    connection.pointee.flags.insert(.refused)
    refusedCount &+= 1
    metrics.own.add(WorkerCells.refused)
    if !speaksTLS(Int(connection.pointee.origin)) { answerRefused(connection) }
  }

  /// Answers a connection beyond the limit with 503, without reading its request.
  mutating func answerRefused(_ connection: ConnectionPointer) {
    connection.pointee.phase = .requestHead
    let exchange = makeExchange(connection.stream)
    report(.error, "accept", exchange, connection) { line in
      line.append("worker_connections are not enough")
    }
    refuse(exchange, 503, .proxyOverloaded, Termination(.proxy, .requestHead))
  }
}
