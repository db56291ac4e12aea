import Basics
import PlainStages
import Simulation

/// A connection of a client of HTTP/2, whatever it and its backend do: nothing is left over, each
/// request has one line, each response is that of its request, and others are served meanwhile.
final class HTTP2Property: Property {
  func check(_ input: Span<UInt8>) throws(Violation) {
    let confs = ConnectionRun.http2Confs
    guard let script = HTTP2Script(input, variants: confs.count) else { return }
    let run = ConnectionRun(confs[script.variant], script)
    try run.play(turns: 400_000)
    try HTTP2Judgement(run, script).judge()
  }
}

/// What came of a run with clients of HTTP/2.
private struct HTTP2Judgement {
  private let run: ConnectionRun
  private let script: HTTP2Script
  /// All that the client sent.
  private let asked: FrameWalk
  /// What it received.
  private let answered: FrameWalk
  private var lines: [StrictJSON] = []
  private var honestLines: [StrictJSON] = []
  /// The connection was ended because of what the client did, whether it could be told or not.
  private let isBroken: Bool

  init(_ run: ConnectionRun, _ script: HTTP2Script) throws(Violation) {
    self.run = run
    self.script = script
    asked = FrameWalk(script.bytes, from: WireFrame.preface.count)
    answered = FrameWalk(run.received)
    let end = "its client breaks the protocol"
    isBroken = run.world.logs.lines(of: "/error").contains { $0.contains(end) }
    for line in run.lines(of: "/log") {
      guard let line else { throw Violation(rule: "each line is JSON") }
      guard line["event"] == nil else { continue }
      if line["client"]?.text == ConnectionRun.honestName {
        honestLines.append(line)
      } else {
        lines.append(line)
      }
    }
  }

  func judge() throws(Violation) {
    try expect(
      run.world.logs.lines(of: "/combined").count == lines.count + honestLines.count,
      "each log has each line")
    try judgeHonest()
    guard script.bytes.starts(with: WireFrame.preface) else { return }
    try judgeLines()
    try expect(!answered.isMalformed, "the client gets well-formed frames only")
    for (number, stream) in answered.streams { try judge(stream, number) }
    for line in lines { try judgeEnd(line) }
    try judgeBackend()
  }

  // MARK: The honest client

  private func judgeHonest() throws(Violation) {
    guard let honest = run.honest else { return }
    // A client with many streams may have taken all places for now.
    let isAlone = script.honestDelay > .seconds(60)
    guard isAlone || asked.begun.count < 12 else { return }
    let walk = FrameWalk(run.world.record(of: honest).received)
    guard let stream = walk.streams[1], let head = stream.sections.first else {
      throw Violation(rule: "an honest client is answered")
    }
    let status = head.first { $0.name == ":status" }?.value
    try expect(status == "200" && stream.hasEnded, "an honest client is served")
    let content = String(decoding: stream.content, as: UTF8.self)
    try expect(content == "static /static/honest", "an honest client gets its content")
    try expect(honestLines.count == 1, "an honest client's request has one line")
  }

  // MARK: Lines

  private func judgeLines() throws(Violation) {
    var seen: Set<UInt32> = []
    for line in lines {
      let number = stream(of: line)
      try expect(seen.insert(number).inserted, "each stream has one line")
      try expect(asked.begun.contains(number), "no line is without a stream")
      try expect(line["request_id"]?.text?.isEmpty == false, "each line has an ID")
      let path = asked.streams[number]?.sections.first?.first { $0.name == ":path" }?.value
      if let uri = line["uri"]?.text { try expect(uri == path, "a line has its stream's path") }
    }
    // One that has left, or was sent away, may have asked for what nobody has read.
    guard run.clientSawEnd, !isBroken else { return }
    let record = run.world.record(of: run.client)
    let taken = FrameWalk(
      Array(script.bytes.prefix(record.takenCount)), from: WireFrame.preface.count)
    guard !taken.isMalformed else { return }
    for number in taken.begun where number % 2 == 1 {
      guard taken.streams[number]?.sections.isEmpty == false,
        number <= answered.goAway?.last ?? .max, answered.streams[number]?.reset != 7
      else { continue }
      try expect(seen.contains(number), "each stream with a head has a line")
    }
  }

  private func stream(of line: StrictJSON) -> UInt32 {
    line["stream"]?.text.flatMap { UInt32($0) } ?? 0
  }

  private func number(_ line: StrictJSON, _ key: String) -> Int {
    line[key]?.text.flatMap { Int($0) } ?? -1
  }

  /// A line that tells of nothing unusual is of a response that has come whole.
  private func judgeEnd(_ line: StrictJSON) throws(Violation) {
    let number = stream(of: line)
    guard line["termination"] == nil, run.clientSawEnd, !script.program.leaves,
      script.hasOpenWindows,
      !isBroken, asked.streams[number]?.reset == nil
    else { return }
    try expect(
      answered.streams[number]?.hasEnded == true, "a response that is not cut short is complete")
  }

  // MARK: Responses

  private func judge(_ stream: WalkedStream, _ number: UInt32) throws(Violation) {
    try expect(!stream.isDisorderly, "nothing follows an end, or comes before a head")
    try expect(asked.begun.contains(number), "no stream is answered that has not begun")
    var sections = stream.sections[...]
    while let status = status(sections.first), (100..<200).contains(status) {
      sections = sections.dropFirst()
    }
    guard let head = sections.first else {
      try expect(stream.content.isEmpty && !stream.hasEnded, "a response has a head")
      return
    }
    guard let status = status(head) else { throw Violation(rule: "a head has a status") }
    try expect(
      sections.dropFirst().allSatisfy { self.status($0) == nil } && sections.count <= 2,
      "only trailers follow a head")
    try expect(
      sections.count == 1 || stream.hasEnded || stream.reset != nil, "nothing follows trailers")
    guard let line = lines.first(where: { self.stream(of: $0) == number }) else {
      throw Violation(rule: "a response has a line")
    }
    let ids = head.filter { $0.name == "x-request-id" }.map(\.value)
    try expect(ids == [line["request_id"]?.text ?? ""], "a response has its request's ID once")
    try judgeContent(stream, head, status, line)
  }

  private func status(_ section: [(name: String, value: String)]?) -> Int? {
    section?.first { $0.name == ":status" }.flatMap { Int($0.value) }
  }

  private func judgeContent(
    _ stream: WalkedStream, _ head: [(name: String, value: String)], _ status: Int,
    _ line: StrictJSON
  ) throws(Violation) {
    let isCut = line["termination"] != nil
    if stream.hasEnded && !isCut {
      try expect(number(line, "status") == status, "the line has the status")
      try expect(
        number(line, "bytes_out") == stream.content.count, "the line has the content's bytes")
    }
    guard line["method"]?.text != "HEAD", let path = line["uri"]?.text,
      let expected = expected(path, status, line)
    else { return }
    var content = stream.content
    var isWhole = stream.hasEnded
    if head.contains(where: { $0.name == "content-encoding" && $0.value == "gzip" }) {
      guard let unpacked = PlainUnpacking.gzip(content) else {
        throw Violation(rule: "what is packed can be unpacked")
      }
      try expect(!stream.hasEnded || unpacked.isWhole, "packed content that ends is whole")
      content = unpacked.content
      isWhole = unpacked.isWhole
    }
    try expect(expected.starts(with: content), "content is a beginning of the backend's")
    try expect(!isWhole || content == expected, "content that ends is the backend's")
    let kind = AnswerKind(path: path)
    let isBroken = (kind == .cut || kind == .reset) && !path.hasPrefix("/static/")
    try expect(!isBroken || !stream.hasEnded, "a response that its backend cut does not end")
  }

  /// What content must be; nil for that of an error.
  private func expected(_ path: String, _ status: Int, _ line: StrictJSON) -> [UInt8]? {
    if path.hasPrefix("/static/") { return status == 200 ? Array("static \(path)".utf8) : nil }
    guard let kind = AnswerKind(path: path), kind.status == status,
      number(line, "upstream_status") == status
    else { return nil }
    if status == 204 || status == 304 { return [] }
    let content = AnswerKind.content(for: path)
    guard path.hasPrefix("/swapped/") || path.hasPrefix("/both/") else { return content }
    let pair = ConnectionRun.replaced
    return PlainSubstitution([(Array(pair.0.utf8), Array(pair.1.utf8))], replacesOnce: false)
      .result(content)
  }

  // MARK: The backend's side

  /// Each request is one of the client's, has its ID, and no content but what came for it.
  private func judgeBackend() throws(Violation) {
    for record in run.world.connections(of: run.backend) {
      for message in record.messages + (record.partialMessage.map { [$0] } ?? []) {
        // A head that has not come whole.
        guard let id = message.value(of: "x-request-id") else { continue }
        try expect(message.values(of: "x-request-id").count == 1, "the backend gets one ID")
        let isSubrequest = message.target == "/allow" || message.target == "/copy"
        let path = isSubrequest ? message.value(of: "x-path") : message.target
        guard let path, let line = lines.first(where: { $0["request_id"]?.text == id }) else {
          if isSubrequest && !message.isComplete { continue }
          throw Violation(rule: "the backend's ID is in the log")
        }
        try expect(line["uri"]?.text == path, "the backend gets its request's ID")
        guard message.target != "/allow" else { continue }
        let sent = asked.streams[stream(of: line)] ?? WalkedStream()
        try expect(
          sent.content.starts(with: message.content), "the backend gets the stream's content")
        guard message.isComplete else { continue }
        try expect(
          sent.hasEnded && sent.content == message.content,
          "a request that ends is whole")
      }
    }
  }
}
