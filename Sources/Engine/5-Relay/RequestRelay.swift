// The request's content, from the client to the peer: re-framed, so that the peer sees exactly one
// reading of where it ends.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Sends on what `writer` holds (the head, at a try's begin) and as much content as there is.
  /// False when the exchange has ended over it.
  mutating func relayRequest(_ exchange: ExchangePointer, _ writer: inout ByteWriter) -> Bool {
    for _ in 0..<Limits.readsPerTurn {
      guard let peer = exchange.pointee.upstream, !exchange.pointee.stopsSending else {
        return true
      }
      if !peer.pointee.hasOutput {
        switch takeRequestContent(exchange, &writer) {
        case .ready: break
        case .nothing: if writer.count == 0 { return true }
        case .gone: return false
        }
      }
      let prefix = UnsafeRawBufferPointer(writer.written)
      switch send(peer, prefix: prefix) {
      case .done:
        writer.truncate(to: 0)
        if peer.pointee.wait == .upstreamSend { stopWaiting(peer) }
        guard exchange.pointee.request == .complete else { continue }
        note(.requestSent, exchange, Int(clamping: exchange.pointee.upstreamBytesSent))
        return true
      case .blocked:
        exchange.pointee.history.noteOnce(.upstreamBlocked, at: now)
        stopWaiting(exchange.pointee.client)
        startWaiting(
          peer, for: .upstreamSend,
          atMost: exchange.pointee.plan.pointee.sendTimeout)
        return true
      case .failed:
        // The response may have come before the peer stopped reading, or may still come.
        exchange.pointee.stopsSending = true
        buffers.giveBack(&peer.pointee.output.held)
        peer.pointee.output = Outbound()
        peer.pointee.flags.insert(.readable)
        return true
      }
    }
    enqueue(exchange.pointee.client)
    return true
  }

  /// Composes the next piece of content for the peer.
  private mutating func takeRequestContent(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    while exchange.pointee.request == .content {
      if exchange.pointee.kept.hasMore { return takeKept(exchange, &writer) }
      let client = exchange.pointee.client
      if client.pointee.inputCount > 0 && !exchange.pointee.needsMoreInput {
        let piece = decodeRequestContent(exchange, &writer)
        if case .nothing = piece { continue }
        return piece
      }
      switch receiveContent(exchange) {
      case .bytes: exchange.pointee.needsMoreInput = false
      case .nothing:
        if writer.count == 0 {
          startWaiting(
            client, for: .requestContent,
            atMost: exchange.pointee.plan.pointee.bodyTimeout)
        }
        return .nothing
      case .end, .failed:
        clientLeft(exchange)
        return .gone
      }
    }
    return .nothing
  }

  /// Reads content: behind the head while all of it fits there, so that it can be sent again, else
  /// into a buffer of its own.
  mutating func receiveContent(_ exchange: ExchangePointer) -> Receipt {
    let client = exchange.pointee.client
    let left = exchange.pointee.requestLeft
    if exchange.pointee.sharesInput {
      let room = client.pointee.input.capacity &- Int(client.pointee.inputEnd)
      let isLength = exchange.pointee.head.framing != .chunked
      guard !isLength || left > UInt64(room) else { return receive(client, .small) }
      guard client.pointee.flags.contains(.readable) else { return .nothing }
      leaveHeadBuffer(exchange)
    } else if client.pointee.inputCount == 0 {
      client.pointee.inputStart = 0
      client.pointee.inputEnd = 0
    } else {
      compactInput(client)
    }
    return receive(client, left > UInt64(Limits.mediumBufferBytes) ? .large : .medium)
  }

  /// Gives the connection a buffer of its own; the exchange keeps the one that its head lies in.
  /// What is left to decode (a part of a trailer section) moves along.
  mutating func leaveHeadBuffer(_ exchange: ExchangePointer) {
    let client = exchange.pointee.client
    let rest = client.pointee.inputBytes
    let buffer = buffers.take(.medium)
    if let base = rest.baseAddress { buffer.base?.copyMemory(from: base, byteCount: rest.count) }
    client.pointee.input = buffer
    client.pointee.inputStart = 0
    client.pointee.inputEnd = UInt32(rest.count)
    exchange.pointee.sharesInput = false
    exchange.pointee.contentConsumed = true
  }

  private mutating func decodeRequestContent(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    guard exchange.pointee.head.framing == .chunked else {
      if exchange.pointee.kept.isUsed { exchange.pointee.contentConsumed = true }
      let content = takeRequestLength(exchange)
      exchange.pointee.upstream?.pointee.output.setPayload(UnsafeRawBufferPointer(content))
      return .ready
    }
    do throws(HTTP1Error) {
      return try decodeRequestChunks(exchange, &writer)
    } catch {
      refuseContent(exchange, error)
      return .gone
    }
  }

  /// Refuses a request whose content is not framed as it must be.
  mutating func refuseContent(_ exchange: ExchangePointer, _ error: HTTP1Error) {
    // What was read before it, head and content, is counted.
    let offset = Int(clamping: exchange.pointee.record.requestBytes) + Int(error.offset)
    note(.malformedRequest, exchange, offset, try: Int(error.kind.rawValue))
    report(.error, "request", exchange, exchange.pointee.downstream) { line in
      line.append("refused: ")
      line.append(error.reason)
    }
    abandonTry(exchange)
    refuse(exchange, 400, .httpRequestError, Termination(.client, .requestBody))
  }

  /// Takes what has come of content with a known length.
  mutating func takeRequestLength(_ exchange: ExchangePointer) -> UnsafeBufferPointer<UInt8> {
    let client = exchange.pointee.client
    let bytes = client.pointee.inputBytes
    let count = Int(min(UInt64(bytes.count), exchange.pointee.requestLeft))
    client.pointee.inputStart &+= UInt32(count)
    exchange.pointee.requestLeft &-= UInt64(count)
    exchange.pointee.record.contentBytesIn &+= UInt64(count)
    exchange.pointee.record.requestBytes &+= UInt64(count)
    if exchange.pointee.requestLeft == 0 { exchange.pointee.request = .complete }
    return UnsafeBufferPointer(rebasing: bytes[0..<count])
  }

  /// Decodes chunks and frames their content as one chunk.
  private mutating func decodeRequestChunks(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) throws(HTTP1Error) -> Piece {
    exchange.pointee.contentConsumed = true
    if exchange.pointee.requestInTrailers { return try passRequestTrailers(exchange, &writer) }
    guard let content = try decodeRequestChunks(exchange) else { return .gone }
    let isComplete = exchange.pointee.request == .complete
    return compose(content, isLast: isComplete, for: exchange.pointee.upstream, &writer)
  }

  /// Decodes in place what has come of chunks. Nil when the exchange has ended over it.
  mutating func decodeRequestChunks(
    _ exchange: ExchangePointer
  ) throws(HTTP1Error) -> UnsafeRawBufferPointer? {
    let client = exchange.pointee.client
    let bytes = client.pointee.mutableInputBytes
    var span = bytes.mutableSpan
    let step = try exchange.pointee.requestDecoder.decode(
      &span, maximumLineBytes: Limits.chunkLineBytes)
    client.pointee.inputStart &+= UInt32(step.consumed)
    exchange.pointee.record.contentBytesIn &+= UInt64(step.produced)
    exchange.pointee.record.requestBytes &+= UInt64(step.consumed)
    guard isWithinContentLimit(exchange) else { return nil }
    switch step.end {
    case .more: break
    case .trailers: exchange.pointee.requestInTrailers = true
    case .complete: exchange.pointee.request = .complete
    }
    return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[0..<step.produced])
  }

  /// Frames content as a chunk for `stream`; `.nothing` when there is none and more is to come.
  mutating func compose(
    _ content: UnsafeRawBufferPointer, isLast: Bool, for stream: StreamPointer?,
    _ writer: inout ByteWriter
  ) -> Piece {
    if content.isEmpty {
      guard isLast else { return .nothing }
      writer.append("0\r\n\r\n")
      return .ready
    }
    writer.append(hexadecimal: UInt64(content.count))
    writer.append("\r\n")
    stream?.pointee.output.setPayload(content, suffix: isLast ? .chunkEndAndLast : .chunkEnd)
    return .ready
  }

  private mutating func isWithinContentLimit(_ exchange: ExchangePointer) -> Bool {
    let maximum = exchange.pointee.plan.pointee.maximumContentBytes
    guard maximum > 0, exchange.pointee.record.contentBytesIn > maximum else { return true }
    abandonTry(exchange)
    refuse(exchange, 413, .requestBodyTooLarge, Termination(.proxy, .requestBody))
    return false
  }

  /// Passes a complete trailer section on, without the fields that have no business there.
  private mutating func passRequestTrailers(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) throws(HTTP1Error) -> Piece {
    let client = exchange.pointee.client
    let bytes = client.pointee.inputBytes
    var trailers = FieldSection()
    guard
      let count = try trailers.parseTrailers(bytes.span, maximumBytes: Limits.trailerBytes)
    else {
      exchange.pointee.needsMoreInput = true
      return .nothing
    }
    client.pointee.inputStart &+= UInt32(count)
    exchange.pointee.record.requestBytes &+= UInt64(count)
    exchange.pointee.request = .complete
    writeTrailers(trailers, bytes.span, exchange, ofRequest: true, into: &writer)
    return .ready
  }

  /// Makes content that was sent to one peer ready to be sent to the next. Only called while none
  /// of it is lost (`contentConsumed`).
  mutating func rewindContent(_ exchange: ExchangePointer) {
    exchange.pointee.stopsSending = false
    if exchange.pointee.kept.isUsed {
      precondition(!exchange.pointee.contentConsumed, "rewindContent: some of the content is gone")
      exchange.pointee.kept.sentCount = 0
      exchange.pointee.request = exchange.pointee.kept.hasMore ? .content : .complete
      return
    }
    guard case .length(let count) = exchange.pointee.head.framing, count > 0 else { return }
    exchange.pointee.client.pointee.inputStart = exchange.pointee.headByteCount
    exchange.pointee.requestLeft = count
    exchange.pointee.request = .content
    exchange.pointee.record.requestBytes &-= exchange.pointee.record.contentBytesIn
    exchange.pointee.record.contentBytesIn = 0
  }

  /// Ends a try for a reason that is not the peer's.
  mutating func abandonTry(_ exchange: ExchangePointer) {
    guard exchange.pointee.upstream != nil else { return }
    noteTry(exchange, error: .none)
    releaseUpstream(exchange, mayReuse: false)
  }
}
