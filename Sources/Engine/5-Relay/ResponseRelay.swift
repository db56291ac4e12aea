// The response's content, from the peer to the client.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Composes the next piece of content for the client, behind what `writer` holds.
  mutating func takeResponseContent(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    assert(
      exchange.pointee.response == .content, "takeResponseContent: no content is awaited")
    if let stages = exchange.pointee.stages, !stages.pointee.isDrained {
      return takeStagedContent(exchange, stages, &writer)
    }
    guard !exchange.pointee.responseReader.isComplete else {
      completeResponse(exchange)
      return .ready
    }
    while true {
      guard let peer = exchange.pointee.upstream else {
        preconditionFailure("takeResponseContent: the backend is gone")
      }
      if peer.pointee.inputCount > 0 && !exchange.pointee.responseReader.needsMore {
        let piece = passResponseContent(exchange, peer, &writer)
        if case .nothing = piece { continue }
        return piece
      }
      // The head, or what is there of it, goes out before waiting for more.
      switch receiveResponseContent(exchange) {
      case .bytes: exchange.pointee.responseReader.needsMore = false
      case .nothing:
        if writer.count > 0 { return .ready }
        awaitResponse(exchange)
        return .nothing
      case .end: return endOfResponse(exchange, &writer)
      case .failed(let error):
        responseFailed(exchange, error)
        return .gone
      }
    }
  }

  /// Waits for the peer, as long as it is the peer that everything waits for.
  mutating func awaitResponse(_ exchange: ExchangePointer) {
    guard let peer = exchange.pointee.upstream, !peer.pointee.hasOutput else { return }
    let isSending = exchange.pointee.request != .complete && !exchange.pointee.stopsSending
    if isSending && exchange.pointee.response == .none { return }
    stopWaiting(exchange.pointee.client)
    startWaiting(
      peer, for: .upstreamRead, atMost: exchange.pointee.plan.pointee.readTimeout)
  }

  /// Reads from the peer into a buffer as large as the rest of the content and the client's pace
  /// justify. All that was read before has been written.
  @inline(__always) mutating func receiveResponseContent(_ exchange: ExchangePointer)
    -> Receipt
  {
    guard let peer = exchange.pointee.upstream else {
      preconditionFailure("receiveResponseContent: the backend is gone")
    }
    if peer.pointee.inputCount == 0 {
      peer.pointee.inputStart = 0
      peer.pointee.inputEnd = 0
      guard peer.pointee.flags.contains(.readable) else {
        // An idle stream (server-sent events) holds no buffer.
        buffers.giveBack(&peer.pointee.input)
        return .nothing
      }
      let wanted = responseBufferSize(exchange)
      if !peer.pointee.input.isNone && peer.pointee.input.size != wanted {
        buffers.giveBack(&peer.pointee.input)
      }
      return receive(peer, wanted)
    }
    compactInput(peer)
    return receive(peer, .medium)
  }

  @inline(__always) private mutating func responseBufferSize(_ exchange: ExchangePointer)
    -> Buffer.Size
  {
    guard exchange.pointee.responseReader.left > UInt64(Limits.mediumBufferBytes),
      exchange.pointee.responseReader.framing != .untilEnd, exchange.pointee.stages == nil
    else { return .medium }
    return exchange.pointee.smoothWrites >= 2 ? .large : .medium
  }

  /// Passes on what has come of the content.
  @inline(__always) private mutating func passResponseContent(
    _ exchange: ExchangePointer, _ peer: StreamPointer, _ writer: inout ByteWriter
  ) -> Piece {
    do throws(HTTP1Error) {
      if exchange.pointee.responseReader.place == .trailers {
        return try passResponseTrailers(exchange, peer, &writer)
      }
      let piece = try exchange.pointee.responseReader.take(from: peer)
      if piece.isLast { completeResponse(exchange) }
      return put(
        piece.bytes, isLast: piece.isLast, exchange.pointee.client,
        isChunked: exchange.pointee.clientFraming == .chunked, &writer)
    } catch {
      failContent(exchange, error)
      return .gone
    }
  }

  /// Ends a try whose response's content is not framed as it must be.
  mutating func failContent(_ exchange: ExchangePointer, _ error: HTTP1Error) {
    report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
      line.append("the response is malformed: ")
      line.append(error.reason)
    }
    tryFailed(exchange, .invalidResponse, .httpProtocolError)
  }

  /// Passes a complete trailer section on, without the fields that have no business there.
  private mutating func passResponseTrailers(
    _ exchange: ExchangePointer, _ peer: StreamPointer, _ writer: inout ByteWriter
  ) throws(HTTP1Error) -> Piece {
    let bytes = peer.pointee.inputBytes
    var trailers = FieldSection()
    guard try exchange.pointee.responseReader.takeTrailers(&trailers, from: peer) else {
      return .nothing
    }
    completeResponse(exchange)
    putTrailers(&trailers, bytes.span, exchange, &writer)
    return .ready
  }

  /// Writes a trailer section for a client that can be sent one.
  mutating func putTrailers(
    _ trailers: inout FieldSection, _ bytes: Span<UInt8>, _ exchange: ExchangePointer,
    _ writer: inout ByteWriter
  ) {
    // Which fields its Connection names can't be told any more: the head's bytes are gone. Trailers
    // may be discarded (RFC 9112 section 7.1.2).
    if exchange.pointee.responseHead.connection.contains(.fieldNames) { trailers.removeAll() }
    if exchange.pointee.clientFraming == .chunked || exchange.pointee.client.pointee.isMultiplexed {
      writeTrailers(trailers, bytes, exchange, ofRequest: false, into: &writer)
    }
  }

  /// The peer has ended its stream: the end of the response when nothing else marks it, else a cut.
  private mutating func endOfResponse(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    guard exchange.pointee.responseReader.noteEnd() else {
      tryFailed(exchange, .closedBeforeResponse, .httpResponseIncomplete)
      return .gone
    }
    completeResponse(exchange)
    return put(
      noContent, isLast: true, exchange.pointee.client,
      isChunked: exchange.pointee.clientFraming == .chunked, &writer)
  }

  @inline(__always) private mutating func completeResponse(_ exchange: ExchangePointer) {
    assert(exchange.pointee.upstreamStage == .content, "completeResponse: it has not begun")
    assert(exchange.pointee.response == .content, "completeResponse: it has not begun")
    exchange.pointee.upstreamStage = .complete
    exchange.pointee.response = .composed
  }
}
