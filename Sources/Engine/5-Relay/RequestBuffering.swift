// `proxy_request_buffering on`: the request's content is read whole before a backend is asked. So a
// slow client holds no backend, and the backend is told the content's length however it came.
//
// Content of a known length that fits behind its head stays there. Other content is collected in
// memory and, when that is full, in a file. When that is not possible, what there is goes on, and
// the rest as it comes.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// How far collecting has come.
private enum Collection: BitwiseCopyable {
  /// More is to come.
  case open
  /// The backend can be asked.
  case complete
  /// The exchange has ended over it.
  case ended
}

extension Worker where K: ~Copyable {
  /// Begins to read the content of a request that is not sent to a backend before all is there.
  @inline(never) mutating func bufferRequest(_ exchange: ExchangePointer) {
    precondition(
      exchange.pointee.request == .content && exchange.pointee.upstream == nil,
      "bufferRequest: there is no content, or a backend was asked already")
    exchange.pointee.request = .buffering
    if exchange.pointee.head.expectsContinue
      && exchange.pointee.client.pointee.inputCount == 0
    {
      guard inviteContent(exchange) else { return }
    }
    collectContent(exchange)
  }

  /// Reads what has come, and asks a backend when that is all.
  mutating func collectContent(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.request == .buffering, "collectContent: nothing is collected")
    let client = exchange.pointee.client
    if client.pointee.hasOutput, case .failed = send(client) { return clientLeft(exchange) }
    for _ in 0..<Limits.readsPerTurn {
      switch keepAllInput(exchange) {
      case .open: break
      case .complete: return endBuffering(exchange)
      case .ended: return
      }
      switch receiveToKeep(exchange) {
      case .bytes: exchange.pointee.requestReader.needsMore = false
      case .nothing:
        return startWaiting(
          client, for: .requestContent, atMost: exchange.pointee.plan.pointee.bodyTimeout)
      case .end where exchange.pointee.requestReader.noteEnd():
        exchange.pointee.request = .complete
        exchange.pointee.kept.isUsed = true
        exchange.pointee.kept.isWhole = true
        return endBuffering(exchange)
      case .end, .failed: return clientLeft(exchange)
      }
    }
    enqueue(client)
  }

  /// Keeps what has come, up to what needs more of it to be understood.
  private mutating func keepAllInput(_ exchange: ExchangePointer) -> Collection {
    let client = exchange.pointee.client
    while client.pointee.inputCount > 0 && !exchange.pointee.requestReader.needsMore {
      let (count, place) = (client.pointee.inputCount, exchange.pointee.requestReader.place)
      let collection = keepInput(exchange)
      guard case .open = collection else { return collection }
      // A trailer section may stand there alone.
      let goesOn =
        client.pointee.inputCount < count || exchange.pointee.requestReader.place != place
      guard goesOn else { return .open }
    }
    return .open
  }

  /// Keeps the next piece of it: content, or a trailer section.
  private mutating func keepInput(_ exchange: ExchangePointer) -> Collection {
    if staysBehindHead(exchange) {
      let count = exchange.pointee.client.pointee.inputCount
      return UInt64(count) >= exchange.pointee.requestReader.left ? .complete : .open
    }
    let content: UnsafeRawBufferPointer
    do throws(HTTP1Error) {
      guard let decoded = try takeToKeep(exchange) else { return .ended }
      content = decoded
    } catch {
      refuseContent(exchange, error)
      return .ended
    }
    exchange.pointee.kept.isUsed = true
    let hasRoom = keep(content, exchange)
    exchange.pointee.kept.isWhole = exchange.pointee.request == .complete
    return exchange.pointee.kept.isWhole || !hasRoom ? .complete : .open
  }

  /// Takes the framing off; the trailer section is not kept, for what has a length has none. Nil
  /// when the exchange has ended over it.
  private mutating func takeToKeep(
    _ exchange: ExchangePointer
  ) throws(HTTP1Error) -> UnsafeRawBufferPointer? {
    guard exchange.pointee.requestReader.place == .trailers else {
      return try takeArrivedContent(exchange)?.bytes
    }
    var trailers = FieldSection()
    _ = try takeRequestTrailers(&trailers, exchange)
    return noContent
  }

  /// Sends the request to a backend: with all of its content, or with what could be kept of it.
  private mutating func endBuffering(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.upstream == nil, "endBuffering: a backend was asked already")
    precondition(exchange.pointee.response == .none, "endBuffering: a response has begun")
    stopWaiting(exchange.pointee.client)
    let kept = exchange.pointee.kept
    // Nothing was kept: the content is empty, or lies behind the head.
    let isEmpty = kept.isWhole && kept.count == 0
    exchange.pointee.request = isEmpty ? .complete : .content
    // What could not be kept is not there a second time once it has been read.
    exchange.pointee.contentConsumed = false
    if let state = exchange.pointee.serving, state.pointee.awaitsMirrors {
      state.pointee.awaitsMirrors = false
      sendMirrors(exchange)
      let content = exchange.pointee.plan.pointee.content
      if content != .proxy { return act(exchange, content) }
    }
    if exchange.pointee.plan.pointee.dropsRequestContent {
      guard dropContent(exchange) else { return }
    }
    beginFirstTry(exchange)
  }

  /// Has a backend get no content; all of it is read first, so that the client's next request
  /// begins behind it. What is kept stays for another location. False when not all of it has been
  /// read: then the request was answered.
  mutating func dropContent(_ exchange: ExchangePointer) -> Bool {
    precondition(exchange.pointee.upstream == nil, "dropContent: a backend is attached")
    if !exchange.pointee.kept.isUsed && !exchange.pointee.requestReader.isComplete {
      // It lies behind its head.
      _ = try? takeUncheckedContent(exchange)
    }
    guard exchange.pointee.requestReader.isComplete else {
      refuse(exchange, 500, .proxyInternalError, Termination(.proxy, .requestBody))
      return false
    }
    exchange.pointee.request = .complete
    return true
  }

  /// Gives up on content that can't be accepted: whatever answers the request is told of none, and
  /// the connection ends behind the answer.
  mutating func abandonContent(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.upstream == nil, "abandonContent: a backend is attached")
    precondition(
      exchange.pointee.request == .content || exchange.pointee.request == .complete,
      "abandonContent: it is not known whether there is any, or it is being collected")
    if exchange.pointee.kept.isUsed { dropKept(exchange) }
    exchange.pointee.requestReader.reset()
    exchange.pointee.request = .complete
    exchange.pointee.contentConsumed = false
    exchange.pointee.requireClosure(.lingering)
  }

  /// Ends what is under way of reading a request that ends, if anything is. True when its client
  /// has sent all of it.
  @inline(never) mutating func settleRequest(_ exchange: ExchangePointer) -> Bool {
    if exchange.pointee.request == .buffering { stopBuffering(exchange) }
    return exchange.pointee.request == .complete || exchange.pointee.kept.isWhole
  }

  /// Ends the reading of content for a request that gets its answer from Waybill, or none.
  mutating func stopBuffering(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.request == .buffering, "stopBuffering: nothing is collected")
    exchange.pointee.request = .content
    // What has come so far is counted; what is wrong with it no longer matters.
    if exchange.pointee.requestReader.framing == .length, !exchange.pointee.requestReader.isComplete
    {
      _ = try? takeUncheckedContent(exchange)
    }
  }

  // MARK: Keeping

  /// Puts content behind what is kept. False when there is no room for more: then this piece has
  /// been kept all the same.
  private mutating func keep(
    _ content: UnsafeRawBufferPointer, _ exchange: ExchangePointer
  ) -> Bool {
    precondition(exchange.pointee.kept.isUsed, "keep: nothing is kept")
    let plan = exchange.pointee.plan
    let limits = KeepingLimits(
      memoryBytes: plan.pointee.bodyBufferBytes, fileBytes: .max, folder: plan.pointee.bodyFolder)
    guard let error = store(content, in: &exchange.pointee.kept, limits) else { return true }
    reportUnkept(exchange, error)
    return false
  }

  private mutating func reportUnkept(_ exchange: ExchangePointer, _ error: KernelError) {
    precondition(exchange.pointee.request != .head, "reportUnkept: its head is not whole")
    metrics.own.add(WorkerCells.unbufferedRequests)
    report(.warn, "request", exchange, exchange.pointee.downstream) { line in
      line.append("the content is passed on as it arrives, because ")
      error.appendStoring(in: "client_body_temp_path", to: &line)
    }
  }

  // MARK: Handing on

  /// Composes the next piece of what is kept for the peer.
  @inline(never) mutating func takeKept(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    precondition(exchange.pointee.upstream != nil, "takeKept: no backend is attached")
    precondition(exchange.pointee.request == .content, "takeKept: the request is complete")
    let piece =
      exchange.pointee.kept.hasFileLeft
      ? readStored(&exchange.pointee.kept, exchange.pointee.kept.sentCount)
      : exchange.pointee.kept.memoryBytes
    guard let content = piece else {
      report(.error, "request", exchange, exchange.pointee.downstream) { line in
        line.append("content stored in client_body_temp_path can't be read")
      }
      abandonTry(exchange)
      refuse(exchange, 500, .proxyInternalError, Termination(.proxy, .requestBody))
      return .gone
    }
    precondition(!content.isEmpty, "takeKept: nothing was read")
    exchange.pointee.kept.sentCount &+= UInt64(content.count)
    precondition(
      exchange.pointee.kept.sentCount <= exchange.pointee.kept.count, "takeKept: more than was kept"
    )
    let isAnnounced =
      exchange.pointee.kept.isWhole || exchange.pointee.requestReader.framing == .length
    _ = put(content, isLast: false, exchange.pointee.upstream, isChunked: !isAnnounced, &writer)
    if exchange.pointee.kept.isWhole && !exchange.pointee.kept.hasMore {
      exchange.pointee.request = .complete
    }
    return .ready
  }

  /// Gives back what content was kept in.
  @inline(never) mutating func dropKept(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.kept.isUsed, "dropKept: nothing was kept")
    release(&exchange.pointee.kept)
  }
}
