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
    guard exchange.pointee.responseFraming != .none else {
      completeResponse(exchange)
      return .ready
    }
    while true {
      guard let peer = exchange.pointee.upstream else { return .nothing }
      if peer.pointee.inputCount > 0 && !exchange.pointee.needsMoreUpstreamInput {
        let piece = decodeResponseContent(exchange, &writer)
        if case .nothing = piece { continue }
        return piece
      }
      // The head, or what is there of it, goes out before waiting for more.
      switch receiveResponseContent(exchange) {
      case .bytes: exchange.pointee.needsMoreUpstreamInput = false
      case .nothing:
        if writer.count > 0 { return .ready }
        awaitResponse(exchange)
        return .nothing
      case .end: return endOfResponse(exchange, &writer)
      case .failed(let error):
        tryFailed(exchange, .closedBeforeResponse, .connectionTerminated, error)
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
  @inline(__always) private mutating func receiveResponseContent(_ exchange: ExchangePointer)
    -> Receipt
  {
    guard let peer = exchange.pointee.upstream else { return .nothing }
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
    guard exchange.pointee.responseFraming != .untilClose,
      exchange.pointee.responseLeft > UInt64(Limits.mediumBufferBytes)
    else { return .medium }
    return exchange.pointee.smoothWrites >= 2 ? .large : .medium
  }

  @inline(__always) private mutating func decodeResponseContent(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    do throws(HTTP1Error) {
      switch exchange.pointee.responseFraming {
      case .none: return .ready
      case .length: return takeResponseLength(exchange)
      case .untilClose: return takeUnframed(exchange, &writer)
      case .chunked: return try decodeResponseChunks(exchange, &writer)
      }
    } catch {
      report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
        line.append("the response is malformed: ")
        line.append(error.reason)
      }
      tryFailed(exchange, .invalidResponse, .httpProtocolError)
      return .gone
    }
  }

  @inline(__always) private mutating func takeResponseLength(_ exchange: ExchangePointer) -> Piece {
    guard let peer = exchange.pointee.upstream else { return .nothing }
    let bytes = UnsafeRawBufferPointer(peer.pointee.inputBytes)
    let count = Int(min(UInt64(bytes.count), exchange.pointee.responseLeft))
    peer.pointee.inputStart &+= UInt32(count)
    exchange.pointee.responseLeft &-= UInt64(count)
    let content = UnsafeRawBufferPointer(rebasing: bytes[0..<count])
    exchange.pointee.client.pointee.output.setPayload(content)
    if exchange.pointee.responseLeft == 0 { completeResponse(exchange) }
    return .ready
  }

  private mutating func takeUnframed(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    guard let peer = exchange.pointee.upstream else { return .nothing }
    let bytes = UnsafeRawBufferPointer(peer.pointee.inputBytes)
    peer.pointee.inputStart = peer.pointee.inputEnd
    return passContent(bytes, isLast: false, exchange, &writer)
  }

  private mutating func decodeResponseChunks(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) throws(HTTP1Error) -> Piece {
    if exchange.pointee.responseInTrailers { return try passResponseTrailers(exchange, &writer) }
    guard let peer = exchange.pointee.upstream else { return .nothing }
    let bytes = peer.pointee.mutableInputBytes
    var span = bytes.mutableSpan
    let step = try exchange.pointee.responseDecoder.decode(
      &span, maximumLineBytes: Limits.chunkLineBytes)
    peer.pointee.inputStart &+= UInt32(step.consumed)
    if case .trailers = step.end { exchange.pointee.responseInTrailers = true }
    let content = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[0..<step.produced])
    let isLast = step.end == .complete
    if isLast { completeResponse(exchange) }
    return passContent(content, isLast: isLast, exchange, &writer)
  }

  /// Composes content as the client wants it framed.
  private mutating func passContent(
    _ content: UnsafeRawBufferPointer, isLast: Bool, _ exchange: ExchangePointer,
    _ writer: inout ByteWriter
  ) -> Piece {
    guard exchange.pointee.clientFraming != .chunked else {
      return compose(content, isLast: isLast, for: exchange.pointee.client, &writer)
    }
    if content.isEmpty { return isLast ? .ready : .nothing }
    exchange.pointee.client.pointee.output.setPayload(content)
    return .ready
  }

  private mutating func passResponseTrailers(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) throws(HTTP1Error) -> Piece {
    guard let peer = exchange.pointee.upstream else { return .nothing }
    let bytes = peer.pointee.inputBytes
    var trailers = FieldSection()
    guard
      let count = try trailers.parseTrailers(bytes.span, maximumBytes: Limits.trailerBytes)
    else {
      exchange.pointee.needsMoreUpstreamInput = true
      return .nothing
    }
    peer.pointee.inputStart &+= UInt32(count)
    completeResponse(exchange)
    // Which fields its Connection names can't be told any more: the head's bytes are gone. Trailers
    // may be discarded (RFC 9112 section 7.1.2).
    if exchange.pointee.responseHead.connection.contains(.fieldNames) { trailers.removeAll() }
    if exchange.pointee.clientFraming == .chunked {
      writeTrailers(trailers, bytes.span, exchange, ofRequest: false, into: &writer)
    }
    return .ready
  }

  /// The peer has ended its stream: the end of the response when nothing else marks it, else a cut.
  private mutating func endOfResponse(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    guard exchange.pointee.responseFraming == .untilClose else {
      tryFailed(exchange, .closedBeforeResponse, .httpResponseIncomplete)
      return .gone
    }
    completeResponse(exchange)
    if exchange.pointee.clientFraming == .chunked { writer.append("0\r\n\r\n") }
    return .ready
  }

  @inline(__always) private mutating func completeResponse(_ exchange: ExchangePointer) {
    exchange.pointee.upstreamStage = .complete
    exchange.pointee.response = .composed
  }
}
