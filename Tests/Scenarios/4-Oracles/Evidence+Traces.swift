import Simulation

/// One request, one span in one trace, and one more for each of its tries.
extension Evidence {
  /// The line says of the trace what the contract makes of what the client sent.
  func judgeTrace(_ line: AccessLine, of request: PlannedRequest) -> [Violation] {
    guard line.wasDecided, !request.isMalformed else { return [] }
    let values = request.context.values
    guard request.location.isTraced else {
      return line["trace_id"] == nil ? [] : [wrong(request, "its location has no traces", line)]
    }
    guard let trace = line["trace_id"], let span = line["span_id"], trace.utf8.count == 32,
      span.utf8.count == 16
    else { return [wrong(request, "it has no trace", line)] }
    if request.continuesTrace,
      case .valid(let sentTrace, let sentSpan, let isSampled) = request.context
    {
      let isRight = trace == sentTrace && line["parent_id"] == sentSpan && span != sentSpan
      if !isRight || line["client_traceparent"] != nil {
        return [wrong(request, "it does not continue \(values)", line)]
      }
      let keepsFlag = request.location.sampling != "on"
      return keepsFlag && line.isSampled != isSampled
        ? [wrong(request, "it has another flag than \(values)", line)] : []
    }
    let isNew = line["parent_id"] == nil && !values.contains { $0.contains(trace) }
    let isKept = (line["client_traceparent"] ?? "") == values.joined(separator: ", ")
    return isNew && isKept ? [] : [wrong(request, "it continues \(values)", line)]
  }

  /// A backend is told the span of the try that it sees, or what the client sent.
  func judgeTrace(_ seen: SeenMessage, of request: PlannedRequest) -> [Violation] {
    let values = seen.values(of: "traceparent")
    guard request.location.injects else {
      return values == request.context.values
        ? [] : [Violation(.identity, "a backend saw \(values) of \(request.nonce)")]
    }
    guard let line = linesByNonce[request.nonce] else { return [] }
    let spans = line.tries.compactMap { $0["span_id"] } + [line["upstream_span_id"] ?? ""]
    let flags = line.isSampled ? ["01", "03"] : ["00", "02"]
    let expected = spans.flatMap { span in
      flags.map { "00-\(line["trace_id"] ?? "")-\(span)-\($0)" }
    }
    if values.count == 1, expected.contains(values[0]) { return [] }
    return [wrong(request, "a backend saw \(values)", line)]
  }

  /// No two tries have one span.
  func judgeSpans(_ lines: [AccessLine]) -> [Violation] {
    var seen: Set<String> = []
    return lines.compactMap { line in
      let tries = line.tries.compactMap { $0["span_id"] }
      let last = tries.isEmpty ? [line["upstream_span_id"]].compactMap(\.self) : []
      let spans = [line["span_id"]].compactMap(\.self) + tries + last
      let isNew = spans.allSatisfy { seen.insert($0).inserted }
      return isNew ? nil : Violation(.identity, "\(line.place) has a span that was used: \(spans)")
    }
  }

  private func wrong(
    _ request: PlannedRequest, _ what: String, _ line: AccessLine
  ) -> Violation {
    let keys = ["trace_id", "span_id", "parent_id", "upstream_span_id", "client_traceparent"]
    let facts = keys.compactMap { key in line[key].map { "\(key) \($0)" } }
    return Violation(.identity, "the trace of \(request.nonce): \(what), the line has \(facts)")
  }
}

extension PlannedRequest {
  /// The client's trace is continued.
  fileprivate var continuesTrace: Bool {
    guard location.context == .extract || location.context == .propagate else { return false }
    return location.trust == .all || location.trust == (isNamed ? .named : .sockets)
  }
}

extension LocationFacts {
  /// Its requests belong to traces.
  fileprivate var isTraced: Bool { context != .ignore || sampling != "off" }

  /// Its backends are told of them.
  fileprivate var injects: Bool { context == .inject || context == .propagate }
}
