import Basics
import HTTP
import Plan
import Policy
import Simulation

/// A connection of a client, whatever it and its backend send: nothing is left over, each request
/// has one line, and its ID is on every response and on every request that the backend sees. The
/// backend sees well-formed requests only.
final class ConnectionProperty: Property {
  private var request = RequestHead()
  private var response = ResponseHead()

  func check(_ input: Span<UInt8>) throws(Violation) {
    let confs = ConnectionRun.confs
    guard let script = ConnectionScript(input, variants: confs.count) else { return }
    try check(ConnectionRun(confs[script.variant], script), script)
  }

  /// Plays a run and judges what came of it, whatever carries its bytes.
  func check(_ run: ConnectionRun, _ script: ConnectionScript) throws(Violation) {
    try run.play()
    let lines = try endLines(run)
    try expect(
      run.world.logs.lines(of: "/combined").count == lines.count,
      "each log has each line")
    try expect(
      lines.count <= countRequests(script.requestBytes), "no line is without a request")
    try expect(
      lines.isEmpty == script.requestBytes.isEmpty, "a request has a line")
    try checkLogs(run)
    try checkResponses(run, lines)
    for bytes in run.asked { try checkRequests(bytes, lines) }
  }

  // MARK: Lines

  /// The lines of ended exchanges, in the order of their requests.
  private func endLines(_ run: ConnectionRun) throws(Violation) -> [StrictJSON] {
    var ends: [StrictJSON] = []
    for line in run.lines(of: "/log") {
      guard let line else { throw Violation(rule: "each line is JSON") }
      if line["event"] == nil { ends.append(line) }
    }
    ends.sort { number($0, "connection_request") < number($1, "connection_request") }
    for (index, line) in ends.enumerated() {
      try expect(number(line, "connection_request") == index + 1, "each request has one line")
      try expect(line["request_id"]?.text?.isEmpty == false, "each line has an ID")
    }
    return ends
  }

  private func checkLogs(_ run: ConnectionRun) throws(Violation) {
    for path in ["/combined", "/error"] {
      for line in run.world.logs.lines(of: path) {
        for byte in line.utf8 {
          try expect(byte >= 0x20 && byte < 0x7F, "a line of text is printable ASCII")
        }
      }
    }
  }

  private func number(_ line: StrictJSON, _ key: String) -> Int {
    line[key]?.text.flatMap { Int($0) } ?? -1
  }

  // MARK: The client's side

  /// The n-th final response is that of the n-th line, and has its ID.
  private func checkResponses(_ run: ConnectionRun, _ lines: [StrictJSON]) throws(Violation) {
    let bytes = run.received
    var position = 0
    var answered = 0
    while position < bytes.count {
      try expect(answered < lines.count, "no response is without a request")
      let line = lines[answered]
      let rest = Array(bytes[position...])
      response.reset()
      guard let isComplete = try? response.parse(rest.span, limits: wideLimits) else {
        throw Violation(rule: "the client gets well-formed responses only")
      }
      guard isComplete else {
        try expect(isCut(line) || !run.clientSawEnd, "a response that has begun is ended")
        break
      }
      let ids = values(of: "X-Request-ID", in: response.fields, rest)
      // Waybill's own 100, for content that it reads whole first, is a bare line as nginx's is.
      let isBare = response.status == 100 && response.fields.count == 0
      try expect(
        isBare || ids == [line["request_id"]?.text ?? ""], "a response has its request's ID once")
      position += response.byteCount
      if response.isInterim { continue }
      let status = Int(response.status)
      answered += 1
      if status == 101 { break }
      position += try checkContent(rest, line, run)
    }
    try expect(
      lines.count - answered <= 1, "each request but the last has its response")
    if answered < lines.count {
      let isExcused = isCut(lines[answered]) || !run.clientSawEnd
      try expect(isExcused, "a request without a response was cut short")
    }
  }

  /// The content is what the line says; returns its bytes on the wire.
  private func checkContent(
    _ bytes: [UInt8], _ line: StrictJSON, _ run: ConnectionRun
  ) throws(Violation) -> Int {
    let method: Method = line["method"]?.text == "HEAD" ? .head : .get
    let content = WalkedContent(
      response.framing(for: method), bytes, from: response.byteCount)
    try expect(!content.isMalformed, "the client gets well-formed content only")
    if isCut(line) || !run.clientSawEnd { return content.byteCount }
    try expect(content.isComplete, "a response that is not cut short is complete")
    try expect(number(line, "status") == Int(response.status), "the line has the status")
    try expect(
      number(line, "bytes_out") == content.contentCount, "the line has the content's bytes")
    return content.byteCount
  }

  private func isCut(_ line: StrictJSON) -> Bool { line["termination"] != nil }

  // MARK: The backend's side

  /// Each request is well-formed and has the ID of one line, in one field and in no twin of it.
  private func checkRequests(_ bytes: [UInt8], _ lines: [StrictJSON]) throws(Violation) {
    var position = 0
    while position < bytes.count {
      let rest = Array(bytes[position...])
      request.reset()
      guard let isComplete = try? request.parse(rest.span, limits: wideLimits) else {
        throw Violation(rule: "the backend gets well-formed requests only")
      }
      guard isComplete else { return }
      try expect(request.version == .http11, "the backend gets HTTP/1.1")
      let ids = values(of: "X-Request-ID", in: request.fields, rest)
      try expect(ids.count == 1, "the backend gets one ID")
      try expect(
        lines.contains { $0["request_id"]?.text == ids[0] }, "the backend's ID is in the log")
      try checkTwins(rest)
      if request.requestsUpgrade { return }
      let content = WalkedContent(request.framing, rest, from: request.byteCount)
      try expect(!content.isMalformed, "the backend gets well-formed content only")
      guard content.isComplete else { return }
      position += request.byteCount + content.byteCount
    }
  }

  /// No field name folds into that of the ID, or into one that the proxy answers for.
  private func checkTwins(_ bytes: [UInt8]) throws(Violation) {
    let name = Array("X-Request-ID".utf8)
    var alike = 0
    for index in 0..<request.fields.count {
      let other = bytes.span.extracting(request.fields[index].name.offsets)
      alike += FieldNameMatch.foldsAlike(other, name.span) ? 1 : 0
      try expect(!ControlledField.isTwin(other), "the backend gets no twin of a proxy's field")
    }
    try expect(alike == 1, "the backend gets no twin of the ID")
  }
}
