// Errors of Waybill's own, as gRPC's clients understand them: the status of HTTP is 200, and
// `grpc-status` and `grpc-message` say what went wrong. The message names the request's ID.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// True for a request of gRPC's.
  @inline(never) mutating func isGRPC(_ exchange: ExchangePointer) -> Bool {
    guard exchange.pointee.client.pointee.isMultiplexed, exchange.pointee.record.hasRequestLine,
      let index = exchange.pointee.head.fields.firstIndex(of: .contentType)
    else { return false }
    let value = exchange.pointee.head.fields[index].value
    return GRPC.isContentType(exchange.pointee.headBytes.span.extracting(value.offsets))
  }

  /// Answers such a request with an error: a head with which the stream ends.
  mutating func respondGRPC(_ exchange: ExchangePointer, _ status: UInt16) {
    precondition(exchange.pointee.response == .none, "respondGRPC: a response has begun")
    precondition(exchange.pointee.upstream == nil, "respondGRPC: a backend is attached")
    prepareOwnResponse(exchange, 200)
    exchange.pointee.clientFraming = .none
    note(.ownResponse, exchange, Int(status))
    let client = exchange.pointee.client
    var writer = HeadWriter(ByteWriter(scratch), for: client)
    writer.beginResponse(200)
    if !isReplaced("Server", exchange, status: 200) { writer.appendField("Server", "waybill") }
    if !isReplaced("Date", exchange, status: 200) { writeDate(into: &writer) }
    writeRequestIDField(exchange, into: &writer)
    writer.appendField("Content-Type", "application/grpc")
    writeGRPCStatus(exchange, status, into: &writer)
    writeAddedFields(exchange, status: 200, into: &writer)
    writer.end(for: client)
    captureSentFields(exchange, writer)
    noteContentStart(exchange, headCount: writer.count)
    sendOwnResponse(exchange, writer.lines)
  }

  /// Ends a response that has begun and can't be completed with trailers that say so; false where
  /// the client would take what it has got for a whole message.
  mutating func endsAsGRPC(
    _ exchange: ExchangePointer, _ error: ErrorType, _ termination: Termination
  ) -> Bool {
    let client = exchange.pointee.client
    guard exchange.pointee.response == .content, !client.pointee.hasOutput,
      client.pointee.headCount == 0, !client.pointee.flags.contains(.failed),
      exchange.pointee.clientFraming == .chunked, isGRPC(exchange)
    else { return false }
    exchange.pointee.record.error = error
    exchange.pointee.record.termination = termination
    abandonTry(exchange)
    exchange.pointee.upstreamStage = .none
    exchange.pointee.requireClosure(.orderly)
    var writer = HeadWriter(ByteWriter(scratch), for: client)
    let status: UInt16 =
      switch error {
      case .httpResponseTimeout, .connectionTimeout: 504
      case .requestBodyTooLarge: 413
      default: 502
      }
    writeGRPCStatus(exchange, status, into: &writer)
    writer.end(for: client)
    exchange.pointee.response = .composed
    switch send(client, prefix: UnsafeRawBufferPointer(writer.lines.written)) {
    case .done: finishResponse(exchange)
    case .blocked:
      startWaiting(
        client, for: .clientSend, atMost: exchange.pointee.plan.pointee.clientSendTimeout)
    case .failed: clientLeft(exchange)
    }
    return true
  }

  private mutating func writeGRPCStatus(
    _ exchange: ExchangePointer, _ status: UInt16, into writer: inout HeadWriter
  ) {
    let code = GRPC.code(for: status, hasDeadline: hasDeadline(exchange))
    exchange.pointee.record.grpcStatus = code
    writer.appendField("grpc-status", decimal: UInt64(code))
    writer.beginField("grpc-message")
    let reason = StatusCode.reason(status)
    writer.lines.append(reason.utf8CodeUnitCount > 0 ? reason : "Error")
    if !exchange.pointee.record.requestID.isEmpty {
      // Neither has a character that would have to be percent-encoded.
      var requestID = RequestID()
      requestID.assign(exchange.pointee.record.requestID)
      writer.lines.append(", request ID ")
      writer.lines.append(requestID.span)
    }
    writer.endField()
  }

  /// True when the request says how long it may take.
  private mutating func hasDeadline(_ exchange: ExchangePointer) -> Bool {
    let bytes = exchange.pointee.headBytes.span
    for index in 0..<exchange.pointee.head.fields.count {
      let name = bytes.extracting(exchange.pointee.head.fields[index].name.offsets)
      if FieldNameMatch.equalIgnoringCase(name, "grpc-timeout") { return true }
    }
    return false
  }

  /// Notes what a response's head says of its call: it does if no content follows.
  @inline(never) mutating func noteGRPCStatus(
    _ exchange: ExchangePointer, ofHead bytes: Span<UInt8>
  ) {
    for index in 0..<exchange.pointee.responseHead.fields.count {
      let line = exchange.pointee.responseHead.fields[index]
      guard line.known == .other else { continue }
      noteGRPCStatus(
        exchange, bytes.extracting(line.name.offsets), bytes.extracting(line.value.offsets))
    }
  }

  /// Notes what a field of a response says of its call.
  mutating func noteGRPCStatus(
    _ exchange: ExchangePointer, _ name: Span<UInt8>, _ value: Span<UInt8>
  ) {
    guard name.count == 11, FieldNameMatch.equalIgnoringCase(name, "grpc-status"),
      let status = GRPC.status(value)
    else { return }
    exchange.pointee.record.grpcStatus = status
  }
}
