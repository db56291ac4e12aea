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
      if !peer.pointee.hasOutput && exchange.pointee.request == .complete {
        // Nothing follows what was composed.
        if writer.count == 0 { return true }
      } else if !peer.pointee.hasOutput {
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
      if client.pointee.inputCount > 0 && !exchange.pointee.requestReader.needsMore {
        let piece = passRequestContent(exchange, &writer)
        if case .nothing = piece { continue }
        return piece
      }
      switch receiveContent(exchange) {
      case .bytes: exchange.pointee.requestReader.needsMore = false
      case .nothing:
        if writer.count == 0 {
          startWaiting(client, for: .requestContent, atMost: contentTimeout(exchange))
        }
        return .nothing
      case .end where exchange.pointee.requestReader.noteEnd():
        exchange.pointee.request = .complete
        return put(noContent, isLast: true, exchange.pointee.upstream, isChunked: true, &writer)
      case .end, .failed:
        clientLeft(exchange)
        return .gone
      }
    }
    return .nothing
  }

  /// How long the client may be silent. A call of gRPC may say nothing for long, as its backend
  /// may: one time bounds both.
  private mutating func contentTimeout(_ exchange: ExchangePointer) -> Interval {
    exchange.pointee.plan.pointee.speaksGRPC
      ? exchange.pointee.plan.pointee.readTimeout : exchange.pointee.plan.pointee.bodyTimeout
  }

  /// Passes on what has come of the content.
  private mutating func passRequestContent(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    do throws(HTTP1Error) {
      if exchange.pointee.requestReader.place == .trailers {
        return try passRequestTrailers(exchange, &writer)
      }
      let isAnnounced = exchange.pointee.requestReader.framing == .length
      // Where it lies behind the head it can be sent again.
      let staysThere = exchange.pointee.sharesInput && !exchange.pointee.kept.isUsed
      if !isAnnounced || !staysThere { exchange.pointee.contentConsumed = true }
      guard let piece = try takeArrivedContent(exchange) else { return .gone }
      return put(
        piece.bytes, isLast: piece.isLast, exchange.pointee.upstream, isChunked: !isAnnounced,
        &writer)
    } catch {
      refuseContent(exchange, error)
      return .gone
    }
  }

  /// Takes what has come of the content and counts it. Nil when the exchange has ended over it.
  mutating func takeArrivedContent(
    _ exchange: ExchangePointer
  ) throws(HTTP1Error) -> ContentPiece? {
    let piece = try takeUncheckedContent(exchange)
    let isAnnounced = exchange.pointee.requestReader.framing == .length
    guard isAnnounced || isWithinContentLimit(exchange) else { return nil }
    return piece
  }

  /// The same for content that goes nowhere: it may be longer than the location allows.
  mutating func takeUncheckedContent(
    _ exchange: ExchangePointer
  ) throws(HTTP1Error) -> ContentPiece {
    assert(
      exchange.pointee.requestReader.place == .content,
      "takeUncheckedContent: no content is to come")
    let client = exchange.pointee.client
    let start = client.pointee.inputStart
    let piece = try exchange.pointee.requestReader.take(from: client)
    exchange.pointee.record.contentBytesIn &+= UInt64(piece.bytes.count)
    exchange.pointee.record.requestBytes &+= UInt64(client.pointee.inputStart &- start)
    if piece.isLast { exchange.pointee.request = .complete }
    return piece
  }

  /// Takes the trailer section; false when not all of it has come.
  mutating func takeRequestTrailers(
    _ trailers: inout FieldSection, _ exchange: ExchangePointer
  ) throws(HTTP1Error) -> Bool {
    let client = exchange.pointee.client
    let start = client.pointee.inputStart
    let isWhole = try exchange.pointee.requestReader.takeTrailers(&trailers, from: client)
    exchange.pointee.record.requestBytes &+= UInt64(client.pointee.inputStart &- start)
    if isWhole { exchange.pointee.request = .complete }
    return isWhole
  }

  /// Refuses a request whose content is not framed as it must be.
  mutating func refuseContent(_ exchange: ExchangePointer, _ error: HTTP1Error) {
    assert(exchange.isLive, "refuseContent: the exchange has ended")
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

  private mutating func isWithinContentLimit(_ exchange: ExchangePointer) -> Bool {
    let maximum = exchange.pointee.plan.pointee.maximumContentBytes
    guard maximum > 0, exchange.pointee.record.contentBytesIn > maximum else { return true }
    abandonTry(exchange)
    // A client that did not say how much it would send is not trusted to have ended there.
    if exchange.pointee.requestReader.framing == .chunked {
      exchange.pointee.requireClosure(.orderly)
    }
    refuse(exchange, 413, .requestBodyTooLarge, Termination(.proxy, .requestBody))
    return false
  }

  /// Passes a complete trailer section on, without the fields that have no business there.
  private mutating func passRequestTrailers(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) throws(HTTP1Error) -> Piece {
    assert(
      exchange.pointee.request == .content, "passRequestTrailers: the request is complete")
    let bytes = exchange.pointee.client.pointee.inputBytes
    var trailers = FieldSection()
    guard try takeRequestTrailers(&trailers, exchange) else { return .nothing }
    writeTrailers(trailers, bytes.span, exchange, ofRequest: true, into: &writer)
    return .ready
  }

  /// Makes content that was sent to one peer ready to be sent to the next. Only called while none
  /// of it is lost (`contentConsumed`).
  mutating func rewindContent(_ exchange: ExchangePointer) {
    assert(exchange.pointee.upstream == nil, "rewindContent: a backend is attached")
    assert(!exchange.pointee.contentConsumed, "rewindContent: some of the content is gone")
    exchange.pointee.stopsSending = false
    if exchange.pointee.plan.pointee.dropsRequestContent { return }
    if exchange.pointee.kept.isUsed {
      exchange.pointee.kept.sentCount = 0
      exchange.pointee.request = exchange.pointee.kept.hasMore ? .content : .complete
      return
    }
    guard exchange.pointee.requestReader.framing == .length else {
      guard exchange.pointee.request == .complete, exchange.pointee.requestReader.framing != .none
      else { return }
      // It has ended without any content: the next peer is told so beforehand.
      exchange.pointee.kept.isUsed = true
      exchange.pointee.kept.isWhole = true
      return
    }
    guard exchange.pointee.sharesInput else {
      // It lies apart from the head, and nothing of it has been taken.
      return assert(exchange.pointee.record.contentBytesIn == 0, "rewindContent: it is gone")
    }
    exchange.pointee.client.pointee.inputStart = exchange.pointee.headByteCount
    exchange.pointee.requestReader.begin(length: exchange.pointee.requestReader.length)
    exchange.pointee.request = .content
    exchange.pointee.record.requestBytes &-= exchange.pointee.record.contentBytesIn
    exchange.pointee.record.contentBytesIn = 0
  }

  /// Ends a try for a reason that is not the peer's; `error` is noted with it.
  mutating func abandonTry(_ exchange: ExchangePointer, error: ErrorType = .none) {
    if exchange.pointee.serving?.pointee.subrequest != nil { abandonSubrequest(of: exchange) }
    guard exchange.pointee.upstream != nil else { return }
    noteTry(exchange, error: error)
    releaseUpstream(exchange, mayReuse: false)
  }
}
