// A response's content on its way through stages: from the backend, from a file, or from an answer
// of Waybill's own.

import Basics
import ContentStages
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// What came of asking for more content for stages.
enum StageOffer: BitwiseCopyable {
  /// They have been offered something, or the end.
  case offered
  /// There is nothing for now.
  case nothing
  /// The exchange has ended or begun another try; it must not be touched.
  case gone
}

extension Worker where K: ~Copyable {
  /// Composes the next piece of what stages make of the content, behind what `writer` holds. What
  /// they hold back leaves when nothing more has come, so that events pass at once.
  @inline(never) mutating func takeStagedContent(
    _ exchange: ExchangePointer, _ stages: ResponseStagesPointer, _ writer: inout ByteWriter
  ) -> Piece {
    precondition(!stages.pointee.isDrained, "takeStagedContent: all has been given")
    precondition(!exchange.pointee.client.pointee.hasOutput, "takeStagedContent: a piece waits")
    var readsLeft = stages.pointee.isSlow ? 1 : Limits.stageReadsPerTurn
    while true {
      switch runStages(exchange, stages) {
      case nil: return .gone
      case .ended: return putLastStaged(exchange, stages, &writer)
      case .needsRoom: return putStaged(exchange, stages, &writer)
      case .paused: return pauseStages(exchange, stages, &writer)
      case .needsInput: break
      }
      guard readsLeft > 0 else { return pauseStages(exchange, stages, &writer) }
      readsLeft -= 1
      switch offerContent(exchange, stages) {
      case .gone: return .gone
      case .offered: stages.pointee.isDirty = true
      case .nothing where stages.pointee.isDirty:
        stages.pointee.isDirty = false
        stages.pointee.pipeline?.offer(noContent, .flush)
        readsLeft += 1
      case .nothing where stages.pointee.outputCount > 0:
        return putStaged(exchange, stages, &writer)
      case .nothing:
        buffers.giveBack(&stages.pointee.output)
        // The head, or what is there of it, goes out before waiting for more.
        if writer.count > 0 { return .ready }
        awaitResponse(exchange)
        return .nothing
      }
    }
  }

  /// Leaves the rest to the next turn, so that others have theirs.
  private mutating func pauseStages(
    _ exchange: ExchangePointer, _ stages: ResponseStagesPointer, _ writer: inout ByteWriter
  ) -> Piece {
    enqueue(exchange.pointee.client)
    if stages.pointee.outputCount > 0 { return putStaged(exchange, stages, &writer) }
    return writer.count > 0 ? .ready : .nothing
  }

  /// Hands on what the stages have given; more is to come.
  private mutating func putStaged(
    _ exchange: ExchangePointer, _ stages: ResponseStagesPointer, _ writer: inout ByteWriter
  ) -> Piece {
    let count = stages.pointee.outputCount
    precondition(count > 0, "putStaged: there is nothing")
    stages.pointee.outputCount = 0
    let bytes = UnsafeRawBufferPointer(
      rebasing: UnsafeRawBufferPointer(
        stages.pointee.output.bytes)[..<count])
    return put(
      bytes, isLast: false, exchange.pointee.client,
      isChunked: exchange.pointee.clientFraming == .chunked, &writer)
  }

  /// Hands on the last piece. Trailers may follow it.
  private mutating func putLastStaged(
    _ exchange: ExchangePointer, _ stages: ResponseStagesPointer, _ writer: inout ByteWriter
  ) -> Piece {
    stages.pointee.isDrained = true
    noteRatio(exchange, stages)
    // An answer of Waybill's own has no other end than this.
    let isLast =
      exchange.pointee.response == .file
      || exchange.pointee.responseReader.isComplete && !hasKeptTrailers(exchange)
    if !isLast && stages.pointee.outputCount == 0 {
      return exchange.pointee.response == .kept
        ? takeKeptContent(exchange, &writer) : takeResponseContent(exchange, &writer)
    }
    if !isLast { return putStaged(exchange, stages, &writer) }
    precondition(exchange.pointee.upstreamStage != .content, "putLastStaged: more is to be read")
    exchange.pointee.response = .composed
    let bytes = UnsafeRawBufferPointer(
      rebasing: UnsafeRawBufferPointer(
        stages.pointee.output.bytes)[..<stages.pointee.outputCount])
    stages.pointee.outputCount = 0
    return put(
      bytes, isLast: true, exchange.pointee.client,
      isChunked: exchange.pointee.clientFraming == .chunked, &writer)
  }

  /// Notes what `$gzip_ratio` and `$brotli_ratio` tell.
  private mutating func noteRatio(
    _ exchange: ExchangePointer, _ stages: ResponseStagesPointer
  ) {
    if let gzip = stages.pointee.gzip {
      exchange.pointee.record.noteCompression(
        .gzip, from: gzip.takenCount, to: gzip.givenCount)
    } else if let brotli = stages.pointee.brotli {
      exchange.pointee.record.noteCompression(
        .brotli, from: brotli.takenCount, to: brotli.givenCount)
    }
  }

  /// Has the stages give as much as there is room for; nil when they can't read the content, and
  /// then the exchange has ended.
  private mutating func runStages(
    _ exchange: ExchangePointer, _ stages: ResponseStagesPointer
  ) -> StageState? {
    guard let pipeline = stages.pointee.pipeline else {
      preconditionFailure("runStages: there is none")
    }
    if stages.pointee.output.isNone {
      let length = stages.pointee.decision.length ?? .max
      let isShort = length <= UInt64(Limits.smallBufferBytes)
      stages.pointee.output = buffers.take(isShort ? .small : .medium)
    }
    let memory = UnsafeMutableRawBufferPointer(stages.pointee.output.bytes)
    var room = UnsafeMutableRawBufferPointer(rebasing: memory[stages.pointee.outputCount...])
    do throws(ContentStageError) {
      let state = try pipeline.run(into: &room)
      stages.pointee.outputCount = memory.count - room.count
      return state
    } catch {
      failStages(exchange, error)
      return nil
    }
  }

  private mutating func failStages(_ exchange: ExchangePointer, _ error: ContentStageError) {
    report(.error, "content", exchange, exchange.pointee.downstream) { line in
      line.append("the response's content can't be unpacked: it ")
      line.append(error.reason)
    }
    // What else is kept of it is of no use.
    if exchange.pointee.response == .kept { endKeeping(exchange) }
    if exchange.pointee.upstream != nil {
      return tryFailed(exchange, .invalidResponse, .httpProtocolError)
    }
    let isFile = exchange.pointee.response == .file
    cutResponse(
      exchange, .httpProtocolError, Termination(isFile ? .proxy : .upstream, .responseBody))
  }

  // MARK: Where content comes from

  private mutating func offerContent(
    _ exchange: ExchangePointer, _ stages: ResponseStagesPointer
  ) -> StageOffer {
    if exchange.pointee.response == .file { return offerFile(exchange, stages) }
    if exchange.pointee.response == .kept, let offer = offerKept(exchange, stages) { return offer }
    while true {
      let reader = exchange.pointee.responseReader.place
      guard reader == .content else {
        if reader == .end && exchange.pointee.upstreamStage == .content {
          exchange.pointee.upstreamStage = .complete
        }
        stages.pointee.pipeline?.offer(noContent, .last)
        return .offered
      }
      guard let peer = exchange.pointee.upstream else {
        preconditionFailure("offerContent: the backend is gone")
      }
      if peer.pointee.inputCount > 0 && !exchange.pointee.responseReader.needsMore {
        switch offerArrived(exchange, stages, peer) {
        case .nothing: continue
        case .offered: return .offered
        case .gone: return .gone
        }
      }
      if let outcome = receiveForStages(exchange) { return outcome }
    }
  }

  /// Offers what has come; `.nothing` when that is no content.
  private mutating func offerArrived(
    _ exchange: ExchangePointer, _ stages: ResponseStagesPointer, _ peer: StreamPointer
  ) -> StageOffer {
    do throws(HTTP1Error) {
      let piece = try exchange.pointee.responseReader.take(from: peer)
      if piece.isLast { exchange.pointee.upstreamStage = .complete }
      if piece.bytes.isEmpty && !piece.isLast { return .nothing }
      stages.pointee.pipeline?.offer(piece.bytes, piece.isLast ? .last : .more)
      return .offered
    } catch {
      failContent(exchange, error)
      return .gone
    }
  }

  /// Reads more from the backend; nil when something came of that.
  private mutating func receiveForStages(_ exchange: ExchangePointer) -> StageOffer? {
    switch receiveResponseContent(exchange) {
    case .bytes:
      exchange.pointee.responseReader.needsMore = false
      return nil
    case .nothing: return .nothing
    case .end:
      if exchange.pointee.responseReader.noteEnd() { return nil }
      tryFailed(exchange, .closedBeforeResponse, .httpResponseIncomplete)
      return .gone
    case .failed(let error):
      tryFailed(exchange, .closedBeforeResponse, .connectionTerminated, error)
      return .gone
    }
  }

  /// Offers the next piece of a file.
  private mutating func offerFile(
    _ exchange: ExchangePointer, _ stages: ResponseStagesPointer
  ) -> StageOffer {
    guard let state = exchange.pointee.serving, state.pointee.file != .none else {
      preconditionFailure("offerFile: there is no file")
    }
    guard state.pointee.left > 0 else {
      closeFile(state)
      stages.pointee.pipeline?.offer(noContent, .last)
      return .offered
    }
    if stages.pointee.source.isNone {
      let isShort = state.pointee.left <= UInt64(Limits.smallBufferBytes)
      stages.pointee.source = buffers.take(isShort ? .small : .medium)
    }
    let memory = UnsafeMutableRawBufferPointer(stages.pointee.source.bytes)
    let wanted = Int(min(UInt64(memory.count), state.pointee.left))
    let piece = UnsafeMutableRawBufferPointer(rebasing: memory[..<wanted])
    guard let count = readPiece(exchange, state, into: piece) else { return .gone }
    let isLast = state.pointee.left == 0
    if isLast { closeFile(state) }
    stages.pointee.pipeline?.offer(
      UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<count]),
      isLast ? .last : .more)
    return .offered
  }

  // MARK: Content that comes from here

  /// Begins to send an answer of Waybill's own, whose head is in `first`, with content that passes
  /// through stages. The content is copied, unless it `stays` where it is.
  mutating func sendStaged(
    _ exchange: ExchangePointer, _ content: UnsafeRawBufferPointer, stays: Bool,
    behind first: ByteWriter
  ) {
    guard let stages = exchange.pointee.stages, !stages.pointee.isDrained else {
      preconditionFailure("sendStaged: no stage is to be passed")
    }
    precondition(exchange.pointee.response == .none, "sendStaged: a response has begun")
    var bytes = content
    if !stays, let base = content.baseAddress {
      guard let size = Buffer.Size(holding: content.count) else {
        preconditionFailure("sendStaged: the content is larger than the largest buffer")
      }
      stages.pointee.source = buffers.take(size)
      let memory = stages.pointee.source.base.unsafelyUnwrapped
      memory.copyMemory(from: base, byteCount: content.count)
      bytes = UnsafeRawBufferPointer(start: memory, count: content.count)
    }
    stages.pointee.pipeline?.offer(bytes, .last)
    occupyConnection(exchange)
    exchange.pointee.response = .file
    sendStaged(exchange, stages, behind: first)
  }

  /// Sends as much of a file, or of an answer of Waybill's own, as the client takes and one turn
  /// allows, behind what `first` holds.
  mutating func sendStaged(
    _ exchange: ExchangePointer, _ stages: ResponseStagesPointer, behind first: ByteWriter
  ) {
    precondition(exchange.pointee.response == .file, "sendStaged: nothing is sent")
    let client = exchange.pointee.client
    var writer = first
    if let state = exchange.pointee.serving { ownFile(state) }
    if client.pointee.hasOutput {
      holdPrefix(client, UnsafeRawBufferPointer(writer.written))
      writer = ByteWriter(scratch)
      switch send(client) {
      case .done: break
      case .blocked: return awaitFileReader(exchange)
      case .failed: return clientLeft(exchange)
      }
    }
    switch takeStagedContent(exchange, stages, &writer) {
    case .gone, .nothing: return
    case .ready: break
    }
    if exchange.pointee.response == .composed && holdsBack(exchange, writer) { return }
    switch send(client, prefix: UnsafeRawBufferPointer(writer.written)) {
    case .done:
      if client.pointee.wait == .clientSend { stopWaiting(client) }
      if exchange.pointee.response == .composed { return finishResponse(exchange) }
      enqueue(client)
    case .blocked: awaitFileReader(exchange)
    case .failed: clientLeft(exchange)
    }
  }

  // MARK: The head

  /// Writes what a backend's field comes to where stages change the content: true when that has
  /// been done, perhaps by leaving it out.
  mutating func writesForStages(
    _ name: Span<UInt8>, _ value: Span<UInt8>, _ stages: ResponseStagesPointer,
    into writer: inout ByteWriter
  ) -> Bool {
    let decision = stages.pointee.decision
    guard decision.changesContent else { return false }
    switch name.count {
    case 4 where FieldNameMatch.equalIgnoringCase(name, "ETag"):
      if decision.dropsValidators { return true }
      return writeWeakTag(name, value, into: &writer)
    case 13 where FieldNameMatch.equalIgnoringCase(name, "Last-Modified"):
      return decision.dropsValidators
    case 13 where FieldNameMatch.equalIgnoringCase(name, "Accept-Ranges"):
      return decision.dropsRanges
    case 16 where FieldNameMatch.equalIgnoringCase(name, "Content-Encoding"):
      return decision.unpacks
    default: return false
    }
  }

  /// An entity tag of other bytes is a weak one at most (RFC 9110 section 8.8.1); what is none is
  /// left out.
  private func writeWeakTag(
    _ name: Span<UInt8>, _ value: Span<UInt8>, into writer: inout ByteWriter
  ) -> Bool {
    if value.count > 1, value[0] == UInt8(ascii: "W"), value[1] == UInt8(ascii: "/") {
      return false
    }
    guard value.count > 0, value[0] == UInt8(ascii: "\"") else { return true }
    writer.append(name)
    writer.append(": W/")
    writer.append(value)
    writer.append("\r\n")
    return true
  }

  /// Says what the content is packed by, and that this depends on the client.
  mutating func writeStageFields(
    _ exchange: ExchangePointer, _ stages: ResponseStagesPointer, status: UInt16,
    into writer: inout HeadWriter
  ) {
    let decision = stages.pointee.decision
    if decision.coding != .none {
      writer.beginField("Content-Encoding")
      writer.lines.append(decision.coding.name)
      writer.endField()
    }
    if decision.varies && !isReplaced("Vary", exchange, status: status) {
      writer.appendField("Vary", "Accept-Encoding")
    }
  }
}

extension ResponseStages {
  /// Lengths of the names of fields that get another value, as in `ResponseRulePlan.nameLengths`.
  static let nameLengths: UInt32 = 1 << 4 | 1 << 13 | 1 << 16
}
