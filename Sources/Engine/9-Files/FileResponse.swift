// The response that carries a file: its head, and the delimiters between several ranges.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Answers with the file of `state`, or what the request's conditions leave of that.
  mutating func answerFile(_ exchange: ExchangePointer, _ state: ServingStatePointer) {
    precondition(exchange.pointee.response == .none, "answerFile: a response has begun")
    precondition(state.pointee.file != .none, "answerFile: there is no file")
    precondition(exchange.pointee.serving == state, "answerFile: another exchange's file")
    state.pointee.describesFile = true
    let tag = entityTag(exchange, state)
    state.pointee.mediaType = mediaType(exchange)
    // A page for an error is sent whatever the client has of it.
    let isPlain = state.pointee.answeredStatus == 0 || state.pointee.answeredStatus == 200
    let isSubrequest = exchange.pointee.client.pointee.isSubrequest
    let fields = isSubrequest ? ConditionFields() : ConditionFields(exchange)
    if fields.isRepeated {
      closeFile(state)
      return refuse(exchange, 400, .httpRequestError, .completed)
    }
    var verdict =
      isPlain
      ? judge(exchange, state.pointee.status, tag: tag.span, fields) : .content(.whole)
    if exchange.pointee.plan.pointee.changesContent, case .content = verdict,
      choosesStages(exchange, state, hasTag: !tag.isEmpty, isPlain: isPlain)
    {
      verdict = .content(.whole)
    }
    switch verdict {
    case .preconditionFailed:
      closeFile(state)
      return refuse(exchange, 412, .none, .completed)
    case .content(.unsatisfiable):
      closeFile(state)
      return refuseRange(exchange, state.pointee.status.size)
    case .notModified, .content: break
    }
    if let range = fields.range { state.pointee.rangeValue = range }
    let head = FileHead(state.pointee, verdict, tag, isPlain: isPlain)
    let contentCount = prepareContent(exchange, state, verdict)
    sendFileHead(exchange, state, head, contentCount)
  }

  /// Chooses the stages for a file. True when they change its content, so that it has no ranges.
  @inline(never) private mutating func choosesStages(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, hasTag: Bool, isPlain: Bool
  ) -> Bool {
    let carried = state.pointee.carriesType ? carriedType(state) : nil
    var facts = ownFacts(
      isPlain ? 200 : state.pointee.answeredStatus, length: state.pointee.status.size,
      type: carried ?? state.pointee.mediaType.buffer)
    facts.hasLastModified = isPlain
    facts.hasEntityTag = hasTag
    facts.hasCoding = state.pointee.packing != .none
    facts.isGzip = state.pointee.packing == .gzip
    chooseOwnStages(exchange, facts)
    return exchange.pointee.stages?.pointee.decision.changesContent == true
  }

  /// nginx's entity tag: the time and the size in hexadecimal; empty with `etag off`.
  private mutating func entityTag(
    _ exchange: ExchangePointer, _ state: ServingStatePointer
  ) -> UnsafeBufferPointer<UInt8> {
    let place = Limits.scratchBytes - Limits.smallBufferBytes
    var writer = ByteWriter(UnsafeMutableBufferPointer(rebasing: scratch[place...]))
    if exchange.pointee.plan.pointee.files.sendsEntityTag {
      writer.append(UInt8(ascii: "\""))
      writer.append(hexadecimal: UInt64(bitPattern: state.pointee.status.modified))
      writer.append(UInt8(ascii: "-"))
      writer.append(hexadecimal: state.pointee.status.size)
      writer.append(UInt8(ascii: "\""))
    }
    return writer.written
  }

  /// Sets what of the file is sent first; returns how many bytes of content there are in all.
  private mutating func prepareContent(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, _ verdict: FileVerdict
  ) -> UInt64 {
    let size = state.pointee.status.size
    switch verdict {
    case .content(.single(let range)):
      state.pointee.offset = range.start
      state.pointee.left = range.count
      return range.count
    case .content(.several): return prepareRanges(exchange, state)
    case .content:
      state.pointee.offset = 0
      state.pointee.left = size
      return size
    case .notModified, .preconditionFailed:
      closeFile(state)
      return 0
    }
  }

  private mutating func sendFileHead(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, _ head: FileHead,
    _ contentCount: UInt64
  ) {
    precondition(exchange.pointee.response == .none, "sendFileHead: a response has begun")
    prepareOwnResponse(exchange, head.status)
    applyStages(exchange)
    let room = Limits.scratchBytes - Limits.ownContentBytes
    var writer = HeadWriter(
      ByteWriter(UnsafeMutableBufferPointer(rebasing: scratch[0..<room])),
      for: exchange.pointee.client)
    writeFileHead(exchange, state, head, contentCount, into: &writer)
    guard !writer.overflowed else {
      closeFile(state)
      releaseStages(exchange)
      return refuse(exchange, 500, .proxyInternalError, Termination(.proxy, .route))
    }
    captureSentFields(exchange, writer)
    if exchange.pointee.stages?.pointee.decision.changesContent != true {
      noteContentStart(exchange, headCount: writer.count)
    }
    if exchange.pointee.head.method == .head || !allowsContent(head.status) {
      closeFile(state)
      return sendOwnResponse(exchange, writer.lines)
    }
    occupyConnection(exchange)
    exchange.pointee.response = .file
    sendFile(exchange, behind: writer.lines)
  }

  private mutating func writeFileHead(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, _ head: FileHead,
    _ contentCount: UInt64, into writer: inout HeadWriter
  ) {
    let status = head.status
    state.pointee.sendsParts = head.isMultipart
    writeOwnHead(exchange, status, contentCount: Int(clamping: contentCount), into: &writer)
    let isTyped =
      state.pointee.carriesType && state.pointee.file != .none && !head.isMultipart
    // A body of several parts can't be read without its boundary.
    let isWritten = head.isMultipart || !isReplaced("Content-Type", exchange, status: status)
    if allowsContent(status), !isTyped, isWritten {
      writeFileType(exchange, state, head, into: &writer)
    }
    let decision = exchange.pointee.stages?.pointee.decision ?? StageDecision()
    if head.isPlain, !decision.dropsValidators,
      !isReplaced("Last-Modified", exchange, status: status)
    {
      writer.beginField("Last-Modified")
      IMFDate.write(
        secondsSince1970: UInt64(max(0, state.pointee.status.modified)), into: &writer.lines)
      writer.endField()
    }
    if !head.tag.isEmpty, !decision.dropsValidators,
      !isReplaced("ETag", exchange, status: status)
    {
      writer.beginField("ETag")
      if decision.changesContent { writer.lines.append("W/") }
      writer.lines.append(head.tag.span)
      writer.endField()
    }
    writeRangeFields(exchange, state, head, into: &writer)
    writeCoding(exchange, state, status, into: &writer)
    writeAddedFields(exchange, status: status, keepsType: head.isMultipart, into: &writer)
    writer.end(for: exchange.pointee.client)
  }

  private mutating func writeFileType(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, _ head: FileHead,
    into writer: inout HeadWriter
  ) {
    if head.isMultipart {
      writer.beginField("Content-Type")
      writer.lines.append("multipart/byteranges; boundary=")
      writer.lines.append(decimal: state.pointee.boundary, width: 20)
      writer.endField()
    } else if !state.pointee.mediaType.isEmpty {
      writeMediaType(exchange, state, into: &writer.lines)
    }
  }

  private mutating func writeMediaType(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, into writer: inout ByteWriter
  ) {
    writer.append("Content-Type: ")
    writer.append(state.pointee.mediaType.span)
    appendCharset(state.pointee.mediaType.span, exchange, status: 200, into: &writer)
    writer.append("\r\n")
  }

  /// What a file is packed by. Whoever keeps it must know that it depends on the client, packed or
  /// not.
  private mutating func writeCoding(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, _ status: UInt16,
    into writer: inout HeadWriter
  ) {
    let decision = exchange.pointee.stages?.pointee.decision ?? StageDecision()
    if state.pointee.packing != .none && status != 304 && !decision.unpacks {
      writer.beginField("Content-Encoding")
      writer.lines.append(state.pointee.packing.name)
      writer.endField()
    }
    if state.pointee.variesByNeighbour && !decision.varies,
      !isReplaced("Vary", exchange, status: status)
    {
      writer.appendField("Vary", "Accept-Encoding")
    }
  }

  private mutating func writeRangeFields(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, _ head: FileHead,
    into writer: inout HeadWriter
  ) {
    switch head.verdict {
    case .content(.single(let range)):
      writer.beginField("Content-Range")
      writeContentRange(range, state.pointee.status.size, into: &writer.lines)
      writer.endField()
    case .content(.whole):
      let allowsRanges =
        exchange.pointee.plan.pointee.files.maximumRanges > 0 && state.pointee.packing == .none
        && exchange.pointee.stages?.pointee.decision.changesContent != true
      if head.isPlain && allowsRanges { writer.appendField("Accept-Ranges", "bytes") }
    default: break
    }
  }

  private func writeContentRange(
    _ range: FileRange, _ size: UInt64, into writer: inout ByteWriter
  ) {
    writer.append("bytes ")
    writer.append(decimal: range.start)
    writer.append(UInt8(ascii: "-"))
    writer.append(decimal: range.end - 1)
    writer.append(UInt8(ascii: "/"))
    writer.append(decimal: size)
  }

  // MARK: Several ranges (RFC 9110 section 14.6)

  /// Makes a boundary and counts the bytes of all parts and what stands between them.
  private mutating func prepareRanges(
    _ exchange: ExchangePointer, _ state: ServingStatePointer
  ) -> UInt64 {
    precondition(state.pointee.status.size > 0, "prepareRanges: the file is empty")
    let size = state.pointee.status.size
    let value = exchange.pointee.headBytes.span.extracting(state.pointee.rangeValue.offsets)
    state.pointee.boundary = random.next(&kernel).0
    state.pointee.ranges = RangeReader(value, size: size)
    state.pointee.left = 0
    var total: UInt64 = 0
    var reader = state.pointee.ranges
    while case .range(let range) = reader?.next(value) {
      var writer = ByteWriter(scratch)
      writePartHead(exchange, state, range, into: &writer)
      total += UInt64(writer.count) + range.count
    }
    var writer = ByteWriter(scratch)
    writeLastDelimiter(state, into: &writer)
    return total + UInt64(writer.count)
  }

  private mutating func writePartHead(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, _ range: FileRange,
    into writer: inout ByteWriter
  ) {
    writer.append("\r\n--")
    writer.append(decimal: state.pointee.boundary, width: 20)
    writer.append("\r\n")
    if state.pointee.carriesType, let type = carriedType(state) {
      writer.append("Content-Type: ")
      writer.append(type.span)
      writer.append("\r\n")
    } else if !state.pointee.mediaType.isEmpty {
      writeMediaType(exchange, state, into: &writer)
    }
    writer.append("Content-Range: ")
    writeContentRange(range, state.pointee.status.size, into: &writer)
    writer.append("\r\n\r\n")
  }

  private func writeLastDelimiter(
    _ state: ServingStatePointer, into writer: inout ByteWriter
  ) {
    writer.append("\r\n--")
    writer.append(decimal: state.pointee.boundary, width: 20)
    writer.append("--\r\n")
  }

  /// Begins the next of several ranges, or ends the content: then its last byte has been composed.
  mutating func beginNextRange(
    _ exchange: ExchangePointer, _ state: ServingStatePointer, _ writer: inout ByteWriter
  ) {
    precondition(state.pointee.left == 0, "beginNextRange: a range is being sent")
    guard var reader = state.pointee.ranges else { return }
    let value = exchange.pointee.headBytes.span.extracting(state.pointee.rangeValue.offsets)
    if case .range(let range) = reader.next(value) {
      state.pointee.ranges = reader
      state.pointee.offset = range.start
      state.pointee.left = range.count
      writePartHead(exchange, state, range, into: &writer)
    } else {
      state.pointee.ranges = nil
      writeLastDelimiter(state, into: &writer)
    }
  }
}

/// What a head says of a file.
private struct FileHead: BitwiseCopyable {
  var status: UInt16
  var verdict: FileVerdict
  /// Lies in the scratch memory, behind all that a head may take.
  var tag: UnsafeBufferPointer<UInt8>
  /// The file is what was asked for, and not a page for an error.
  var isPlain: Bool
  /// Several ranges, each a part with a head of its own.
  var isMultipart: Bool {
    if case .content(.several) = verdict { return true }
    return false
  }

  init(
    _ state: ServingState, _ verdict: FileVerdict, _ tag: UnsafeBufferPointer<UInt8>, isPlain: Bool
  ) {
    self.verdict = verdict
    self.tag = tag
    self.isPlain = isPlain
    switch verdict {
    case .notModified: status = 304
    case .content(.single), .content(.several): status = 206
    default: status = isPlain ? 200 : state.answeredStatus
    }
  }
}
