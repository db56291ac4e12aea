// `error_page`: what is answered in the place of an error, or of a backend's answer with
// `proxy_intercept_errors`.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Sends a request on to the page for a status; false when there is none, and then nothing has
  /// changed. `condition` is the code that nginx gives the reason, which goes before the status.
  mutating func goesToErrorPage(
    _ exchange: ExchangePointer, _ status: UInt16, condition: UInt16?
  ) -> Bool {
    guard let page = page(for: exchange, status, condition) else { return false }
    go(exchange, to: page, status, condition)
    return true
  }

  /// The page that a request is to be sent on to for a status; nil when there is none.
  mutating func page(
    for exchange: ExchangePointer, _ status: UInt16, _ condition: UInt16?
  ) -> ErrorPage? {
    precondition(exchange.isLive, "page: the exchange has ended")
    precondition(exchange.pointee.response == .none, "page: a response has begun")
    precondition(status >= 200, "page: an interim response")
    if let state = exchange.pointee.serving {
      // What answers an error has one of its own.
      state.pointee.answeredStatus = 0
      guard !state.pointee.servesErrorPage else { return nil }
    }
    guard let page = errorPage(exchange, status, condition), canGo(exchange, to: page.target)
    else { return nil }
    return page
  }

  /// Sends a request on to a page.
  mutating func go(
    _ exchange: ExchangePointer, to page: ErrorPage, _ status: UInt16, _ condition: UInt16?
  ) {
    precondition(exchange.isLive, "go: the exchange has ended")
    precondition(exchange.pointee.response == .none, "go: a response has begun")
    if isContentRefused(exchange) { abandonContent(exchange) }
    let state = servingState(exchange)
    closeFile(state)
    // The type was that of the content in whose place the page is sent.
    state.pointee.carriesType = false
    state.pointee.servesErrorPage = !exchange.pointee.plan.pointee.redirection.allowsRecursion
    // An error of the request itself leaves no next one on the connection, whatever is answered.
    state.pointee.answeredStatus = page.answer ?? Worker.answered(status, condition)
    exchange.pointee.record.error = .none
    exchange.pointee.record.termination = .completed
    // `$status` in the target and on the way to the page.
    exchange.pointee.record.status = state.pointee.answeredStatus
    go(exchange, to: page.target, becomingGet: true)
  }

  /// True when the error is one of the request's content: too much of it, malformed, or late.
  private mutating func isContentRefused(_ exchange: ExchangePointer) -> Bool {
    guard exchange.pointee.request != .head else { return false }
    return exchange.pointee.record.error == .requestBodyTooLarge
      || exchange.pointee.record.termination.phase == .requestBody
  }

  /// nginx answers what its own codes stand for, mostly what is wrong with TLS, as a bad request.
  static func answered(_ status: UInt16, _ condition: UInt16?) -> UInt16 {
    condition != nil || 494...497 ~= status ? 400 : status
  }

  private mutating func errorPage(
    _ exchange: ExchangePointer, _ status: UInt16, _ condition: UInt16?
  ) -> ErrorPage? {
    let pages = exchange.pointee.plan.pointee.redirection.errorPages
    for index in pages.indices where pages[index].status == condition ?? status {
      return pages[index]
    }
    return nil
  }

  /// False for a page that only a backend can give, when the request has no whole head, or its
  /// content has been used up.
  private mutating func canGo(
    _ exchange: ExchangePointer, to target: RedirectionTarget
  ) -> Bool {
    precondition(exchange.isLive, "canGo: the exchange has ended")
    if case .url(let url) = target, !beginsWithSlash(url, exchange) { return true }
    guard exchange.pointee.request == .head else { return true }
    // What came of the head is kept, but may be anything: it has no path that could be asked for.
    return exchange.pointee.headByteCount > 0
  }

  /// Answers a status that arises here, as if by `return`, or by its page.
  mutating func go(
    _ exchange: ExchangePointer, to target: RedirectionTarget, becomingGet: Bool
  ) {
    switch target {
    case .status(let status): refuse(exchange, status, .none, .completed)
    case .uri(let uri):
      if becomingGet { exchange.pointee.head.becomeGet() }
      redirectInternally(exchange, to: uri, .written)
    case .named(let location): enterNamedLocation(exchange, location)
    case .url(let url):
      // What a variable holds may be a path as well.
      if beginsWithSlash(url, exchange) {
        return go(exchange, to: .uri(url), becomingGet: becomingGet)
      }
      answerElsewhere(exchange, url)
    }
  }

  private mutating func beginsWithSlash(
    _ template: Template, _ exchange: ExchangePointer
  ) -> Bool {
    var writer = ByteWriter(UnsafeMutableBufferPointer(rebasing: scratch[..<Limits.filePathBytes]))
    write(template, exchange, into: &writer)
    return writer.count > 0 && writer.written[0] == UInt8(ascii: "/")
  }

  /// Sends the client to the URL of an `error_page`.
  private mutating func answerElsewhere(_ exchange: ExchangePointer, _ url: Template) {
    let wanted = exchange.pointee.serving?.pointee.answeredStatus ?? 0
    switch wanted {
    case 301, 302, 303, 307, 308: redirectClient(exchange, wanted, url)
    default: redirectClient(exchange, 302, url)
    }
  }

  // MARK: Backends' answers

  /// True when the response whose head has come is not passed on, but answered by a page of
  /// `error_page`.
  mutating func interceptsResponse(_ exchange: ExchangePointer) -> Bool {
    precondition(exchange.pointee.response == .none, "interceptsResponse: a response has begun")
    precondition(exchange.pointee.upstream != nil, "interceptsResponse: no backend is attached")
    let status = exchange.pointee.responseHead.status
    guard status >= 300, exchange.pointee.plan.pointee.redirection.interceptsErrors,
      errorPage(exchange, status, nil) != nil
    else { return false }
    if !tables.capturedFields.isEmpty, let peer = exchange.pointee.upstream {
      captureUpstreamFields(exchange, peer.pointee.inputBytes.span)
    }
    keepChallenges(exchange, status)
    endTry(exchange, mayReuse: false)
    refuse(exchange, status, .none, .completed)
    return true
  }

  /// Has a response's status be that which an `error_page` asks for. Whether there is content must
  /// agree with the status that the client sees (RFC 9110 section 6.4.1).
  mutating func replaceStatus(_ exchange: ExchangePointer, _ state: ServingStatePointer) {
    guard state.pointee.answeredStatus != 0 else { return }
    let allowedContent = allowsContent(exchange.pointee.responseHead.status)
    exchange.pointee.responseHead.replaceStatus(state.pointee.answeredStatus)
    if !allowsContent(state.pointee.answeredStatus) {
      exchange.pointee.clientFraming = .none
      guard !exchange.pointee.responseReader.isComplete else { return }
      // The backend's content is not read.
      exchange.pointee.responseHead.endConnection()
      exchange.pointee.responseReader.reset()
    } else if !allowedContent && exchange.pointee.head.method != .head {
      exchange.pointee.clientFraming = .length(0)
    }
  }

  /// Keeps what a 401 asks for: without it no client could answer it.
  private mutating func keepChallenges(_ exchange: ExchangePointer, _ status: UInt16) {
    guard status == 401, let peer = exchange.pointee.upstream else { return }
    let bytes = peer.pointee.inputBytes.span
    for index in 0..<exchange.pointee.responseHead.fields.count {
      let line = exchange.pointee.responseHead.fields[index]
      let name = bytes.extracting(line.name.offsets)
      if FieldNameMatch.equalIgnoringCase(name, "WWW-Authenticate") {
        carry(exchange, name, bytes.extracting(line.value.offsets))
      }
    }
  }

  /// Keeps a field of a backend's response for the answer that is given in its place.
  mutating func carry(
    _ exchange: ExchangePointer, _ name: Span<UInt8>, _ value: Span<UInt8>
  ) {
    precondition(!name.isEmpty, "carry: a field without a name")
    let state = servingState(exchange)
    for single: StaticString in ["Content-Type", "Location", "Content-Range"] {
      let bytes = UnsafeBufferPointer(start: single.utf8Start, count: single.utf8CodeUnitCount)
      if FieldNameMatch.equalIgnoringCase(name, bytes.span) { dropCarried(state, name) }
    }
    // A location's rules for cookies hold for those that its backend has set.
    let isCookie = FieldNameMatch.equalIgnoringCase(name, "Set-Cookie")
    while growCarried(state) {
      let memory = state.pointee.carried.bytes
      var writer = ByteWriter(
        UnsafeMutableBufferPointer(rebasing: memory[Int(state.pointee.carriedCount)...]))
      if !isCookie || !writeCookie(name, value, exchange, into: &writer) {
        writer.appendField(name, value)
      }
      guard writer.overflowed else {
        state.pointee.carriedCount += UInt32(writer.count)
        return
      }
      state.pointee.isCarriedFull = true
    }
  }

  /// Forgets a field that was kept before: there is one at most of its name.
  private func dropCarried(_ state: ServingStatePointer, _ name: Span<UInt8>) {
    let memory = state.pointee.carried.bytes
    var count = 0
    var lines = CarriedLines(state)
    // What stays moves to the front, line by line.
    while let line = lines.next() {
      if FieldNameMatch.equalIgnoringCase(line.name.span, name) { continue }
      for offset in line.bytes.indices { memory[count + offset] = line.bytes[offset] }
      count += line.bytes.count
    }
    state.pointee.carriedCount = UInt32(count)
  }

  /// Has a state have memory for kept fields, more than it has when that was too small; false when
  /// there is none that is larger.
  private mutating func growCarried(_ state: ServingStatePointer) -> Bool {
    let old = state.pointee.carried
    if !old.isNone && !state.pointee.isCarriedFull { return true }
    state.pointee.isCarriedFull = false
    guard let size = Buffer.Size(holding: old.isNone ? 1 : old.capacity + 1) else { return false }
    let buffer = buffers.take(size)
    var writer = ByteWriter(buffer.bytes)
    writer.append(UnsafeBufferPointer(rebasing: old.bytes[..<Int(state.pointee.carriedCount)]).span)
    precondition(!writer.overflowed, "growCarried: the larger buffer is smaller")
    buffers.giveBack(&state.pointee.carried)
    state.pointee.carried = buffer
    return true
  }

  /// The value of the Content-Type that was kept; nil when there is none.
  func carriedType(_ state: ServingStatePointer) -> UnsafeBufferPointer<UInt8>? {
    let memory = state.pointee.carried.bytes
    let fields = UnsafeBufferPointer(rebasing: memory[..<Int(state.pointee.carriedCount)])
    var start = 0
    for index in fields.indices where fields[index] == 0x0a {
      let line = UnsafeBufferPointer(rebasing: fields[start..<(index - 1)])
      start = index + 1
      if line.count > 14,
        FieldNameMatch.equalIgnoringCase(
          line.span.extracting(0..<14), "Content-Type: ")
      {
        return UnsafeBufferPointer(rebasing: line[14...])
      }
    }
    return nil
  }

  /// Writes the fields that were kept of a backend's response, but for those that the location
  /// sets itself, and but for the media type of a page that was not asked for.
  mutating func writeCarriedFields(
    _ exchange: ExchangePointer, status: UInt16, into writer: inout HeadWriter
  ) {
    guard let state = exchange.pointee.serving, state.pointee.carriedCount > 0 else { return }
    let isTypeUsed =
      state.pointee.carriesType && (state.pointee.file != .none || state.pointee.typesText)
      && status != 304 && !state.pointee.sendsParts
    var lines = CarriedLines(state)
    while let line = lines.next() {
      if line.isContentType && !isTypeUsed { continue }
      if state.pointee.dropsCarriedLocation && line.isLocation { continue }
      if isReplaced(line.name.span, exchange, status: status) { continue }
      if line.isLocation {
        writeCarriedLocation(line.value.span, exchange, into: &writer)
      } else {
        writer.appendLine(line.bytes.span)
      }
    }
  }

  /// The same for another backend's response, `backend`: a field that it has holds, but it may add
  /// cookies.
  mutating func writeCarriedFields(
    _ exchange: ExchangePointer, backend: Span<UInt8>, into writer: inout HeadWriter
  ) {
    guard let state = exchange.pointee.serving else { return }
    let status = exchange.pointee.responseHead.status
    var lines = CarriedLines(state)
    while let line = lines.next() {
      if line.isContentType || isReplaced(line.name.span, exchange, status: status) { continue }
      let isCookie = FieldNameMatch.equalIgnoringCase(line.name.span, "Set-Cookie")
      guard isCookie || !hasField(line.name.span, exchange, backend) else { continue }
      if line.isLocation {
        writeCarriedLocation(line.value.span, exchange, into: &writer)
      } else {
        writer.appendLine(line.bytes.span)
      }
    }
  }

  private mutating func hasField(
    _ name: Span<UInt8>, _ exchange: ExchangePointer, _ backend: Span<UInt8>
  ) -> Bool {
    for index in 0..<exchange.pointee.responseHead.fields.count {
      let other = backend.extracting(exchange.pointee.responseHead.fields[index].name.offsets)
      if FieldNameMatch.equalIgnoringCase(other, name) { return true }
    }
    return false
  }
}

/// The field lines that were kept of a backend's response.
private struct CarriedLines {
  struct Line {
    /// With its line end.
    let bytes: UnsafeBufferPointer<UInt8>
    let name: UnsafeBufferPointer<UInt8>

    /// Without the space before it.
    var value: UnsafeBufferPointer<UInt8> {
      UnsafeBufferPointer(rebasing: bytes[(name.count + 2)..<(bytes.count - 2)])
    }
    var isContentType: Bool { FieldNameMatch.equalIgnoringCase(name.span, "Content-Type") }
    var isLocation: Bool { FieldNameMatch.equalIgnoringCase(name.span, "Location") }
  }

  private var rest: UnsafeBufferPointer<UInt8>

  init(_ state: ServingStatePointer) {
    let memory = state.pointee.carried.bytes
    rest = UnsafeBufferPointer(rebasing: memory[..<Int(state.pointee.carriedCount)])
  }

  mutating func next() -> Line? {
    guard let end = rest.firstIndex(of: 0x0A), let colon = rest.firstIndex(of: UInt8(ascii: ":"))
    else { return nil }
    let line = Line(
      bytes: UnsafeBufferPointer(rebasing: rest[...end]),
      name: UnsafeBufferPointer(rebasing: rest[..<colon]))
    rest = UnsafeBufferPointer(rebasing: rest[(end + 1)...])
    return line
  }
}
