import Basics
import Engine
import HTTP
import Plan
import Platform
import Policy
import Scenarios
import Simulation
import Testing

/// The failed requests that a worker remembers.
struct FailureMemoryTests {
  private func remembered(_ bed: EngineBed) -> [AccessLine] {
    (bed.failures?.lines ?? []).compactMap { bytes in
      let text = String(decoding: bytes.dropLast(), as: UTF8.self)
      let line = AccessLine(text)
      if line == nil { Issue.record("no JSON: \(text)") }
      return line
    }
  }

  /// A malformed request is kept with its head and the place of the byte that is wrong.
  @Test(arguments: [
    ("GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n", 28, 3, 4),
    ("GET / HTTP/1.1\r\nCookie: s3cret\r\nHost: a\r\nB\u{1}: x\r\n\r\n", 42, 4, 2),
    ("GET /\u{7f} HTTP/1.1\r\nHost: a\r\n\r\n", 5, 1, 6),
  ])
  func malformedRequestsAreKept(head: String, offset: Int, line: Int, column: Int) throws {
    let bed = try EngineBed(isAsked: true)
    bed.client([.send(head), .awaitEnd])
    bed.finish(requests: 1)
    let kept = try #require(remembered(bed).first)
    #expect(kept.status == 400 && kept.termination == "client:request_head")
    #expect(kept["malformed"] == "request" && kept["reason"]?.isEmpty == false)
    #expect(kept["offset"] == "\(offset)" && kept["line"] == "\(line)")
    #expect(kept["column"] == "\(column)")
    #expect(kept["head"] == head.replacing("s3cret", with: "***"))
    #expect(kept.id == bed.ends.first?.id)
  }

  /// What is malformed behind the head is told by its offset in the request.
  @Test func malformedChunksAreKept() throws {
    let bed = try EngineBed(isAsked: true)
    bed.backend()
    let head = chunkedHead()
    bed.client([.send(head + "3\r\nabc\r\nxyz\r\n"), .awaitEnd])
    bed.finish(requests: 1)
    let kept = try #require(remembered(bed).first)
    let offset = try #require(kept["offset"].flatMap { Int($0) })
    #expect(offset >= head.utf8.count && offset <= head.utf8.count + 14)
    #expect(kept["line"] == nil && kept["malformed"] == "request")
  }

  /// A backend that answers garbage, one that refuses, and a client that leaves: all are kept, and
  /// what went well is not.
  @Test func otherFailuresAreKept() throws {
    let bed = try EngineBed(
      """
      location /bad { proxy_pass http://10.0.0.1:8000; }
      location /none { proxy_pass http://10.0.0.9:8000; }
      location /fine { return 404; }
      """, isAsked: true)
    bed.backend(.performing([.send("HTTP/1.1 2x0 OK\r\n\r\n"), .awaitEnd]))
    bed.client([.send(get("/bad")), .awaitResponse])
    bed.client(after: .seconds(1), [.send(get("/none")), .awaitResponse])
    bed.client(after: .seconds(2), [.send(get("/fine")), .awaitResponse])
    bed.client(
      after: .seconds(3), [.send("GET /left HTTP/1.1\r\n"), .pause(.milliseconds(9)), .reset])
    bed.finish(requests: 4)
    let kept = remembered(bed)
    #expect(kept.map { $0["uri"] } == ["/bad", "/none", "/left"])
    #expect(kept.map(\.status) == [502, 502, 499])
    #expect(kept[0]["malformed"] == "response" && kept[0]["history"]?.contains("at byte ") == true)
    #expect(kept[1].error == bed.ends[1].error && !kept[1].error.isEmpty)
  }

  /// The memory is fixed: the last ones are kept. Long heads are cut, whatever their bytes.
  @Test func theMemoryIsFixed() throws {
    let bed = try EngineBed(isAsked: true)
    let count = Limits.keptFailures + 9
    for index in 0..<count {
      let value = String(repeating: "\u{1}", count: 7000)
      bed.client(
        after: .milliseconds(UInt64(index)),
        [.send("GET /\(index) HTTP/1.1\r\nHost: a\r\nX: \(value)\r\n\r\n"), .awaitEnd])
    }
    bed.finish(requests: count)
    let kept = remembered(bed)
    #expect(kept.count == Limits.keptFailures && kept.last?["uri"] == "/\(count - 1)")
    let memory = try #require(bed.failures)
    #expect(memory.lines.allSatisfy { $0.count <= Limits.failureBytes && $0.last == 0x0A })
    #expect(kept.allSatisfy { ($0["head"]?.utf8.count ?? 0) <= Limits.shownHeadBytes })
  }
}
