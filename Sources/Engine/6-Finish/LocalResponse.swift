// Answers of Waybill's own: `return`, and every error. One writer for all of them, so that none can
// go out without the request's ID.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Answers with what `return` says.
  mutating func answer(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .none, "answer: a response has begun")
    precondition(exchange.pointee.upstream == nil, "answer: a backend is attached")
    let text = exchange.pointee.plan.pointee.answerText
    answer(exchange, exchange.pointee.plan.pointee.answerStatus, text)
  }

  /// Answers as a `return` with this status and text does.
  mutating func answer(_ exchange: ExchangePointer, _ status: UInt16, _ text: Template) {
    if status == 444 || status == 499 {
      // nginx's way of saying nothing at all.
      return endEarly(exchange, .always(status), .none, Termination(.proxy, .route), .orderly)
    }
    switch status {
    case 301, 302, 303, 307, 308:
      sendRedirect(exchange, status, to: .url(text))
    case 400... where text.isEmpty: refuse(exchange, status, .none, .completed)
    default:
      // The page for an error has the error's status.
      let asked = exchange.pointee.serving?.pointee.answeredStatus ?? 0
      if asked == 0 && status < 300 && isExtendedConnect(exchange) {
        return refuseMissingTunnel(exchange)
      }
      respond(exchange, asked == 0 ? status : asked, text: text)
    }
  }

  /// Sends the client to a URL.
  mutating func redirectClient(_ exchange: ExchangePointer, _ status: UInt16, _ url: Template) {
    precondition(exchange.isLive, "redirectClient: the exchange has ended")
    precondition(exchange.pointee.response == .none, "redirectClient: a response has begun")
    respond(exchange, status, location: .url(url))
  }

  /// Sends the client to a URL that is kept among the exchange's values, as `return` does.
  mutating func redirectClient(
    _ exchange: ExchangePointer, _ status: UInt16, toKept url: ByteRange
  ) {
    sendRedirect(exchange, status, to: .kept(url))
  }

  /// Answers the path of a folder without its slash.
  mutating func redirectToFolder(_ exchange: ExchangePointer) {
    sendRedirect(exchange, 301, to: .folder)
  }

  /// Sends a redirect, or in its place the page of `error_page`, which keeps its Location.
  private mutating func sendRedirect(
    _ exchange: ExchangePointer, _ status: UInt16, to target: RedirectTarget
  ) {
    precondition(exchange.isLive, "sendRedirect: the exchange has ended")
    precondition(exchange.pointee.response == .none, "sendRedirect: a response has begun")
    if !exchange.pointee.plan.pointee.redirection.errorPages.isEmpty,
      let page = page(for: exchange, status, nil)
    {
      carryLocation(target, exchange)
      return go(exchange, to: page, status, nil)
    }
    respond(exchange, status, location: target)
  }

  /// Answers a Range field of which nothing lies within `size` bytes.
  mutating func refuseRange(_ exchange: ExchangePointer, _ size: UInt64) {
    precondition(exchange.isLive, "refuseRange: the exchange has ended")
    precondition(exchange.pointee.response == .none, "refuseRange: a response has begun")
    if !exchange.pointee.plan.pointee.redirection.errorPages.isEmpty,
      let page = page(for: exchange, 416, nil)
    {
      carryContentRange(exchange, size)
      return go(exchange, to: page, 416, nil)
    }
    respond(exchange, 416, contentSize: size)
  }

  private func writeUnsatisfiedRange(_ size: UInt64, into writer: inout ByteWriter) {
    writer.append("bytes */")
    writer.append(decimal: size)
  }

  /// Keeps the size of the file for the page that is sent in the place of a 416.
  private mutating func carryContentRange(_ exchange: ExchangePointer, _ size: UInt64) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { memory in
      var writer = ByteWriter(memory)
      writer.append("Content-Range")
      let nameCount = writer.count
      writeUnsatisfiedRange(size, into: &writer)
      let bytes = writer.span
      carry(exchange, bytes.extracting(..<nameCount), bytes.extracting(nameCount...))
    }
  }

  /// Answers what `health` asks for: as `return` would, and 503 from the moment on in which Waybill
  /// was told to end. Handing over to another process is no end: clients are to come again.
  mutating func answerHealth(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.response == .none, "answerHealth: a response has begun")
    if isGoingAway { refuse(exchange, 503, .none, .completed) } else { answer(exchange) }
  }

  /// Answers with an error, or cuts the response if one has begun. What is known of the reason goes
  /// to the log; `explanation` says to the client what the status alone does not, `condition` is
  /// nginx's code for the reason.
  mutating func refuse(
    _ exchange: ExchangePointer, _ status: UInt16, _ error: ErrorType, _ termination: Termination,
    explanation: StaticString? = nil, condition: UInt16? = nil
  ) {
    precondition(exchange.isLive, "refuse: the exchange has ended")
    precondition(status >= 200, "refuse: an interim response")
    guard exchange.pointee.response == .none else {
      return cutResponse(exchange, error, termination)
    }
    if exchange.pointee.request == .buffering { stopBuffering(exchange) }
    // What is refused before its location has begun has a trace, too.
    if exchange.pointee.plan.pointee.tracing.isOn { decideTrace(exchange) }
    exchange.pointee.record.error = error
    exchange.pointee.record.termination = termination
    // Where a message ends is not known any more, or should not be waited for.
    let isFramingLost = exchange.pointee.downstream.pointee.phase == .requestHead
    if isFramingLost || termination.party == .client { exchange.pointee.requireClosure(.orderly) }
    if !exchange.pointee.plan.pointee.redirection.errorPages.isEmpty,
      termination.party != .operator,
      goesToErrorPage(exchange, status, condition: condition)
    {
      return
    }
    respond(exchange, Worker.answered(status, condition), explanation: explanation)
  }

  /// Ends an exchange whose response has begun and can't be completed, so that the client can tell:
  /// a reset where the framing would not show it.
  mutating func cutResponse(
    _ exchange: ExchangePointer, _ error: ErrorType, _ termination: Termination
  ) {
    precondition(exchange.isLive, "cutResponse: the exchange has ended")
    precondition(exchange.pointee.response != .none, "cutResponse: no response has begun")
    if endsAsGRPC(exchange, error, termination) { return }
    let isSilent = exchange.pointee.clientFraming == .untilClose
    exchange.pointee.client.pointee.output.payloadCount = 0
    endEarly(exchange, .sent, error, termination, isSilent ? .abrupt : .orderly)
  }

  /// Composes and sends a whole response: a redirect to `location`, the `text` of a `return`, or
  /// the page that explains `status`.
  private mutating func respond(
    _ exchange: ExchangePointer, _ status: UInt16, location: RedirectTarget? = nil,
    text: Template? = nil, explanation: StaticString? = nil, contentSize: UInt64? = nil
  ) {
    precondition(exchange.pointee.response == .none, "respond: a response has begun")
    precondition(exchange.pointee.upstream == nil, "respond: a backend is attached")
    if status >= 400 && text == nil && isGRPC(exchange) { return respondGRPC(exchange, status) }
    // A redirect's page may be another redirect.
    if location != nil { exchange.pointee.serving?.pointee.dropsCarriedLocation = true }
    prepareOwnResponse(exchange, status)
    note(.ownResponse, exchange, Int(status))
    let room = Limits.scratchBytes - Limits.ownContentBytes
    var writer = HeadWriter(
      ByteWriter(UnsafeMutableBufferPointer(rebasing: scratch[0..<room])),
      for: exchange.pointee.client)
    let content = OwnContent(
      text: text, explanation: explanation, rangeSize: contentSize)
    switch compose(exchange, status, location: location, content, into: &writer) {
    case .whole: break
    case .staged(let content):
      return sendStaged(exchange, content, stays: false, behind: writer.lines)
    case .tooLarge:
      // A template may repeat what a client sent until nothing holds it.
      report(.error, "response", exchange, exchange.pointee.downstream) { line in
        line.append("a response defined by the configuration is too large")
      }
      exchange.pointee.record.status = 500
      exchange.pointee.record.error = .proxyInternalError
      exchange.pointee.requireClosure(.orderly)
      releaseStages(exchange)
      exchange.pointee.clientFraming = .length(0)
      writer.truncate(to: 0)
      writeBareHead(exchange, into: &writer)
    }
    sendOwnResponse(exchange, writer.lines)
  }

  /// Sends a page that lies in memory of its own, of any size. The exchange frees it.
  mutating func respond(
    _ exchange: ExchangePointer, page: UnsafeMutableBufferPointer<UInt8>, type: StaticString
  ) {
    precondition(exchange.pointee.response == .none, "respond: a response has begun")
    precondition(page.baseAddress != nil, "respond: there is no page")
    servingState(exchange).pointee.page = page.baseAddress
    let piece = UnsafeRawBufferPointer(page)
    respond(exchange, contentCount: page.count, beginningWith: piece, type: type)
  }

  /// Sends the exchange's page of metrics, which may have any size, in pieces.
  mutating func respond(_ exchange: ExchangePointer, _ page: MetricsPage) {
    page.beginSending()
    // Whose line is written ahead is held back as a whole.
    let isWhole =
      exchange.pointee.plan.pointee.writesAhead || exchange.pointee.head.method == .head
      || exchange.pointee.plan.pointee.changesContent
    let count = page.bytes.count
    let piece = page.takePiece(atMost: isWhole ? count : Limits.pagePieceBytes)
    respond(exchange, contentCount: count, beginningWith: piece, type: page.format.contentType)
  }

  /// Sends a page of `contentCount` bytes with 200, or as the page for an error. The exchange keeps
  /// the memory that `piece`, its first bytes, lies in.
  private mutating func respond(
    _ exchange: ExchangePointer, contentCount: Int, beginningWith piece: UnsafeRawBufferPointer,
    type: StaticString
  ) {
    let asked = exchange.pointee.serving?.pointee.answeredStatus ?? 0
    let status = asked == 0 ? 200 : asked
    prepareOwnResponse(exchange, status)
    note(.ownResponse, exchange, Int(status))
    let value = UnsafeBufferPointer(start: type.utf8Start, count: type.utf8CodeUnitCount)
    let isStaged = passesStages(exchange, status, contentCount: contentCount, type: value)
    var writer = HeadWriter(ByteWriter(scratch), for: exchange.pointee.client)
    writeOwnHead(exchange, status, contentCount: contentCount, into: &writer)
    if allowsContent(status) && !isReplaced("Content-Type", exchange, status: status) {
      writer.appendField("Content-Type", type)
    }
    writeAddedFields(exchange, status: status, into: &writer)
    writer.end(for: exchange.pointee.client)
    guard !writer.overflowed else {
      releaseStages(exchange)
      return refuse(exchange, 500, .proxyInternalError, Termination(.proxy, .route))
    }
    captureSentFields(exchange, writer)
    if isStaged { return sendStaged(exchange, piece, stays: true, behind: writer.lines) }
    noteContentStart(exchange, headCount: writer.count)
    if exchange.pointee.head.method != .head && allowsContent(status) {
      exchange.pointee.client.pointee.output.setPayload(piece)
    }
    sendOwnResponse(exchange, writer.lines)
  }

  /// Composes a response in the scratch memory.
  private mutating func compose(
    _ exchange: ExchangePointer, _ status: UInt16, location: RedirectTarget?, _ own: OwnContent,
    into writer: inout HeadWriter
  ) -> OwnResponse {
    // The head needs the content's length, so the content is composed first, at the end of the
    // scratch memory, and then appended to the head.
    let place = Limits.scratchBytes - Limits.ownContentBytes
    var content = ByteWriter(UnsafeMutableBufferPointer(rebasing: scratch[place...]))
    let type = writeOwnContent(exchange, status, own, into: &content)
    let isTyped = own.text != nil && exchange.pointee.serving?.pointee.carriesType == true
    exchange.pointee.serving?.pointee.typesText = isTyped
    let isStaged = passesStages(
      exchange, status, contentCount: content.count,
      type: location != nil ? nil : ownType(exchange, type, isTyped: isTyped))
    writeOwnHead(exchange, status, contentCount: content.count, into: &writer)
    if status == 405 && exchange.pointee.plan.pointee.contentAction.isPage {
      writer.appendField("Allow", "GET, HEAD")
    }
    if let size = own.rangeSize {
      writer.beginField("Content-Range")
      writeUnsatisfiedRange(size, into: &writer.lines)
      writer.endField()
    }
    if let location, !isReplaced("Location", exchange, status: status) {
      writeLocation(location, exchange, into: &writer)
    }
    // A text that comes to nothing has a type, as in nginx.
    let hasText = content.count > 0 || own.text != nil
    if hasText && allowsContent(status) && !isTyped
      && !isReplaced("Content-Type", exchange, status: status)
    {
      appendContentType(type, exchange, &writer)
      // Pages come in several formats (RFC 9110 section 12.5.5).
      if type != nil && !isReplaced("Vary", exchange, status: status) {
        writer.appendField("Vary", "Accept")
      }
    }
    writeAddedFields(exchange, status: status, into: &writer)
    writer.end(for: exchange.pointee.client)
    captureSentFields(exchange, writer)
    if isStaged {
      let bytes = UnsafeRawBufferPointer(content.written)
      return writer.overflowed || content.overflowed ? .tooLarge : .staged(bytes)
    }
    noteContentStart(exchange, headCount: writer.count)
    if exchange.pointee.head.method != .head && allowsContent(status) {
      writer.lines.append(content.span)
    }
    return writer.overflowed || content.overflowed ? .tooLarge : .whole
  }

  /// The media type of an answer's content, which is a page if it has a format.
  private mutating func ownType(
    _ exchange: ExchangePointer, _ format: ErrorBodyFormat?, isTyped: Bool
  ) -> UnsafeBufferPointer<UInt8> {
    if let format {
      let type = ErrorBody.contentType(format)
      return UnsafeBufferPointer(start: type.utf8Start, count: type.utf8CodeUnitCount)
    }
    if isTyped, let state = exchange.pointee.serving, let type = carriedType(state) { return type }
    return mediaType(exchange).buffer
  }

  /// True when the content of an answer, of that type, passes through stages.
  private mutating func passesStages(
    _ exchange: ExchangePointer, _ status: UInt16, contentCount: Int,
    type: UnsafeBufferPointer<UInt8>?
  ) -> Bool {
    guard exchange.pointee.plan.pointee.changesContent, let type else {
      releaseStages(exchange)
      return false
    }
    chooseOwnStages(exchange, ownFacts(status, length: UInt64(contentCount), type: type))
    return applyStages(exchange)
  }

  /// Writes the text of a `return` (then nil is returned), or the page in the format that the
  /// client wants.
  private mutating func writeOwnContent(
    _ exchange: ExchangePointer, _ status: UInt16, _ own: OwnContent,
    into content: inout ByteWriter
  ) -> ErrorBodyFormat? {
    if let text = own.text {
      noteTimeForTemplates(exchange)
      writeRaw(text, exchange, into: &content)
      return nil
    }
    let format = ErrorBodyFormat(accepting: exchange)
    ErrorBody.write(
      format: format, status: status, explanation: own.explanation,
      requestID: exchange.pointee.record.requestID, into: &content)
    return format
  }

  private mutating func appendContentType(
    _ format: ErrorBodyFormat?, _ exchange: ExchangePointer, _ writer: inout HeadWriter
  ) {
    guard let format else {
      let type = mediaType(exchange)
      // `default_type ""`
      guard !type.isEmpty else { return }
      writer.beginField("Content-Type")
      writer.lines.append(type.span)
      appendCharset(
        type.span, exchange, status: exchange.pointee.record.status, into: &writer.lines)
      return writer.endField()
    }
    writer.appendField("Content-Type", ErrorBody.contentType(format))
  }

  /// Remembers where the content begins in what is sent, so that its bytes can be told from the
  /// head's.
  mutating func noteContentStart(_ exchange: ExchangePointer, headCount: Int) {
    precondition(headCount > 0, "noteContentStart: there is no head")
    let waiting = exchange.pointee.client.pointee.output.heldBytes.count
    exchange.pointee.ownContentStart =
      exchange.pointee.record.bytesSent &+ UInt64(waiting &+ headCount)
  }

  /// The smallest answer that has the ID.
  private mutating func writeBareHead(
    _ exchange: ExchangePointer, into writer: inout HeadWriter
  ) {
    writer.beginResponse(500)
    writeRequestIDField(exchange, into: &writer)
    writer.appendField("Content-Length", "0")
    writeConnectionField(exchange, into: &writer)
    writer.end(for: exchange.pointee.client)
    noteContentStart(exchange, headCount: writer.count)
  }

  /// The head without what concerns the content, without what is added, and without its end.
  mutating func writeOwnHead(
    _ exchange: ExchangePointer, _ status: UInt16, contentCount: Int, into writer: inout HeadWriter
  ) {
    writer.beginResponse(status)
    if !isReplaced("Server", exchange, status: status) { writer.appendField("Server", "waybill") }
    if !isReplaced("Date", exchange, status: status) { writeDate(into: &writer) }
    writeRequestIDField(exchange, into: &writer)
    writeOwnExposure(exchange, status: status, into: &writer)
    if exchange.pointee.stages?.pointee.decision.changesContent == true {
      writeUnknownLength(exchange, into: &writer)
    } else if allowsContent(status) {
      writer.appendField("Content-Length", decimal: UInt64(contentCount))
    }
    writeConnectionField(exchange, into: &writer)
    writeCarriedFields(exchange, status: status, into: &writer)
    if let stages = exchange.pointee.stages {
      writeStageFields(exchange, stages, status: status, into: &writer)
    }
  }

  /// True for statuses whose response may have content (RFC 9110 section 6.4.1).
  mutating func allowsContent(_ status: UInt16) -> Bool {
    status >= 200 && status != 204 && status != 304
  }

  mutating func sendOwnResponse(_ exchange: ExchangePointer, _ writer: ByteWriter) {
    precondition(exchange.pointee.response == .none, "sendOwnResponse: a response has begun")
    precondition(writer.count > 0, "sendOwnResponse: there is no head")
    precondition(!writer.overflowed, "sendOwnResponse: the head did not fit")
    let client = exchange.pointee.client
    occupyConnection(exchange)
    exchange.pointee.response = .composed
    if holdsBack(exchange, writer) { return }
    switch send(client, prefix: UnsafeRawBufferPointer(writer.written)) {
    case .done: finishResponse(exchange)
    case .blocked: awaitClient(exchange)
    case .failed: clientLeft(exchange)
    }
  }

  mutating func prepareOwnResponse(_ exchange: ExchangePointer, _ status: UInt16) {
    precondition(exchange.pointee.response == .none, "prepareOwnResponse: a response has begun")
    precondition(exchange.pointee.upstream == nil, "prepareOwnResponse: a backend is attached")
    exchange.pointee.record.status = status
    exchange.pointee.clientFraming = .length(0)
    // What was kept whole is not there to be read once more.
    if exchange.pointee.kept.isWhole { exchange.pointee.request = .complete }
    if case .content = exchange.pointee.request {
      exchange.pointee.discardsContent =
        exchange.pointee.closure == .none && mayDiscardContent(exchange, status)
      if !exchange.pointee.discardsContent { exchange.pointee.requireClosure(.orderly) }
    }
    decideConnection(exchange)
    if !exchange.pointee.plan.pointee.pace.rate.isEmpty { _ = servingState(exchange) }
    if exchange.pointee.serving != nil { beginPacing(exchange) }
  }
}

/// What composing an answer of Waybill's own has come to.
private enum OwnResponse: BitwiseCopyable {
  /// The head and the content behind it.
  case whole
  /// The head alone; the content lies elsewhere and is to pass through stages.
  case staged(UnsafeRawBufferPointer)
  /// It does not fit.
  case tooLarge
}

/// What an answer of Waybill's own consists of: the text of a `return`, else a page with a sentence
/// of its own or with that of its status.
private struct OwnContent {
  var text: Template?
  var explanation: StaticString?
  /// The size of the file whose range was asked for in vain.
  var rangeSize: UInt64?
}

extension ErrorBodyFormat {
  /// The format that a client wants errors in, by its Accept field.
  init(accepting exchange: ExchangePointer) {
    guard exchange.pointee.record.hasRequestLine,
      let index = exchange.pointee.head.fields.firstIndex(of: .accept)
    else {
      self = .text
      return
    }
    let value = exchange.pointee.head.fields[index].value
    self = ContentNegotiation.preferred(
      accept: exchange.pointee.headBytes.span.extracting(value.offsets))
  }
}
