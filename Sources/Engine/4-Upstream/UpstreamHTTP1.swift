// Reading a response's head from a peer, and what each kind of status means.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Reads the head of the peer's response. `.ready` when a head was composed for the client: the
  /// final one (then the exchange's response has begun) or an interim one.
  mutating func readResponseHead(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    assert(exchange.pointee.response == .none, "readResponseHead: a response has begun")
    for _ in 0..<Limits.readsPerTurn {
      guard let peer = exchange.pointee.upstream else {
        preconditionFailure("readResponseHead: the backend is gone")
      }
      if peer.pointee.inputCount > 0 && !exchange.pointee.responseReader.needsMore {
        let piece = parseResponseHead(exchange, &writer)
        guard case .nothing = piece else { return piece }
        // An interim response that this client is not to see has been dropped: the next head may
        // follow.
        if peer.pointee.inputCount > 0 && !exchange.pointee.responseReader.needsMore { continue }
      }
      compactInput(peer)
      if peer.pointee.inputCount == Limits.mediumBufferBytes { growHeadBuffer(peer) }
      switch receive(peer, .medium) {
      case .bytes:
        exchange.pointee.responseReader.needsMore = false
        noteFirstByte(exchange)
      case .nothing:
        awaitResponse(exchange)
        return .nothing
      case .end:
        let isCut = peer.pointee.inputCount > 0
        tryFailed(
          exchange, .closedBeforeResponse, isCut ? .httpResponseIncomplete : .connectionTerminated)
        return .gone
      case .failed(let error):
        responseFailed(exchange, error)
        return .gone
      }
    }
    enqueue(exchange.pointee.client)
    return .nothing
  }

  @inline(__always) mutating func noteFirstByte(_ exchange: ExchangePointer) {
    guard exchange.pointee.record.upstreamFirstByte == .endless else { return }
    let time = kernel.now() - exchange.pointee.tryStart
    exchange.pointee.record.upstreamFirstByte = time
    upstreamCounters(exchange).measure(UpstreamCells.firstBytes, time)
  }

  @inline(__always) private mutating func parseResponseHead(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    guard let peer = exchange.pointee.upstream else {
      preconditionFailure("parseResponseHead: the backend is gone")
    }
    let limits = exchange.pointee.plan.pointee.responseHeadLimits
    do throws(HTTP1Error) {
      let bytes = peer.pointee.inputBytes.span
      guard try exchange.pointee.responseHead.parse(bytes, limits: limits) else {
        exchange.pointee.responseReader.needsMore = true
        return .nothing
      }
    } catch {
      refuseResponse(exchange, error)
      return .gone
    }
    return obeyResponseHead(exchange, &writer)
  }

  /// Moves a head that a buffer of its usual size does not hold to a larger one.
  @inline(never) private mutating func growHeadBuffer(_ peer: StreamPointer) {
    let larger = buffers.take(.large)
    let count = peer.pointee.inputCount
    larger.bytes.withMemoryRebound(to: UInt8.self) { target in
      _ = target.update(fromContentsOf: peer.pointee.inputBytes)
    }
    buffers.giveBack(&peer.pointee.input)
    peer.pointee.input = larger
    peer.pointee.inputStart = 0
    peer.pointee.inputEnd = UInt32(count)
  }

  private mutating func refuseResponse(_ exchange: ExchangePointer, _ error: HTTP1Error) {
    assert(exchange.isLive, "refuseResponse: the exchange has ended")
    assert(exchange.pointee.response == .none, "refuseResponse: a response has begun")
    note(.malformedResponse, exchange, Int(error.offset), try: Int(error.kind.rawValue))
    let limits = exchange.pointee.plan.pointee.responseHeadLimits
    report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
      line.append("the response head is rejected: ")
      switch error.kind {
      case .headTooLarge:
        line.append("it has more than ")
        line.append(decimal: UInt64(limits.maximumHeadBytes))
        line.append(" bytes (proxy_response_head_size)")
      case .tooManyFields:
        line.append("it has more than ")
        line.append(decimal: UInt64(limits.maximumFieldCount))
        line.append(" fields (proxy_response_max_headers)")
      default: line.append(error.reason)
      }
      line.append(", at byte ")
      line.append(decimal: UInt64(error.offset))
    }
    let isTooLarge = error.kind == .headTooLarge || error.kind == .tooManyFields
    tryFailed(
      exchange, .invalidResponse,
      isTooLarge ? .httpResponseHeaderSectionSize : .httpProtocolError)
  }

  /// Acts on a complete head: interim ones pass, 101 opens a tunnel, some may go to the next peer.
  @inline(__always) private mutating func obeyResponseHead(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    let status = exchange.pointee.responseHead.status
    if exchange.pointee.responseHead.isInterim { return passInterim(exchange, &writer) }
    note(.responseHead, exchange, Int(status))
    exchange.pointee.record.upstreamStatus = status
    if status == 101 { return openTunnel(exchange, &writer) }
    if asksNextPeer(exchange, insteadOf: status) { return .gone }
    if status < 300, isExtendedConnect(exchange) { return rejectMissingTunnel(exchange) }
    if status >= 300, interceptsResponse(exchange) { return .gone }
    if !exchange.pointee.responseHead.internalRedirect.isEmpty,
      obeysInternalRedirect(exchange)
    {
      return .gone
    }
    return beginResponse(exchange, &writer)
  }

  /// Ends a try whose response would tell a client of HTTP/2 that the tunnel is there that it asked
  /// for.
  @inline(never) private mutating func rejectMissingTunnel(_ exchange: ExchangePointer) -> Piece {
    precondition(exchange.pointee.response == .none, "rejectMissingTunnel: a response has begun")
    report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
      line.append("the peer answered a request to switch protocols with ")
      line.append(decimal: UInt64(exchange.pointee.responseHead.status))
      line.append(" instead of 101")
    }
    tryFailed(exchange, .invalidResponse, .httpUpgradeFailed)
    return .gone
  }

  /// Passes a 1xx response on to clients that know such (RFC 9110 section 15.2).
  private mutating func passInterim(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    assert(exchange.pointee.responseHead.isInterim, "passInterim: it is the final one")
    exchange.pointee.interimCount &+= 1
    note(.interimResponse, exchange, Int(exchange.pointee.responseHead.status))
    let maximum = exchange.pointee.plan.pointee.maximumInterimResponses
    guard exchange.pointee.interimCount <= maximum else {
      report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
        line.append("the response is rejected: there are more than ")
        line.append(decimal: UInt64(maximum))
        line.append(" interim responses (proxy_max_interim_responses)")
      }
      tryFailed(exchange, .invalidResponse, .httpProtocolError)
      return .gone
    }
    if exchange.pointee.head.version != .http10 { writeInterimHead(exchange, into: &writer) }
    dropResponseHead(exchange)
    return writer.count > 0 ? .ready : .nothing
  }

  /// Makes the next head the one to be parsed.
  @inline(__always) private mutating func dropResponseHead(_ exchange: ExchangePointer) {
    let count = exchange.pointee.responseHead.byteCount
    exchange.pointee.upstream?.pointee.inputStart &+= UInt32(count)
    exchange.pointee.responseHead.reset()
  }

  /// How the content of the response ends; its reader is made ready.
  @inline(__always) private mutating func responseFraming(
    _ exchange: ExchangePointer
  ) -> ContentFraming {
    let framing = exchange.pointee.responseHead.framing(for: exchange.pointee.head.method)
    if exchange.pointee.plan.pointee.speaksHTTP2, let peer = exchange.pointee.upstream,
      peer.pointee.isMultiplexed
    {
      return streamFraming(exchange, peer, framing)
    }
    exchange.pointee.responseReader.begin(framing)
    return framing
  }

  /// Begins the final response: decides how its content is framed on both sides and composes its
  /// head.
  private mutating func beginResponse(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    assert(exchange.pointee.response == .none, "beginResponse: a response has begun")
    assert(
      exchange.pointee.upstreamStage == .awaitingHead, "beginResponse: no head is awaited")
    let framing = responseFraming(exchange)
    exchange.pointee.clientFraming = clientFraming(exchange, framing)
    if exchange.pointee.plan.pointee.speaksHTTP2, let peer = exchange.pointee.upstream {
      noteGRPCStatus(exchange, ofHead: peer.pointee.inputBytes.span)
    }
    if let state = exchange.pointee.serving { replaceStatus(exchange, state) }
    if exchange.pointee.plan.pointee.changesContent { chooseStages(exchange, framing) }
    decideConnection(exchange)
    exchange.pointee.record.status = exchange.pointee.responseHead.status
    writeResponseHead(exchange, into: &writer)
    guard !writer.overflowed else {
      report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
        line.append("the response head is rejected: with added fields, it has more than ")
        line.append(decimal: UInt64(Limits.scratchBytes))
        line.append(" bytes")
      }
      releaseStages(exchange)
      tryFailed(exchange, .invalidResponse, .httpResponseHeaderSectionSize)
      return .gone
    }
    if exchange.pointee.serving != nil { beginPacingBackend(exchange) }
    let count = exchange.pointee.responseHead.byteCount
    exchange.pointee.upstream?.pointee.inputStart &+= UInt32(count)
    exchange.pointee.upstreamStage = .content
    exchange.pointee.response = .content
    exchange.pointee.responseStart = exchange.pointee.record.bytesSent
    return .ready
  }
}
