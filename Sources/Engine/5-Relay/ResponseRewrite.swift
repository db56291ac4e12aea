// The head that a client gets: the backend's fields less those that concern one connection only,
// plus exactly one request ID and what the location adds.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Composes the final response's head for the client.
  mutating func writeResponseHead(_ exchange: ExchangePointer, into memory: inout ByteWriter) {
    guard let peer = exchange.pointee.upstream else {
      preconditionFailure("writeResponseHead: the backend is gone")
    }
    let bytes = peer.pointee.inputBytes.span
    var writer = HeadWriter(memory, for: exchange.pointee.client)
    if !tables.capturedFields.isEmpty { captureUpstreamFields(exchange, bytes) }
    beginResponse(exchange, bytes, into: &writer)
    copyResponseFields(exchange, bytes, into: &writer)
    if exchange.pointee.plan.pointee.responseRules.writesServer,
      !isReplaced("Server", exchange, status: exchange.pointee.responseHead.status)
    {
      writer.appendField("Server", "waybill")
    }
    if exchange.pointee.plan.pointee.responseRules.writesDate
      || exchange.pointee.responseHead.fields.firstIndex(of: .date) == nil,
      !isReplaced("Date", exchange, status: exchange.pointee.responseHead.status)
    {
      writeDate(into: &writer)
    }
    writeRequestIDField(exchange, into: &writer)
    writeExposure(exchange, bytes, into: &writer)
    writeResponseFraming(exchange, bytes, into: &writer)
    if let stages = exchange.pointee.stages {
      writeStageFields(
        exchange, stages, status: exchange.pointee.responseHead.status, into: &writer)
    }
    writeAddedFields(exchange, status: exchange.pointee.responseHead.status, into: &writer)
    if let state = exchange.pointee.serving, state.pointee.carriedCount > 0 {
      writeCarriedFields(exchange, backend: bytes, into: &writer)
    }
    writer.end(for: exchange.pointee.client)
    if !tables.capturedFields.isEmpty { captureSentFields(exchange, writer) }
    memory = writer.lines
  }

  /// Composes an interim response's head: the backend's fields and the ID, nothing else.
  mutating func writeInterimHead(_ exchange: ExchangePointer, into memory: inout ByteWriter) {
    var writer = HeadWriter(memory, for: exchange.pointee.client)
    writeInterimFields(exchange, into: &writer)
    writer.end(for: exchange.pointee.client)
    memory = writer.lines
  }

  /// The same without the head's end.
  mutating func writeInterimFields(_ exchange: ExchangePointer, into writer: inout HeadWriter) {
    guard let peer = exchange.pointee.upstream else {
      preconditionFailure("writeInterimFields: the backend is gone")
    }
    let bytes = peer.pointee.inputBytes.span
    beginResponse(exchange, bytes, into: &writer)
    copyResponseFields(exchange, bytes, into: &writer)
    writeRequestIDField(exchange, into: &writer)
  }

  @inline(__always) private mutating func beginResponse(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout HeadWriter
  ) {
    // HTTP/2 has no reasons.
    if exchange.pointee.responseHead.reason.isEmpty {
      return writer.beginResponse(exchange.pointee.responseHead.status)
    }
    writer.beginResponse(
      exchange.pointee.responseHead.status,
      reason: bytes.extracting(exchange.pointee.responseHead.reason.offsets))
  }

  /// Copies the fields that pass end to end, and notes a request ID that differs.
  private mutating func copyResponseFields(
    _ exchange: ExchangePointer, _ bytes: Span<UInt8>, into writer: inout HeadWriter
  ) {
    listedLines.removeAll()
    if exchange.pointee.responseHead.connection.contains(.fieldNames) {
      listedLines.find(
        in: exchange.pointee.responseHead.fields, bytes,
        listedBy: exchange.pointee.responseHead.fields, bytes)
    }
    var run = FieldRun()
    var nameLengths = exchange.pointee.plan.pointee.responseRules.nameLengths
    if exchange.pointee.stages != nil { nameLengths |= ResponseStages.nameLengths }
    for index in 0..<exchange.pointee.responseHead.fields.count {
      let line = exchange.pointee.responseHead.fields[index]
      guard passes(line, bytes, exchange) else { continue }
      if listedLines.contains(index) { continue }
      if nameLengths &>> UInt32(truncatingIfNeeded: line.nameCount) & 1 != 0 {
        writer.flush(&run, of: bytes)
        if writesAnew(line, bytes, exchange, into: &writer.lines) { continue }
      }
      writer.pass(line, of: bytes, &run)
    }
    writer.flush(&run, of: bytes)
  }

  @inline(__always) private mutating func passes(
    _ line: FieldLine, _ bytes: Span<UInt8>, _ exchange: ExchangePointer
  ) -> Bool {
    switch line.known {
    case .connection, .http2Settings, .keepAlive, .proxyConnection, .te, .transferEncoding,
      .upgrade:
      return false
    case .contentLength: return keepsContentLength(exchange)
    case .accessControlExposeHeaders, .accessControlAllowHeaders:
      if mergesExposure(exchange, line.known) { return false }
    case .other: if isForWaybill(line, bytes, exchange) { return false }
    default: break
    }
    return !exchange.pointee.plan.pointee.withholdsFields || !isWithheld(line, bytes, exchange)
  }

  /// True for the backend's own request ID, in any spelling, and for what nginx obeys. An ID that
  /// differs is noted.
  @inline(never) private mutating func isForWaybill(
    _ line: FieldLine, _ bytes: Span<UInt8>, _ exchange: ExchangePointer
  ) -> Bool {
    let name = bytes.extracting(line.name.offsets)
    if line.nameCount &- 15 < 4, let field = controlField(name) {
      let value = bytes.extracting(line.value.offsets)
      if field == .limitRate { obeyRate(exchange, value) }
      if field == .buffering { obeyBuffering(exchange, value) }
      return !exchange.pointee.plan.pointee.responseRules.passed.contains(field)
    }
    // It answers a key that the client has not sent.
    if isExtendedConnect(exchange), WebSocketKey.isAnswer(name) { return true }
    let policy = exchange.pointee.plan.pointee.requestID
    guard policy.mode != .off && policy.isField(name) else { return false }
    if FieldNameMatch.equalIgnoringCase(name, policy.header.span) {
      noteUpstreamRequestID(exchange, bytes.extracting(line.value.offsets))
    }
    return true
  }

  /// Which of nginx's `X-Accel-` fields it is; nil for another one. The name has 15 to 18 bytes.
  @inline(never) private mutating func controlField(_ name: Span<UInt8>) -> ControlFields? {
    switch name.count {
    case 15:
      if FieldNameMatch.equalIgnoringCase(name, "X-Accel-Expires") { return .expires }
      return FieldNameMatch.equalIgnoringCase(name, "X-Accel-Charset") ? .charset : nil
    case 16: return FieldNameMatch.equalIgnoringCase(name, "X-Accel-Redirect") ? .redirect : nil
    case 17: return FieldNameMatch.equalIgnoringCase(name, "X-Accel-Buffering") ? .buffering : nil
    default:
      return FieldNameMatch.equalIgnoringCase(name, "X-Accel-Limit-Rate") ? .limitRate : nil
    }
  }

  /// True for a field that `proxy_hide_header` names, or that `add_header` puts another in the
  /// place of.
  @inline(never) mutating func isWithheld(
    _ line: FieldLine, _ bytes: Span<UInt8>, _ exchange: ExchangePointer
  ) -> Bool {
    let name = bytes.extracting(line.name.offsets)
    if !exchange.pointee.responseHead.isInterim,
      isReplaced(name, exchange, status: exchange.pointee.responseHead.status)
    {
      return true
    }
    let hidden = exchange.pointee.plan.pointee.hiddenFields
    for index in hidden.indices where hidden[index].count == name.count {
      if FieldNameMatch.equalIgnoringCase(hidden[index].span, name) { return true }
    }
    return false
  }

  /// Content-Length is written anew where content follows; without content (HEAD, 304) it is the
  /// backend's statement about another response, and passes.
  private mutating func keepsContentLength(_ exchange: ExchangePointer) -> Bool {
    let status = exchange.pointee.responseHead.status
    let isHead = exchange.pointee.head.method == .head
    guard isHead ? status >= 200 && status != 204 : status == 304 else { return false }
    // Nor does it hold for content that stages would change.
    guard let stages = exchange.pointee.stages else { return true }
    return !stages.pointee.decision.changesContent
  }

  @inline(never)
  private mutating func noteUpstreamRequestID(_ exchange: ExchangePointer, _ value: Span<UInt8>) {
    guard !exchange.pointee.record.requestID.equals(value) else { return }
    guard exchange.pointee.record.upstreamRequestID.isEmpty else { return }
    exchange.pointee.record.upstreamRequestID.assign(value)
  }

  /// The current time, where the backend has not said it (RFC 9110 section 6.6.1).
  mutating func writeDate(into writer: inout HeadWriter) {
    date.update(secondsSince1970: wall.microseconds / 1_000_000)
    writer.appendField("Date", date.text.span)
  }
}
