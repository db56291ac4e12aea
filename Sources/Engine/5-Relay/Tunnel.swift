// After a 101: bytes pass both ways, unread, until both sides have ended (RFC 9110 section 7.8).
// The exchange lives as long as its tunnel, so its line says what went through and for how long.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Answers the client with the peer's 101 and opens the tunnel.
  mutating func openTunnel(_ exchange: ExchangePointer, _ writer: inout ByteWriter) -> Piece {
    precondition(exchange.pointee.response == .none, "openTunnel: a response has begun")
    precondition(exchange.isLive, "openTunnel: the exchange has ended")
    guard let peer = exchange.pointee.upstream, isOffered(exchange, peer) else {
      report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
        line.append(
          exchange.pointee.asksForTunnel
            ? "the peer switched to a protocol that it was not offered"
            : "the peer switched protocols unasked")
      }
      tryFailed(exchange, .invalidResponse, .httpUpgradeFailed)
      return .gone
    }
    guard acceptsWebSocket(exchange, peer.pointee.inputBytes.span) else {
      report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
        line.append("the peer's Sec-WebSocket-Accept does not answer the key it was sent")
      }
      tryFailed(exchange, .invalidResponse, .httpUpgradeFailed)
      return .gone
    }
    // Over HTTP/2 a tunnel begins as any response does (RFC 8441 section 5).
    if isExtendedConnect(exchange) { exchange.pointee.responseHead.replaceStatus(200) }
    exchange.pointee.record.status = exchange.pointee.responseHead.status
    writeTunnelHead(exchange, peer.pointee.inputBytes.span, into: &writer)
    peer.pointee.inputStart &+= UInt32(exchange.pointee.responseHead.byteCount)
    exchange.pointee.response = .tunnel
    // The client may have ended its side with the request's head.
    if exchange.pointee.client.pointee.isMultiplexed {
      exchange.pointee.client.pointee.flags.insert(.readable)
    }
    exchange.pointee.upstreamStage = .content
    exchange.pointee.requireClosure(.orderly)
    note(.tunnelOpened, exchange)
    markSucceeded(exchange)
    writeOpeningLine(exchange)
    return .ready
  }

  /// True when the peer's Upgrade names what the client has offered, in one line as it was sent.
  private mutating func isOffered(
    _ exchange: ExchangePointer, _ peer: StreamPointer
  ) -> Bool {
    guard exchange.pointee.asksForTunnel,
      let asked = exchange.pointee.head.fields.firstIndex(of: .upgrade),
      let answered = exchange.pointee.responseHead.fields.firstIndex(of: .upgrade),
      exchange.pointee.responseHead.fields.firstIndex(of: .upgrade, from: answered + 1) == nil
    else { return false }
    let offer = exchange.pointee.head.fields[asked].value
    let answer = exchange.pointee.responseHead.fields[answered].value
    return UpgradeProtocols.isOffer(
      exchange.pointee.headBytes.span.extracting(offer.offsets),
      of: peer.pointee.inputBytes.span.extracting(answer.offsets))
  }

  private mutating func writeTunnelHead(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into memory: inout ByteWriter
  ) {
    if !tables.capturedFields.isEmpty { captureUpstreamFields(exchange, bytes) }
    var writer = HeadWriter(memory, for: exchange.pointee.client)
    writeInterimFields(exchange, into: &writer)
    if !writer.isFieldList { writeSwitchFields(exchange, bytes, into: &writer) }
    writeAddedFields(exchange, status: exchange.pointee.record.status, into: &writer)
    writer.end(for: exchange.pointee.client)
    captureSentFields(exchange, writer)
    memory = writer.lines
  }

  /// Passes bytes both ways as far as the sockets allow.
  mutating func relayTunnel(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .tunnel, "relayTunnel: no tunnel is open")
    guard let peer = exchange.pointee.upstream else {
      preconditionFailure("relayTunnel: the backend is gone")
    }
    let client = exchange.pointee.client
    guard pump(exchange, from: client, to: peer, isUpstream: false),
      pump(exchange, from: peer, to: client, isUpstream: true)
    else { return }
    let ended = client.pointee.flags.contains(.endRead) && peer.pointee.flags.contains(.endRead)
    if ended && !client.pointee.hasOutput && !peer.pointee.hasOutput {
      return endTunnel(exchange, .completed, .none)
    }
    let hasProgress =
      client.pointee.flags.contains(.progressed) || peer.pointee.flags.contains(.progressed)
    if hasProgress || client.pointee.wait != .tunnel {
      peer.pointee.flags.remove(.progressed)
      stopWaiting(peer)
      client.pointee.flags.insert(.progressed)
      startWaiting(
        client, for: .tunnel, atMost: exchange.pointee.plan.pointee.readTimeout)
    }
  }

  /// Passes one direction on. False when the tunnel has ended over it.
  private mutating func pump(
    _ exchange: ExchangePointer, from source: StreamPointer, to sink: StreamPointer,
    isUpstream: Bool
  ) -> Bool {
    for _ in 0..<Limits.readsPerTurn {
      switch send(sink) {
      case .done: break
      case .blocked: return true
      case .failed: return endBroken(exchange, isUpstream: !isUpstream)
      }
      if source.pointee.inputCount == 0 {
        switch receiveTunnel(exchange, source) {
        case .bytes: break
        case .nothing: return true
        case .end: return passEnd(to: sink)
        case .failed: return endBroken(exchange, isUpstream: isUpstream)
        }
      }
      let bytes = UnsafeRawBufferPointer(source.pointee.inputBytes)
      source.pointee.inputStart = source.pointee.inputEnd
      if !isUpstream {
        exchange.pointee.record.contentBytesIn &+= UInt64(bytes.count)
        exchange.pointee.record.requestBytes &+= UInt64(bytes.count)
      }
      sink.pointee.output.setPayload(bytes)
    }
    enqueue(source)
    return true
  }

  private mutating func receiveTunnel(
    _ exchange: ExchangePointer, _ source: StreamPointer
  ) -> Receipt {
    precondition(source.pointee.inputCount == 0, "receiveTunnel: something has not been passed on")
    if source == exchange.pointee.client && exchange.pointee.sharesInput {
      separateInput(exchange)
    }
    source.pointee.inputStart = 0
    source.pointee.inputEnd = 0
    guard source.pointee.flags.contains(.readable) else {
      buffers.giveBack(&source.pointee.input)
      return .nothing
    }
    return receive(source, .medium)
  }

  /// Tells one side that the other has ended its stream.
  private mutating func passEnd(to sink: StreamPointer) -> Bool {
    if !sink.pointee.flags.contains(.endWritten) {
      endWriting(sink)
    }
    return true
  }

  private mutating func endBroken(_ exchange: ExchangePointer, isUpstream: Bool) -> Bool {
    precondition(exchange.pointee.response == .tunnel, "endBroken: no tunnel is open")
    if isUpstream {
      endTunnel(exchange, Termination(.upstream, .tunnel), .connectionTerminated)
    } else {
      leaveTunnel(exchange)
    }
    return false
  }

  /// Ends a tunnel whose client has gone away. Over HTTP/2 clients reset a stream whose other side
  /// has ended, or end the connection: that is as good an end as another.
  mutating func leaveTunnel(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .tunnel, "leaveTunnel: no tunnel is open")
    let client = exchange.pointee.client
    let isOver =
      client.pointee.isMultiplexed && client.pointee.flags.contains(.endWritten)
      && !client.pointee.hasOutput
    if isOver { return endTunnel(exchange, .completed, .none) }
    endTunnel(exchange, Termination(.client, .tunnel), .clientClosed)
  }

  /// Ends a tunnel and its exchange.
  mutating func endTunnel(
    _ exchange: ExchangePointer, _ termination: Termination, _ error: ErrorType
  ) {
    precondition(exchange.pointee.response == .tunnel, "endTunnel: no tunnel is open")
    precondition(exchange.pointee.upstream != nil, "endTunnel: its other end is gone")
    abandonTry(exchange, error: error)
    if termination.party == .nobody { return end(exchange) }
    endEarly(exchange, .sent, error, termination, .orderly)
  }
}
