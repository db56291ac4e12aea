/// What every access log must be, whatever happened.
public enum LineOracle {
  private static let order = [
    "time", "level", "event", "request_id", "id_source", "client_request_id",
    "upstream_request_id", "client", "connection", "connection_request", "stream", "method",
    "scheme", "host", "uri", "protocol", "tls_version", "tls_cipher", "sni", "tls_resumed",
    "status", "grpc_status", "bytes_in", "bytes_out", "duration", "upstream",
    "upstream_status", "upstream_connect", "upstream_first_byte", "upstream_duration", "tries",
    "auth_status", "auth_upstream", "auth_duration", "trace_id", "span_id", "parent_id",
    "sampled", "upstream_span_id", "client_traceparent", "termination", "error", "user_agent",
    "referer",
  ]
  private static let places = Dictionary(
    uniqueKeysWithValues: order.enumerated().map { ($0.element, $0.offset) })

  /// Judges the lines of ended exchanges. `needsID` is false where requests may have none.
  public static func judge(_ lines: [AccessLine], needsID: Bool = true) -> [Violation] {
    lines.flatMap { judgeShape($0, needsID: needsID) } + judgePlaces(lines)
  }

  /// The keys stand in the order that the contract gives, none that is due is absent, and the level
  /// fits.
  private static func judgeShape(_ line: AccessLine, needsID: Bool) -> [Violation] {
    var found: [Violation] = []
    let keys = line.keys.map { places[$0] ?? -1 }
    if keys.contains(-1) || zip(keys, keys.dropFirst()).contains(where: { $0 >= $1 }) {
      found.append(Violation(.lines, "keys out of order: \(line.keys)"))
    }
    for key in ["time", "level", "request_id", "client", "status", "bytes_in", "bytes_out"]
    where line[key] == nil && (needsID || key != "request_id") {
      found.append(Violation(.lines, "no \(key) in \(line.keys)"))
    }
    let expected = line.status >= 499 ? "ERROR" : line.status >= 400 ? "WARN" : "INFO"
    let isCut = !line.termination.isEmpty && line["level"] == "ERROR"
    if line["level"] != expected && !isCut {
      found.append(Violation(.lines, "level \(line["level"] ?? "") for status \(line.status)"))
    }
    return found
  }

  /// Each request of each connection has exactly one line, and none is skipped.
  private static func judgePlaces(_ lines: [AccessLine]) -> [Violation] {
    Dictionary(grouping: lines) { $0["connection"] ?? "" }.compactMap { connection, group in
      let numbers = group.compactMap { $0["connection_request"].flatMap { Int($0) } }
      guard numbers.sorted() != Array(1...group.count) else { return nil }
      return Violation(.lines, "connection \(connection) has lines of requests \(numbers.sorted())")
    }
  }

  /// Every request ID of the error log has an access line.
  public static func judge(errorLog: [String], against lines: [AccessLine]) -> [Violation] {
    let known = Set(lines.map(\.id))
    return errorLog.compactMap { line in
      guard let start = line.firstRange(of: "[req-"),
        let end = line[start.upperBound...].firstIndex(of: "]")
      else { return nil }
      let id = String(line[start.upperBound..<end])
      return known.contains(id) ? nil : Violation(.lines, "no access line for: \(line)")
    }
  }
}
