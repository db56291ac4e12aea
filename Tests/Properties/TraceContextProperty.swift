import Basics
import HTTP
import Policy

/// The fields of a trace: what is sent on is read back as the same, fits its limits, and holds
/// nothing that did not come. An input is a list of lines; the first byte of each says which field
/// the rest is the value of.
final class TraceContextProperty: Property {
  private let sent = Scratch()
  private let first = Scratch()
  private let second = Scratch()
  private var head = RequestHead()

  func check(_ input: Span<UInt8>) throws(Violation) {
    compose(input)
    guard parse(&head, sent.written.span, Self.limits) == .complete else { return }
    let bytes = sent.written.span
    let parent = TraceFields.parent(in: head, bytes)
    first.clear()
    TraceState.write(from: head, bytes, into: &first.writer)
    second.clear()
    TraceFields.writeBaggage(of: head, bytes, into: &second.writer)
    try expect(second.writer.count <= Limits.baggageBytes, "baggage fits its limit")
    try checkState()
    if let parent { try checkParent(parent) }
    _ = SamplingRule(parsing: input)
  }

  private static let limits = HeadLimits(
    maximumLineBytes: 32_768, maximumHeadBytes: 65_536, maximumFieldCount: 100)

  private func compose(_ input: Span<UInt8>) {
    sent.clear()
    sent.writer.append("GET / HTTP/1.1\r\nHost: a\r\n")
    var start = 0
    while start < input.count {
      var end = start
      while end < input.count, input[end] != 0x0A { end += 1 }
      if end > start {
        switch input[start] {
        case UInt8(ascii: "p"): sent.writer.append("traceparent: ")
        case UInt8(ascii: "P"): sent.writer.append("TraceParent: ")
        case UInt8(ascii: "b"): sent.writer.append("baggage: ")
        default: sent.writer.append("tracestate: ")
        }
        sent.writer.append(input.extracting((start + 1)..<end))
        sent.writer.append("\r\n")
      }
      start = end + 1
    }
    sent.writer.append("\r\n")
  }

  /// A context is written in 55 bytes that mean the same.
  private func checkParent(_ parent: TraceParent) throws(Violation) {
    second.clear()
    parent.write(into: &second.writer)
    let written = second.written.span
    try expect(written.count == TraceParent.byteCount, "a traceparent of version 00 has 55 bytes")
    try expect(TraceParent(parsing: written) == parent, "a traceparent is read as it was written")
    try expect(!parent.traceID.isZero && parent.spanID != 0, "no number is zero")
    try expect(parent.flags.isSubset(of: .known), "no unknown flag is kept")
  }

  /// A list is within its limits, and the same again when it is read back.
  private func checkState() throws(Violation) {
    let state = first.written.span
    try expect(state.count <= Limits.traceStateBytes, "a tracestate fits its limit")
    var members = state.isEmpty ? 0 : 1
    for index in state.indices {
      try expect(state[index] >= 0x20 && state[index] < 0x7F, "a tracestate is printable")
      if state[index] == UInt8(ascii: ",") { members += 1 }
    }
    try expect(members <= Limits.traceStateMembers, "a tracestate has at most 32 members")
    sent.clear()
    sent.writer.append("GET / HTTP/1.1\r\nHost: a\r\ntracestate: ")
    sent.writer.append(state)
    sent.writer.append("\r\n\r\n")
    try expect(
      parse(&head, sent.written.span, Self.limits) == .complete, "a tracestate is a field value")
    second.clear()
    TraceState.write(from: head, sent.written.span, into: &second.writer)
    try expect(isEqual(second.written.span, state), "a tracestate that was sent is read as it is")
  }
}
