import Basics
import HTTP
import Policy

/// What a line, a field or a text says of the trace that a request belongs to.
extension ExchangeRecord {
  /// The members of the JSON line: the request's span, that of its last try, and what came of the
  /// client and was not continued.
  mutating func writeJSONTrace(
    _ head: borrowing RequestHead, _ bytes: borrowing ExchangeBytes,
    into writer: inout ByteWriter
  ) {
    writer.append(",\"trace_id\":\"")
    trace.traceID.write(into: &writer)
    writer.append("\",\"span_id\":\"")
    SpanID.write(trace.spanID, into: &writer)
    if trace.parentID != 0 {
      writer.append("\",\"parent_id\":\"")
      SpanID.write(trace.parentID, into: &writer)
    }
    if trace.flags.contains(.sampled) {
      writer.append("\",\"sampled\":true")
    } else {
      writer.append("\",\"sampled\":false")
    }
    if tryCount > 0 {
      writer.append(",\"upstream_span_id\":\"")
      SpanID.write(trace.tryID(tryCount), into: &writer)
      writer.append("\"")
    }
    if !trace.isContinued { writeJSONClientParent(head, bytes, into: &writer) }
  }

  /// The span of a try, as a member behind another one.
  func writeJSONSpan(ofTry number: Int, into writer: inout ByteWriter) {
    writer.append(",\"span_id\":\"")
    SpanID.write(trace.tryID(number), into: &writer)
    writer.append("\"")
  }

  /// The client's `traceparent` when it was not continued, several lines joined.
  private func writeJSONClientParent(
    _ head: borrowing RequestHead, _ bytes: borrowing ExchangeBytes,
    into writer: inout ByteWriter
  ) {
    var received = InlineBytes<256>()
    TraceFields.collectLines(of: TraceFields.parent, in: head, bytes.head, into: &received)
    guard !received.isEmpty else { return }
    writer.append(",\"client_traceparent\":\"")
    writer.append(received.span, as: .json)
    writer.append("\"")
  }

  /// The variables of traces. False when there is no value.
  func writeTraceValue(_ variable: Variable, into writer: inout ByteWriter) -> Bool {
    if variable == .serverTiming { return writeServerTiming(into: &writer) }
    guard parts.contains(.trace) else { return false }
    let start = writer.count
    switch variable {
    case .traceID: trace.traceID.write(into: &writer)
    case .spanID: SpanID.write(trace.spanID, into: &writer)
    case .parentID: if trace.parentID != 0 { SpanID.write(trace.parentID, into: &writer) }
    case .parentIsSampled: writer.append(trace.parentIsSampled ? "1" : "0")
    default: preconditionFailure("writeTraceValue: not a value of a trace")
    }
    return writer.count > start || writer.overflowed
  }

  /// `Server-Timing`: what page scripts can read of a response.
  private func writeServerTiming(into writer: inout ByteWriter) -> Bool {
    let start = writer.count
    if !requestID.isEmpty {
      // No character of an ID has to be escaped.
      writer.append("request_id;desc=\"")
      writer.append(requestID.span)
      writer.append("\"")
    }
    if parts.contains(.trace) {
      writer.append(writer.count > start ? ", traceparent;desc=\"" : "traceparent;desc=\"")
      trace.context.write(into: &writer)
      writer.append("\"")
    }
    return writer.count > start || writer.overflowed
  }
}
