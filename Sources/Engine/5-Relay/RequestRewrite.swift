// The head that a peer gets: the client's fields less those that concern one connection only, plus
// the forwarded fields, the request ID and what the location sets.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Composes the request head for the peer.
  mutating func writeRequestHead(
    _ exchange: ExchangePointer, for peer: StreamPointer, into memory: inout ByteWriter
  ) {
    assert(exchange.pointee.upstream == peer, "writeRequestHead: another exchange's backend")
    assert(memory.count == 0, "writeRequestHead: something stands before the head")
    let bytes = exchange.pointee.headBytes.span
    var writer = HeadWriter(memory, for: peer)
    writeRequestLine(exchange, bytes, into: &writer)
    writeHost(exchange, bytes, into: &writer)
    copyRequestFields(exchange, bytes, into: &writer)
    writeForwardedFields(exchange, bytes, into: &writer)
    writeRequestIDField(exchange, into: &writer)
    writeAssignedFields(exchange, into: &writer)
    writeRequestFraming(exchange, bytes, into: &writer)
    writer.end(for: peer)
    memory = writer.lines
  }

  /// The method and the target, which in origin and asterisk form pass as they came: one behind the
  /// other, with one space between them. Bytes that are not ASCII, which no target may hold (RFC
  /// 3986 section 2), are percent-encoded: backends disagree about what they mean.
  @inline(__always) private mutating func writeRequestLine(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout HeadWriter
  ) {
    let form = exchange.pointee.head.targetForm
    let passes =
      (form == .asterisk || form == .origin)
      && !exchange.pointee.plan.pointee.rewritesRequestLine
    if passes && ASCIITarget.isASCII(bytes, exchange.pointee.head.target) {
      writer.beginRequest(
        bytes, method: exchange.pointee.head.methodRange, target: exchange.pointee.head.target)
    } else {
      beginRequest(exchange, bytes, into: &writer)
      writeTarget(exchange, bytes, into: &writer.lines)
      writer.endTarget()
    }
  }

  private mutating func beginRequest(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout HeadWriter
  ) {
    writer.beginMethod()
    let start = writer.count
    write(exchange.pointee.plan.pointee.requestMethod, exchange, into: &writer.lines)
    if writer.count == start {
      // A redirect may have made another method a GET.
      if exchange.pointee.head.method == .get {
        writer.lines.append("GET")
      } else {
        writer.lines.append(bytes, exchange.pointee.head.methodRange)
      }
    }
    writer.endMethod()
  }

  /// The target in origin form, with the location's prefix replaced (`proxy_pass` with a URI part)
  /// or without the authority that it came with.
  private mutating func writeTarget(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout ByteWriter
  ) {
    if let target = passedTarget(exchange) {
      if target[0] != 0x2f { writer.append(0x2f) }
      return ASCIITarget.appendSafely(target.span, into: &writer)
    }
    let isLost = exchange.pointee.serving?.pointee.isLocationLost == true
    if exchange.pointee.plan.pointee.replacesPath && !isLost {
      ASCIITarget.append(exchange.pointee.plan.pointee.replacementPath.span, into: &writer)
      let path = exchange.pointee.pathBytes.span
      let prefix = min(exchange.pointee.plan.pointee.matchedPrefixCount, path.count)
      PathNormalization.encode(path.extracting(prefix..<path.count), into: &writer)
    } else if exchange.pointee.head.targetForm == .asterisk {
      writer.append(0x2a)
    } else if exchange.pointee.head.path.isEmpty {
      writer.append(meansWholeServer(exchange) ? 0x2a : 0x2f)
    } else {
      ASCIITarget.append(bytes.extracting(exchange.pointee.head.path.offsets), into: &writer)
    }
    guard exchange.pointee.head.hasQuery else { return }
    // Where the path is not the client's any more, an empty query is none, as in nginx.
    let form = exchange.pointee.head.targetForm
    let isOwn = form == .redirected || form == .subrequest
    let isReplaced = exchange.pointee.plan.pointee.replacesPath || isOwn
    if isReplaced && exchange.pointee.head.query.isEmpty { return }
    writer.append(0x3f)
    ASCIITarget.append(bytes.extracting(exchange.pointee.head.query.offsets), into: &writer)
  }

  /// Path and query of a `proxy_pass` with variables; nil when it has neither, and for all others.
  private mutating func passedTarget(
    _ exchange: ExchangePointer
  ) -> UnsafeBufferPointer<UInt8>? {
    guard !exchange.pointee.plan.pointee.passURL.isEmpty, let state = exchange.pointee.serving,
      state.pointee.pass.target != .absent
    else { return nil }
    return kept(state.pointee.pass.target, exchange)
  }

  /// True for OPTIONS with an absolute form that has neither path nor query: the last proxy sends
  /// an asterisk (RFC 9112 section 3.2.4).
  private mutating func meansWholeServer(_ exchange: ExchangePointer) -> Bool {
    exchange.pointee.head.method == .options && !exchange.pointee.head.hasQuery
  }

  /// Host, where it does not pass with the other fields: there is none, or the target's authority
  /// prevails (RFC 9112 section 3.2.2).
  @inline(__always) private mutating func writeHost(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout HeadWriter
  ) {
    guard !passesHost(exchange) || writer.isFieldList, !isAssigned(.host, exchange) else { return }
    let authority = exchange.pointee.head.authority
    if authority.isEmpty {
      writer.appendAuthority(exchange.pointee.record.proxyHost.span)
    } else {
      writer.appendAuthority(bytes.extracting(authority.offsets))
    }
  }

  /// True when the client's Host line says which authority is meant.
  @inline(__always) private mutating func passesHost(_ exchange: ExchangePointer) -> Bool {
    exchange.pointee.head.targetForm == .origin && !exchange.pointee.head.authority.isEmpty
  }

  /// Copies the fields that pass end to end.
  private mutating func copyRequestFields(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout HeadWriter
  ) {
    findListedLines(exchange, bytes)
    let filters = exchange.pointee.plan.pointee.filtersRequestFields
    var run = FieldRun()
    for index in 0..<exchange.pointee.head.fields.count {
      let line = exchange.pointee.head.fields[index]
      guard passes(line, bytes, exchange, writer.isFieldList) else { continue }
      if filters && isFiltered(line, bytes, exchange) { continue }
      // Listing Host can't take it away.
      if listedLines.contains(index) && line.known != .host { continue }
      writer.pass(line, of: bytes, &run)
    }
    writer.flush(&run, of: bytes)
  }

  /// True when a field is set by the location, or none of the client's is passed on; the Host
  /// passes all the same, unless it is set.
  private mutating func isFiltered(
    _ line: FieldLine, _ bytes: Span<UInt8>, _ exchange: ExchangePointer
  ) -> Bool {
    if exchange.pointee.plan.pointee.dropsRequestFields && line.known != .host { return true }
    return isAssigned(line.known, bytes.extracting(line.name.offsets), exchange)
  }

  /// True when a field of the client's is passed on as it is.
  @inline(__always) private mutating func passes(
    _ line: FieldLine, _ bytes: Span<UInt8>, _ exchange: ExchangePointer, _ isFieldList: Bool
  ) -> Bool {
    switch line.known {
    case .other: return passesUnknown(bytes.extracting(line.name.offsets), exchange)
    // A list of fields has it in front.
    case .host: return passesHost(exchange) && !isFieldList
    case .connection, .contentLength, .transferEncoding, .keepAlive, .proxyConnection, .te,
      .upgrade, .xForwardedFor, .http2Settings:
      return false
    case .forwarded, .xRealIP, .xForwardedHost, .xForwardedProto:
      return exchange.pointee.trustsForwardedFields
    // HTTP/1.0 has no expectations (RFC 9110 section 10.1.1); what passes is HTTP/1.1.
    // The client has been told to go on where the content is read first.
    case .expect:
      return exchange.pointee.head.expectsContinue
        && !exchange.pointee.plan.pointee.buffersRequests
    default: return true
    }
  }

  /// The lines that Connection lists, which concern this connection only.
  @inline(__always) private mutating func findListedLines(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>
  ) {
    listedLines.removeAll()
    guard exchange.pointee.head.connection.contains(.fieldNames) else { return }
    listedLines.find(
      in: exchange.pointee.head.fields, bytes, listedBy: exchange.pointee.head.fields, bytes)
  }

  /// Unknown names pass unless the server ignores such names, or they are the request ID's, or one
  /// that CGI-style backends could not tell from a field that Waybill answers for.
  private mutating func passesUnknown(_ name: Span<UInt8>, _ exchange: ExchangePointer) -> Bool {
    let policy = exchange.pointee.plan.pointee.requestID
    if policy.mode != .off && policy.isField(name) { return false }
    if ControlledField.isTwin(name) { return false }
    guard exchange.pointee.record.fieldNames.accepts(name) else { return false }
    return exchange.pointee.trustsForwardedFields || !ControlledField.isForwarded(name)
  }

  /// X-Forwarded-For with the client appended, X-Forwarded-Proto and X-Forwarded-Host unless a
  /// trusted peer has set them.
  @inline(__always) private mutating func writeForwardedFields(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout HeadWriter
  ) {
    let trusts = exchange.pointee.trustsForwardedFields
    if !isAssigned(.xForwardedFor, exchange) {
      writer.beginField("X-Forwarded-For")
      if trusts { appendForwardedFor(exchange, bytes, into: &writer.lines) }
      exchange.pointee.record.client.write(into: &writer.lines)
      writer.endField()
    }
    if !isAssigned(.xForwardedProto, exchange),
      !trusts || exchange.pointee.head.fields.firstIndex(of: .xForwardedProto) == nil
    {
      if exchange.pointee.record.isSecure {
        writer.appendField("X-Forwarded-Proto", "https")
      } else {
        writer.appendField("X-Forwarded-Proto", "http")
      }
    }
    let authority = exchange.pointee.head.authority
    if !authority.isEmpty, !isAssigned(.xForwardedHost, exchange),
      !trusts || exchange.pointee.head.fields.firstIndex(of: .xForwardedHost) == nil
    {
      writer.appendField("X-Forwarded-Host", bytes.extracting(authority.offsets))
    }
  }

  /// The values that came, each followed by a comma.
  private mutating func appendForwardedFor(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout ByteWriter
  ) {
    for index in 0..<exchange.pointee.head.fields.count {
      let line = exchange.pointee.head.fields[index]
      guard line.known == .xForwardedFor, line.valueCount > 0 else { continue }
      writer.append(bytes, line.value)
      writer.append(", ")
    }
  }

  /// The request ID's field.
  mutating func writeRequestIDField(_ exchange: ExchangePointer, into writer: inout HeadWriter) {
    guard exchange.pointee.plan.pointee.requestID.mode != .off,
      !exchange.pointee.record.requestID.isEmpty
    else { return }
    writer.appendField(
      exchange.pointee.plan.pointee.requestID.header.span, &exchange.pointee.record.requestID)
  }

  /// What `proxy_set_header` sets; an empty value leaves the field out.
  @inline(__always) private mutating func writeAssignedFields(
    _ exchange: ExchangePointer, into writer: inout HeadWriter
  ) {
    let fields = exchange.pointee.plan.pointee.requestFields
    for index in fields.indices {
      if fields[index].source != .template {
        writeTraceField(fields[index].source, exchange, into: &writer)
        continue
      }
      appendTemplateField(fields[index].name, fields[index].value, exchange, into: &writer)
    }
  }

  /// Appends a field whose value is a template, unless the value comes out empty.
  mutating func appendTemplateField(
    _ name: FrozenBytes, _ value: Template, _ exchange: ExchangePointer,
    into writer: inout HeadWriter
  ) {
    let start = writer.count
    let valueStart = writer.beginField(name.span)
    write(value, exchange, into: &writer.lines)
    if writer.count == valueStart {
      guard !writer.overflowed else { return }
      return writer.truncate(to: start)
    }
    writer.endField()
  }

  @inline(__always) private mutating func writeRequestFraming(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout HeadWriter
  ) {
    if exchange.pointee.plan.pointee.dropsRequestContent {
      // The backend is sent none.
    } else if let length = announcedLength(exchange) {
      writer.appendField("Content-Length", decimal: length)
    }
    guard !writer.isFieldList else { return writeTrailerWish(exchange, bytes, into: &writer) }
    writeTransferFields(exchange, bytes, into: &writer)
  }

  /// Says that the client takes trailers, if it does: gRPC's servers ask for that.
  @inline(never) private mutating func writeTrailerWish(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout HeadWriter
  ) {
    var next = exchange.pointee.head.fields.firstIndex(of: .te)
    while let index = next {
      let value = bytes.extracting(exchange.pointee.head.fields[index].value.offsets)
      if TrailerWish.isStated(in: value) {
        return writer.appendField("TE", "trailers")
      }
      next = exchange.pointee.head.fields.firstIndex(of: .te, from: index + 1)
    }
  }

  /// The length of the content that the backend is told; nil when there is none, or it is unknown.
  @inline(__always) private mutating func announcedLength(_ exchange: ExchangePointer) -> UInt64? {
    switch exchange.pointee.requestReader.framing {
    case .length: exchange.pointee.requestReader.length
    case .none: exchange.pointee.head.framing == .none ? nil : 0
    case .chunked, .untilEnd:
      exchange.pointee.kept.isWhole ? exchange.pointee.kept.count : nil
    }
  }

  /// True when `proxy_set_header` names a known field.
  @inline(__always)
  private mutating func isAssigned(_ known: FieldName, _ exchange: ExchangePointer) -> Bool {
    let fields = exchange.pointee.plan.pointee.requestFields
    for index in fields.indices where fields[index].known == known { return true }
    return false
  }

  private mutating func isAssigned(
    _ known: FieldName, _ name: Span<UInt8>, _ exchange: ExchangePointer
  ) -> Bool {
    if known != .other { return isAssigned(known, exchange) }
    let fields = exchange.pointee.plan.pointee.requestFields
    for index in fields.indices where fields[index].name.count == name.count {
      if FieldNameMatch.equalIgnoringCase(fields[index].name.span, name) { return true }
    }
    return false
  }

  /// Composes the last chunk and the trailer fields that may pass: none of the ID's name, none that
  /// `TrailerRule` forbids (RFC 9110 section 6.5.1), none that the request's Connection names (RFC
  /// 9110 section 7.6.1), and none that the location sets or hides in a head.
  mutating func writeTrailers(
    _ trailers: borrowing FieldSection, _ bytes: Span<UInt8>, _ exchange: ExchangePointer,
    ofRequest: Bool, into memory: inout ByteWriter
  ) {
    let stream = ofRequest ? exchange.pointee.upstream : exchange.pointee.client
    guard let stream else { preconditionFailure("writeTrailers: there is no one to send them to") }
    var writer = HeadWriter(memory, for: stream)
    writer.beginTrailers()
    let head = exchange.pointee.headBytes.span
    listedLines.removeAll()
    if ofRequest && exchange.pointee.head.connection.contains(.fieldNames) {
      listedLines.find(in: trailers, bytes, listedBy: exchange.pointee.head.fields, head)
    }
    for index in 0..<trailers.count {
      let line = trailers[index]
      let name = bytes.extracting(line.name.offsets)
      if !ofRequest {
        noteGRPCStatus(exchange, name, bytes.extracting(line.value.offsets))
      }
      guard passesAsTrailer(line.known, name, exchange) else { continue }
      let isWithheld =
        ofRequest
        ? isAssigned(line.known, name, exchange)
        : exchange.pointee.plan.pointee.withholdsFields && isWithheld(line, bytes, exchange)
      if isWithheld { continue }
      if listedLines.contains(index) { continue }
      writer.appendField(name, bytes.extracting(line.value.offsets))
    }
    writer.end(for: stream)
    memory = writer.lines
  }

  private mutating func passesAsTrailer(
    _ known: FieldName, _ name: Span<UInt8>, _ exchange: ExchangePointer
  ) -> Bool {
    if known.isHopByHop || TrailerRule.forbids(name) { return false }
    if ControlledField.isTwin(name) || ControlledField.isForwarded(name) { return false }
    let policy = exchange.pointee.plan.pointee.requestID
    return policy.mode == .off || !policy.isField(name)
  }
}
