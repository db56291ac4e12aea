// Carrying an exchange on: both directions go as far as their sockets allow, and no further.
// Content is read only when all that was read before has been written, so one buffer a direction
// bounds memory.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// What a direction has to write next.
enum Piece: BitwiseCopyable {
  /// Something was composed.
  case ready
  /// Nothing until a socket reports something.
  case nothing
  /// The exchange has ended or begun another try; the caller must not touch it.
  case gone
}

extension Worker where K: ~Copyable {
  /// Carries an exchange as far as it goes.
  @inline(__always) mutating func advance(_ exchange: ExchangePointer) {
    let client = exchange.pointee.client
    if client.pointee.flags.contains(.failed) { return clientFailed(exchange) }
    if clientAborted(exchange) { return clientLeft(exchange) }
    switch exchange.pointee.response {
    case .tunnel: return relayTunnel(exchange)
    case .delivering: return awaitDelivery(exchange)
    case .heldBack: return
    case .pending: return carryOnAdmission(exchange)
    case .file: return sendFile(exchange)
    case .kept: return relayKept(exchange)
    case .none, .content, .composed: break
    }
    switch exchange.pointee.upstreamStage {
    case .connecting: return
    case .none where exchange.pointee.request == .buffering: collectContent(exchange)
    case .none where exchange.pointee.isComposingPage: carryOnPage(exchange)
    // Stages may have something to give that their client has not taken yet.
    case .none where exchange.pointee.response == .content,
      .complete where exchange.pointee.response == .content:
      relayResponse(exchange)
    case .none, .complete: finishResponse(exchange)
    case .awaitingHead, .content:
      if isSendingRequest(exchange) {
        var writer = ByteWriter(scratch)
        guard relayRequest(exchange, &writer) else { return }
      }
      relayResponse(exchange)
    }
  }

  /// True when not all of the request has been handed to the backend's side.
  @inline(__always) mutating func isSendingRequest(_ exchange: ExchangePointer) -> Bool {
    exchange.pointee.request != .complete || exchange.pointee.upstream?.pointee.hasOutput == true
  }

  /// True when the client has ended its stream and the location takes that for leaving.
  @inline(__always) private mutating func clientAborted(_ exchange: ExchangePointer) -> Bool {
    let isEnded = exchange.pointee.client.pointee.flags.contains(.endAnnounced)
    return isEnded && exchange.pointee.response == .none
      && !exchange.pointee.plan.pointee.ignoresClientAbort && !exchange.pointee.isComposingPage
  }

  /// Acts on the failure of the client's socket.
  mutating func clientFailed(_ exchange: ExchangePointer) {
    switch exchange.pointee.response {
    case .delivering: awaitDelivery(exchange)
    // Sending it will fail, too.
    case .heldBack: return
    case .tunnel:
      // Both directions may be over in good order; then nothing is pending.
      guard isBroken(exchange.pointee.client) else {
        return relayTunnel(exchange)
      }
      leaveTunnel(exchange)
    case .none, .pending, .content, .kept, .file, .composed: clientLeft(exchange)
    }
  }

  /// Passes the response on. Nothing of the exchange may be touched afterwards.
  mutating func relayResponse(_ exchange: ExchangePointer) {
    let client = exchange.pointee.client
    for _ in 0..<Limits.readsPerTurn {
      var writer = ByteWriter(scratch)
      if !client.pointee.hasOutput {
        switch nextResponsePiece(exchange, &writer) {
        case .nothing, .gone: return
        case .ready:
          if exchange.pointee.response == .composed && holdsBack(exchange, writer) { return }
        }
      }
      switch send(client, prefix: UnsafeRawBufferPointer(writer.written)) {
      case .done:
        if client.pointee.wait == .clientSend { stopWaiting(client) }
        if exchange.pointee.smoothWrites < .max { exchange.pointee.smoothWrites &+= 1 }
        if exchange.pointee.response == .tunnel { return relayTunnel(exchange) }
        if exchange.pointee.response == .composed { return finishResponse(exchange) }
        // Stages take their time: others have their turn before the next piece.
        if exchange.pointee.stages != nil { return enqueue(client) }
      case .blocked: return yieldToClient(exchange)
      case .failed: return clientLeft(exchange)
      }
    }
    enqueue(client)
  }

  @inline(__always) private mutating func nextResponsePiece(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    if exchange.pointee.response == .none {
      let piece = readResponseHead(exchange, &writer)
      guard case .ready = piece else { return piece }
      guard exchange.pointee.response == .content else { return .ready }
    } else if exchange.pointee.response == .kept {
      return takeKeptContent(exchange, &writer)
    }
    return takeResponseContent(exchange, &writer)
  }

  /// Lets the peer go as soon as all of its response has been read, so that a slow client does not
  /// keep it: what is not yet written stays behind in the buffer.
  mutating func detachUpstream(_ exchange: ExchangePointer) {
    guard exchange.pointee.upstreamStage == .complete, let connection = exchange.pointee.upstream
    else { return }
    assert(exchange.pointee.detachedBuffer.isNone, "detachUpstream: it was detached")
    exchange.pointee.detachedBuffer = connection.pointee.input
    let hasMore = connection.pointee.inputCount > 0
    connection.pointee.input = .none
    connection.pointee.inputStart = 0
    connection.pointee.inputEnd = 0
    // A backend may answer before it has all of the request; then it gets no more of it.
    endTry(exchange, mayReuse: !hasMore && exchange.pointee.request == .complete)
  }

  /// Ends the try that brought the response.
  mutating func endTry(_ exchange: ExchangePointer, mayReuse: Bool) {
    assert(exchange.pointee.upstream != nil, "endTry: no backend is attached")
    noteTry(exchange, error: .none)
    markSucceeded(exchange)
    releaseUpstream(exchange, mayReuse: mayReuse && keepsConnection(exchange))
  }

  /// Goes on when all of the response has been composed: writes what waits, reads what is left of
  /// the request if the connection is to be kept, and ends the exchange.
  mutating func finishResponse(_ exchange: ExchangePointer) {
    assert(
      exchange.pointee.response == .composed, "finishResponse: the response is not composed")
    let client = exchange.pointee.client
    switch send(client) {
    case .done: if exchange.pointee.serving != nil && sendsMoreOfPage(exchange) { return }
    case .blocked:
      detachUpstream(exchange)
      return awaitClient(exchange)
    case .failed: return clientLeft(exchange)
    }
    if exchange.pointee.discardsContent && exchange.pointee.request == .content {
      guard discardContent(exchange) else { return }
    }
    if isHalfClosed(exchange) { return awaitDelivery(exchange) }
    end(exchange)
  }

  /// True when the client has ended its stream and sent nothing behind this request.
  @inline(__always) private mutating func isHalfClosed(_ exchange: ExchangePointer) -> Bool {
    let client = exchange.pointee.client
    guard client.pointee.flags.contains(.endAnnounced), client.pointee.inputCount == 0 else {
      return false
    }
    if !client.pointee.flags.contains(.endRead) { _ = receive(client, .small) }
    return client.pointee.flags.contains(.endRead)
  }

  /// Asks whether a client that had ended its own stream has got the response, or was gone all
  /// along: only the acknowledgement of our bytes, or a reset, can tell.
  mutating func awaitDelivery(_ exchange: ExchangePointer) {
    let client = exchange.pointee.client
    exchange.pointee.requireClosure(.orderly)
    if exchange.pointee.response != .delivering {
      exchange.pointee.response = .delivering
      detachUpstream(exchange)
      endWriting(client)
    }
    switch arrival(of: client) {
    case .complete: end(exchange)
    case .impossible: clientLeft(exchange)
    case .awaited: startWaiting(client, for: .halfClosed, atMost: Limits.lingeringTime)
    }
  }
}
