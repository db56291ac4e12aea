// `proxy_buffering on`: a slow client holds no backend. What the backend sends goes on at once;
// what the client does not take in time is kept, in memory and then in a file, until the response
// is here whole and the backend free, or the client has caught up.
//
// What is kept is content without its framing, before the stages: its end is known by the
// backend's framing alone, stages work at the client's pace, and what they hold is bounded.

import Basics
import ContentStages
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// Where what is kept of a response lies; valid until its client has caught up, or the exchange has
/// ended.
typealias ResponseBacklogPointer = UnsafeMutablePointer<ResponseBacklog>

/// What is kept of a response, and how its backend's side has ended.
struct ResponseBacklog: BitwiseCopyable {
  /// Its `piece` holds what the client, or the first stage, is taking.
  var kept = KeptContent()
  /// The trailer section as it came.
  var trailers = Buffer.none
  var trailerCount: UInt32 = 0
  /// Why the backend's response ended early; `.none` where it did not.
  var failure = ErrorType.none
}

/// The next of what is kept.
private enum KeptPiece: BitwiseCopyable {
  case content(UnsafeRawBufferPointer)
  /// All has been handed on.
  case nothing
  /// The exchange has ended, because its file can't be read.
  case gone
}

extension Worker where K: ~Copyable {
  // MARK: Beginning and end

  /// Goes on when the client does not take more for now: its backend is read ahead, let go when it
  /// has been read to its end, or waits.
  @inline(never) mutating func yieldToClient(_ exchange: ExchangePointer) {
    let client = exchange.pointee.client
    exchange.pointee.smoothWrites = 0
    if !client.pointee.isPaced { exchange.pointee.history.noteOnce(.clientBlocked, at: now) }
    detachUpstream(exchange)
    if let peer = exchange.pointee.upstream {
      if exchange.pointee.response == .kept || beginKeeping(exchange, peer) {
        readAhead(exchange)
      } else {
        stopWaiting(peer)
      }
    }
    awaitClient(exchange)
  }

  /// Begins to keep what the client does not take. False where that is not wanted.
  private mutating func beginKeeping(_ exchange: ExchangePointer, _ peer: StreamPointer) -> Bool {
    guard exchange.pointee.response == .content, exchange.pointee.upstreamStage == .content,
      keepsResponse(exchange)
    else { return false }
    let state = servingState(exchange)
    precondition(state.pointee.backlog == nil, "beginKeeping: something is kept")
    let backlog = ResponseBacklogPointer.allocate(capacity: 1)
    backlog.initialize(to: ResponseBacklog())
    backlogCount += 1
    backlog.pointee.kept.isUsed = true
    takeInput(of: peer, backlog)
    state.pointee.backlog = backlog
    exchange.pointee.response = .kept
    return true
  }

  /// True where a response is kept for a slow client: messages of gRPC are for one that reads them,
  /// and pass at its pace.
  private mutating func keepsResponse(_ exchange: ExchangePointer) -> Bool {
    var isBuffered = exchange.pointee.plan.pointee.buffersResponses
    if let wanted = exchange.pointee.serving?.pointee.wantsBuffering { isBuffered = wanted }
    return isBuffered && !exchange.pointee.plan.pointee.speaksGRPC
      && !exchange.pointee.client.pointee.isSubrequest && !isGRPC(exchange)
  }

  /// Has the backlog hold the buffer that the client, or a stage, is taking from. What has come
  /// behind it and is not understood yet stays with the peer.
  private mutating func takeInput(of peer: StreamPointer, _ backlog: ResponseBacklogPointer) {
    precondition(backlog.pointee.kept.piece.isNone, "takeInput: a piece is being taken")
    let rest = peer.pointee.inputBytes
    backlog.pointee.kept.piece = peer.pointee.input
    peer.pointee.input = .none
    if let base = rest.baseAddress, rest.count > 0 {
      guard let size = Buffer.Size(holding: max(rest.count, Limits.mediumBufferBytes)) else {
        preconditionFailure("takeInput: more than the largest buffer holds")
      }
      peer.pointee.input = buffers.take(size)
      peer.pointee.input.base?.copyMemory(from: base, byteCount: rest.count)
    }
    peer.pointee.inputStart = 0
    peer.pointee.inputEnd = UInt32(rest.count)
  }

  /// Goes back to passing on what the backend sends: the client has taken all that was kept.
  mutating func endKeeping(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .kept, "endKeeping: nothing is kept")
    guard let state = exchange.pointee.serving else {
      preconditionFailure("endKeeping: nothing is kept")
    }
    releaseBacklog(state)
    exchange.pointee.response = .content
  }

  /// Gives back what a response was kept in, if it was.
  mutating func releaseBacklog(_ state: ServingStatePointer) {
    guard let backlog = state.pointee.backlog else { return }
    state.pointee.backlog = nil
    release(&backlog.pointee.kept)
    buffers.giveBack(&backlog.pointee.trailers)
    backlog.deallocate()
    precondition(backlogCount > 0, "releaseBacklog: more were released than there were")
    backlogCount -= 1
  }

  private mutating func backlog(of exchange: ExchangePointer) -> ResponseBacklogPointer {
    guard let backlog = exchange.pointee.serving?.pointee.backlog else {
      preconditionFailure("backlog: nothing is kept of the response")
    }
    return backlog
  }

  /// Carries an exchange on whose response is kept.
  @inline(never) mutating func relayKept(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .kept, "relayKept: nothing is kept")
    if exchange.pointee.upstream != nil, isSendingRequest(exchange) {
      var writer = ByteWriter(scratch)
      guard relayRequest(exchange, &writer) else { return }
    }
    relayResponse(exchange)
  }

  // MARK: Reading ahead

  /// Reads what the backend sends while there is room for it, as much as one turn allows.
  private mutating func readAhead(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .kept, "readAhead: nothing is kept")
    let backlog = backlog(of: exchange)
    var readsLeft = Limits.readAheadsPerTurn
    while let peer = exchange.pointee.upstream {
      guard hasRoom(exchange, backlog, peer) else { return pauseBackend(peer) }
      if peer.pointee.inputCount > 0 && !exchange.pointee.responseReader.needsMore {
        keepArrived(exchange, backlog, peer)
        continue
      }
      guard readsLeft > 0 else { return enqueue(exchange.pointee.client) }
      readsLeft -= 1
      switch receiveResponseContent(exchange) {
      case .bytes: exchange.pointee.responseReader.needsMore = false
      case .nothing:
        guard !peer.pointee.hasOutput else { return }
        return startWaiting(
          peer, for: .upstreamRead, atMost: exchange.pointee.plan.pointee.readTimeout)
      case .end:
        guard exchange.pointee.responseReader.noteEnd() else {
          return tryFailed(exchange, .closedBeforeResponse, .httpResponseIncomplete)
        }
        noteWhole(exchange, backlog, peer)
      case .failed(let error): return responseFailed(exchange, error)
      }
    }
  }

  /// Where a response may be kept, and how much of it.
  private mutating func limits(_ exchange: ExchangePointer) -> KeepingLimits {
    let plan = exchange.pointee.plan
    let isRefused = exchange.pointee.serving?.pointee.isFileRefused == true
    return KeepingLimits(
      memoryBytes: plan.pointee.responseBufferBytes,
      fileBytes: isRefused ? 0 : plan.pointee.responseFileBytes,
      folder: plan.pointee.responseFolder)
  }

  /// True when what comes next can be kept.
  private mutating func hasRoom(
    _ exchange: ExchangePointer, _ backlog: ResponseBacklogPointer, _ peer: StreamPointer
  ) -> Bool {
    let limits = limits(exchange)
    let kept = backlog.pointee.kept
    // Were no file to take it, it would have to fit into the buffer.
    let inMemory = Int(kept.memoryCount) + peer.pointee.inputCount
    guard inMemory <= Limits.largeBufferBytes else { return false }
    return kept.memoryCount < limits.memoryBytes || kept.count < limits.fileBytes
  }

  /// Has the backend wait until its client has taken more.
  private mutating func pauseBackend(_ peer: StreamPointer) {
    if peer.pointee.inputCount == 0 && !peer.pointee.isMultiplexed {
      buffers.giveBack(&peer.pointee.input)
      peer.pointee.inputStart = 0
      peer.pointee.inputEnd = 0
    }
    stopWaiting(peer)
  }

  /// Keeps what has come, up to what needs more of it to be understood.
  private mutating func keepArrived(
    _ exchange: ExchangePointer, _ backlog: ResponseBacklogPointer, _ peer: StreamPointer
  ) {
    let (count, place) = (peer.pointee.inputCount, exchange.pointee.responseReader.place)
    do throws(HTTP1Error) {
      if place == .trailers {
        try keepTrailers(exchange, backlog, peer)
      } else {
        let piece = try exchange.pointee.responseReader.take(from: peer)
        if let error = store(piece.bytes, in: &backlog.pointee.kept, limits(exchange)) {
          reportUnkeptResponse(exchange, error)
        }
      }
    } catch {
      return failContent(exchange, error)
    }
    if exchange.pointee.responseReader.isComplete { return noteWhole(exchange, backlog, peer) }
    let goesOn =
      peer.pointee.inputCount < count || exchange.pointee.responseReader.place != place
    if !goesOn { exchange.pointee.responseReader.needsMore = true }
  }

  /// Keeps the trailer section when all of it is there.
  private mutating func keepTrailers(
    _ exchange: ExchangePointer, _ backlog: ResponseBacklogPointer, _ peer: StreamPointer
  ) throws(HTTP1Error) {
    precondition(backlog.pointee.trailers.isNone, "keepTrailers: there are two sections")
    let bytes = UnsafeRawBufferPointer(peer.pointee.inputBytes)
    var trailers = FieldSection()
    guard try exchange.pointee.responseReader.takeTrailers(&trailers, from: peer) else { return }
    let count = bytes.count - peer.pointee.inputCount
    guard let size = Buffer.Size(holding: count), let base = bytes.baseAddress else {
      preconditionFailure("keepTrailers: a section larger than allowed")
    }
    backlog.pointee.trailers = buffers.take(size)
    backlog.pointee.trailers.base?.copyMemory(from: base, byteCount: count)
    backlog.pointee.trailerCount = UInt32(count)
  }

  /// Lets the backend go: all of its response is here.
  private mutating func noteWhole(
    _ exchange: ExchangePointer, _ backlog: ResponseBacklogPointer, _ peer: StreamPointer
  ) {
    precondition(exchange.pointee.upstreamStage == .content, "noteWhole: it is not under way")
    precondition(exchange.pointee.responseReader.isComplete, "noteWhole: more is to come")
    exchange.pointee.upstreamStage = .complete
    backlog.pointee.kept.isWhole = true
    let isClean = peer.pointee.inputCount == 0 && exchange.pointee.request == .complete
    note(.upstreamFreed, exchange, Int(clamping: backlog.pointee.kept.unsentCount))
    endTry(exchange, mayReuse: isClean)
  }

  /// Has a response end early behind what is kept of it.
  mutating func endBehindKept(_ exchange: ExchangePointer, _ error: ErrorType) {
    precondition(exchange.pointee.response == .kept, "endBehindKept: nothing is kept")
    precondition(exchange.pointee.upstream == nil, "endBehindKept: a backend is attached")
    backlog(of: exchange).pointee.failure = error
    enqueue(exchange.pointee.client)
  }

  private mutating func reportUnkeptResponse(_ exchange: ExchangePointer, _ error: KernelError) {
    let state = servingState(exchange)
    precondition(!state.pointee.isFileRefused, "reportUnkeptResponse: it was said before")
    state.pointee.isFileRefused = true
    metrics.own.add(WorkerCells.unbufferedResponses)
    report(.warn, "response", exchange, exchange.pointee.downstream) { line in
      line.append("the backend is read no faster than the client reads, because ")
      error.appendStoring(in: "proxy_temp_path", to: &line)
    }
  }

  // MARK: Handing on

  /// Composes the next piece of what is kept for the client, behind what `writer` holds, or goes
  /// back to what the backend sends.
  @inline(never) mutating func takeKeptContent(
    _ exchange: ExchangePointer, _ writer: inout ByteWriter
  ) -> Piece {
    precondition(!exchange.pointee.client.pointee.hasOutput, "takeKeptContent: a piece waits")
    if let stages = exchange.pointee.stages, !stages.pointee.isDrained {
      return takeStagedContent(exchange, stages, &writer)
    }
    let backlog = backlog(of: exchange)
    switch nextKept(exchange, backlog) {
    case .gone: return .gone
    case .content(let bytes):
      let isLast = isAtEnd(backlog) && backlog.pointee.trailerCount == 0
      if isLast { exchange.pointee.response = .composed }
      return put(
        bytes, isLast: isLast, exchange.pointee.client,
        isChunked: exchange.pointee.clientFraming == .chunked, &writer)
    case .nothing where backlog.pointee.failure != .none:
      return cutBehindKept(exchange, backlog)
    case .nothing where !backlog.pointee.kept.isWhole:
      endKeeping(exchange)
      return takeResponseContent(exchange, &writer)
    case .nothing:
      exchange.pointee.response = .composed
      if backlog.pointee.trailerCount > 0 { return putKeptTrailers(exchange, backlog, &writer) }
      return put(
        noContent, isLast: true, exchange.pointee.client,
        isChunked: exchange.pointee.clientFraming == .chunked, &writer)
    }
  }

  /// True when nothing follows the last piece but trailers, and nothing is wrong.
  private func isAtEnd(_ backlog: ResponseBacklogPointer) -> Bool {
    backlog.pointee.kept.isWhole && !backlog.pointee.kept.hasMore
  }

  /// What follows in the file, or in memory behind it. What was taken before is free.
  private mutating func nextKept(
    _ exchange: ExchangePointer, _ backlog: ResponseBacklogPointer
  ) -> KeptPiece {
    guard backlog.pointee.kept.hasFileLeft else {
      buffers.giveBack(&backlog.pointee.kept.piece)
      let bytes = backlog.pointee.kept.memoryBytes
      guard bytes.count > 0 else { return .nothing }
      backlog.pointee.kept.piece = backlog.pointee.kept.memory
      backlog.pointee.kept.memory = .none
      backlog.pointee.kept.memoryCount = 0
      return .content(bytes)
    }
    if backlog.pointee.kept.piece.size != .medium || backlog.pointee.kept.piece.isNone {
      buffers.giveBack(&backlog.pointee.kept.piece)
      backlog.pointee.kept.piece = buffers.take(.medium)
    }
    let offset = backlog.pointee.kept.sentCount
    guard let bytes = readStored(&backlog.pointee.kept, offset) else {
      report(.error, "response", exchange, exchange.pointee.downstream) { line in
        line.append("content stored in proxy_temp_path can't be read")
      }
      cutResponse(exchange, .proxyInternalError, Termination(.proxy, .responseBody))
      return .gone
    }
    backlog.pointee.kept.sentCount = offset &+ UInt64(bytes.count)
    if !backlog.pointee.kept.hasFileLeft {
      closeStored(&backlog.pointee.kept)
      backlog.pointee.kept.sentCount = 0
    }
    return .content(bytes)
  }

  private mutating func putKeptTrailers(
    _ exchange: ExchangePointer, _ backlog: ResponseBacklogPointer, _ writer: inout ByteWriter
  ) -> Piece {
    let bytes = UnsafeBufferPointer(
      start: backlog.pointee.trailers.base?.assumingMemoryBound(to: UInt8.self),
      count: Int(backlog.pointee.trailerCount))
    var trailers = FieldSection()
    guard
      (try? trailers.parseTrailers(bytes.span, maximumBytes: Limits.trailerBytes)) != nil
    else { preconditionFailure("putKeptTrailers: they were read before") }
    putTrailers(&trailers, bytes.span, exchange, &writer)
    return .ready
  }

  /// Ends a response whose backend ended it early: all that had come of it has been sent.
  private mutating func cutBehindKept(
    _ exchange: ExchangePointer, _ backlog: ResponseBacklogPointer
  ) -> Piece {
    let error = backlog.pointee.failure
    precondition(error != .none, "cutBehindKept: the backend did not fail")
    cutResponse(exchange, error, Termination(.upstream, .responseBody))
    return .gone
  }

  // MARK: Stages

  /// True when trailers are kept for the client of a response.
  mutating func hasKeptTrailers(_ exchange: ExchangePointer) -> Bool {
    guard exchange.pointee.response == .kept else { return false }
    return backlog(of: exchange).pointee.trailerCount > 0
  }

  /// Offers what is kept to stages; nil when the client has caught up, and the backend is to be
  /// asked.
  mutating func offerKept(
    _ exchange: ExchangePointer, _ stages: ResponseStagesPointer
  ) -> StageOffer? {
    let backlog = backlog(of: exchange)
    switch nextKept(exchange, backlog) {
    case .gone: return .gone
    case .content(let bytes):
      stages.pointee.pipeline?.offer(bytes, isAtEnd(backlog) ? .last : .more)
      return .offered
    case .nothing where backlog.pointee.failure != .none:
      // What the stages hold leaves first.
      if stages.pointee.isDirty || stages.pointee.outputCount > 0 { return .nothing }
      _ = cutBehindKept(exchange, backlog)
      return .gone
    case .nothing where !backlog.pointee.kept.isWhole:
      endKeeping(exchange)
      return nil
    case .nothing:
      stages.pointee.pipeline?.offer(noContent, .last)
      return .offered
    }
  }
}
