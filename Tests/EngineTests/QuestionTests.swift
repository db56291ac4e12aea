import Basics
import Engine
import HTTP
import Plan
import Platform
import Policy
import Scenarios
import Simulation
import Testing

/// What a worker answers when it is asked about its requests, and that asking changes nothing.
struct QuestionTests {
  private func ask(_ bed: EngineBed, _ question: WorkerQuestion) throws -> WorkerAnswer {
    let desk = try #require(bed.desk)
    #expect(desk.ask(question))
    bed.world.post(.answer)
    bed.run(for: .milliseconds(1))
    return try #require(desk.answer(withinMilliseconds: 0))
  }

  private func lines(_ answer: WorkerAnswer) -> [AccessLine] {
    answer.lines.split(separator: UInt8(ascii: "\n")).compactMap { bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      let line = AccessLine(text)
      if line == nil { Issue.record("no JSON: \(text)") }
      return line
    }
  }

  /// A bed with a request in each phase, the oldest first.
  private func busyBed() throws -> EngineBed {
    let bed = try EngineBed(isAsked: true)
    var behaviour = BackendBehaviour()
    behaviour.onHead = { request in
      switch request.message.target {
      case "/begun": [.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), .awaitEnd]
      case "/tunnel":
        [.send("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), .awaitEnd]
      default: [.awaitEnd]
      }
    }
    bed.backend(behaviour)
    let actions: [[PeerAction]] = [
      [.send("GET /head HTTP/1.1\r\nCookie: s3cret"), .awaitEnd],
      [.send(get("/silent", "X-Request-ID: id-of-silent\r\nCookie: s3cret\r\n")), .awaitEnd],
      [.send(get("/begun")), .awaitEnd],
      [.send(post("", "/body").replacing("Length: 0", with: "Length: 9") + "four"), .awaitEnd],
      [.send(get("/tunnel", "Connection: upgrade\r\nUpgrade: x\r\n")), .awaitEnd],
    ]
    for (index, action) in actions.enumerated() {
      bed.client(after: .milliseconds(UInt64(index) * 100), action)
    }
    bed.client([.awaitEnd])
    bed.run(for: .seconds(2))
    return bed
  }

  /// All requests under way, the oldest first, each with its phase; idle clients are none.
  @Test func allRequestsAreListed() throws {
    let bed = try busyBed()
    let answer = try ask(bed, .requests(id: []))
    let found = lines(answer)
    #expect(answer.count == 5 && answer.omitted == 0)
    #expect(found.map { $0["uri"] } == ["/head", "/silent", "/begun", "/body", "/tunnel"])
    let phases = ["request_head", "response_head", "response_body", "request_body", "tunnel"]
    #expect(found.map { $0["phase"] } == phases)
    #expect(
      found.map { $0["timeout"] }.prefix(2) == ["client_header_timeout", "proxy_read_timeout"])
    #expect(found[0].seconds > 1.9 && found[2].bytesOut == 3 && found[3].bytesIn == 4)
    #expect(found[1]["upstream"] == "10.0.0.1:8000" && found[1].id == "id-of-silent")
    #expect(found.allSatisfy { $0["head"] == nil })
    bed.end(.stop)
    bed.checkLog(requests: 5)
  }

  /// Being asked leaves the log lines as they would be without.
  @Test func askingChangesNothing() throws {
    let bed = try EngineBed(isAsked: true)
    bed.backend(.performing([.pause(.seconds(2)), .send(ok("late"))]))
    let client = bed.client([.send(get()), .awaitResponse])
    bed.run(for: .seconds(1))
    for _ in 0..<3 { #expect(try ask(bed, .requests(id: [])).count == 1) }
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.text) == ["late"])
    #expect(bed.ends.first?.termination == "" && bed.ends.first?.status == 200)
    #expect(bed.ends.first.map { $0.seconds > 1.9 } == true)
  }

  /// The first characters of an ID choose, and what is chosen is told in detail, without secrets.
  @Test func oneRequestIsToldInDetail() throws {
    let bed = try busyBed()
    let found = lines(try ask(bed, .requests(id: Array("id-of".utf8))))
    #expect(found.count == 1)
    let line = try #require(found.first)
    #expect(line["head"]?.contains("GET /silent HTTP/1.1\r\nHost: a\r\n") == true)
    #expect(line["head"]?.contains("Cookie: ***\r\n") == true)
    #expect(line["history"]?.contains("try 1: connecting to 10.0.0.1:8000") == true)
    #expect(try ask(bed, .requests(id: Array("no-such".utf8))).count == 0)
    bed.end(.stop)
    bed.checkLog(requests: 5)
  }

  /// Whatever phase a request is in, it can be ended: the client sees it, its line says so, and all
  /// other requests go on.
  @Test func everyPhaseCanBeAborted() throws {
    for target in ["/head", "/silent", "/begun", "/body", "/tunnel"] {
      let bed = try busyBed()
      let before = lines(try ask(bed, .requests(id: [])))
      let line = try #require(before.first { $0["uri"] == target })
      let question = WorkerQuestion.abort(
        connection: UInt64(line["connection"] ?? "") ?? 0, request: 1)
      #expect(try ask(bed, question).count == 1)
      #expect(try ask(bed, question).count == 0)
      let after = lines(try ask(bed, .requests(id: [])))
      #expect(after.map { $0["uri"] } == before.map { $0["uri"] }.filter { $0 != target })
      let end = try #require(bed.ends.first)
      #expect(end.termination == "operator:\(line["phase"] ?? "")")
      #expect(end.error == "connection_terminated" && end["uri"] == target)
      let hasResponse = ["/begun", "/tunnel"].contains(target)
      #expect(end.status == (hasResponse ? (target == "/begun" ? 200 : 101) : 503))
      bed.end(.stop)
      bed.checkLog(requests: 5)
    }
  }

  /// A number that names no request under way ends none.
  @Test func whatIsOverCannotBeAborted() throws {
    let bed = try EngineBed(isAsked: true)
    bed.backend()
    bed.client([.send(get()), .awaitResponse, .pause(.seconds(9))])
    bed.run(for: .seconds(1))
    #expect(try ask(bed, .abort(connection: 1, request: 1)).count == 0)
    #expect(try ask(bed, .abort(connection: 9, request: 1)).count == 0)
    bed.finish(requests: 1)
  }

  /// Of too many requests the oldest are listed and the others counted.
  @Test func longListsAreCut() throws {
    let bed = try EngineBed(top: "worker_connections 3000;", isAsked: true)
    let count = Limits.listedRequests + 5
    for index in 0..<count {
      bed.client(
        after: .milliseconds(UInt64(index)), [.send("GET /\(index) HTTP/1.1\r\n"), .awaitEnd])
    }
    bed.run(for: .seconds(3))
    let answer = try ask(bed, .requests(id: []))
    #expect(answer.count == Limits.listedRequests && answer.omitted == 5)
    #expect(lines(answer).last?["uri"] == "/\(Limits.listedRequests - 1)")
    bed.end(.stop)
    bed.checkLog(requests: count)
  }
}
