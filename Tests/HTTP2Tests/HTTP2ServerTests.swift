import CNghttp2
import Testing

@testable import HTTP2

@Suite struct HTTP2ServerTests {
  private func text(
    _ fields: [(String, String)]
  ) throws(HTTP2HeadProblem) -> String {
    var place = HeadPlace()
    var arena = HeadArena()
    for (name, value) in fields {
      Array(name.utf8).withUnsafeBytes { name in
        Array(value.utf8).withUnsafeBytes { value in arena.append(name, value) }
      }
    }
    place.count = arena.count
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 1)
    defer { memory.deallocate() }
    var composer = HeadComposer(memory)
    let count = try composer.compose(place, of: arena)
    return String(decoding: memory[..<count], as: UTF8.self)
  }

  @Test func aHeadIsComposedAsHTTP1HasIt() throws {
    let head = try text(
      HTTP2Bed.get("/a?b", [("accept", "x"), ("cookie", "a=1"), ("x", ""), ("cookie", "b=2")]))
    #expect(
      head == "GET /a?b HTTP/1.1\r\nhost: a.example\r\naccept: x\r\nx: \r\ncookie: a=1; b=2\r\n\r\n"
    )
  }

  @Test func hostStandsForAMissingAuthority() throws {
    let fields = [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "b.example")]
    #expect(try text(fields) == "GET / HTTP/1.1\r\nhost: b.example\r\n\r\n")
    #expect(
      try text([(":method", "CONNECT"), (":authority", "c:1")])
        == "CONNECT c:1 HTTP/1.1\r\nhost: c:1\r\n\r\n")
  }

  /// RFC 8441: a key is made for the backend, the client's own would say something else.
  @Test func anExtendedConnectBecomesAnUpgrade() throws {
    let fields = [
      (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/chat"),
      (":authority", "a.example"), ("sec-websocket-version", "13"), ("sec-websocket-key", "k"),
    ]
    #expect(
      try text(fields)
        == "GET /chat HTTP/1.1\r\nhost: a.example\r\nconnection: upgrade\r\n"
        + "upgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n")
    #expect(try text(HTTP2Bed.get("/", [("sec-websocket-key", "k")])).contains("key: k"))
  }

  @Test func whatHTTP1CouldReadOtherwiseIsNotComposed() {
    #expect(throws: HTTP2HeadProblem.hostDiffers) {
      try text(HTTP2Bed.get("/", [("host", "b.example")]))
    }
    #expect(throws: HTTP2HeadProblem.unknownScheme) {
      try text([(":method", "GET"), (":scheme", "ftp"), (":path", "/"), (":authority", "a")])
    }
    #expect(throws: HTTP2HeadProblem.tooLarge) {
      try text(HTTP2Bed.get("/", [("x", String(repeating: "y", count: 5_000))]))
    }
  }

  @Test func aRequestAndItsResponse() {
    let bed = HTTP2Bed()
    let number = bed.ask(HTTP2Bed.get("/"))
    guard case .head(number, ends: true)? = bed.events.first else {
      Issue.record("no head: \(bed.events)")
      return
    }
    bed.respond(number, [(":status", "103"), ("link", "x")], ends: false)
    bed.respond(number, [(":status", "200"), ("X-Capital", "v")], ends: false)
    #expect(bed.send(number, Array("abc".utf8), ends: false) == 3)
    #expect(bed.send(number, [], ends: true) == 0)
    bed.server.release(number)
    bed.carry()
    let answer = bed.answer(number)
    #expect(answer.fields == [":status=103", "link=x", ":status=200", "x-capital=v"])
    #expect(answer.body == Array("abc".utf8) && answer.hasEnded && answer.reset == nil)
    #expect(bed.server.firstStream == nil)
  }

  @Test(arguments: [[], Array("content".utf8)])
  func trailersEndAResponse(content: [UInt8]) {
    let bed = HTTP2Bed()
    let number = bed.ask(HTTP2Bed.get("/"))
    bed.respond(number, [(":status", "200")], ends: false)
    #expect(bed.send(number, content, ends: false) == content.count)
    bed.respond(number, [("x-sum", "1")], ends: true)
    bed.server.release(number)
    bed.carry()
    #expect(bed.answer(number).fields == [":status=200", "x-sum=1"])
    #expect(bed.answer(number).body == content && bed.answer(number).hasEnded)
    #expect(bed.server.firstStream == nil)
  }

  @Test func contentWaitsForTheClientsWindow() {
    let bed = HTTP2Bed(window: 10)
    let number = bed.ask(HTTP2Bed.get("/"))
    bed.respond(number, [(":status", "200")], ends: false)
    let content = Array(UInt8(0)..<25)
    var taken = bed.send(number, content, ends: true)
    #expect(taken == 10 && !bed.server.maySend(number))
    bed.carry()
    bed.widen(number, by: 5)
    #expect(bed.server.maySend(number))
    taken += bed.send(number, Array(content[taken...]), ends: true)
    #expect(taken == 15)
    bed.carry()
    bed.widen(number, by: 100)
    taken += bed.send(number, Array(content[taken...]), ends: true)
    bed.server.release(number)
    bed.carry()
    #expect(taken == 25 && bed.answer(number).body == content && bed.answer(number).hasEnded)
  }

  @Test func aClientSendsAsMuchAsItHasCreditFor() {
    let bed = HTTP2Bed()
    let content = [UInt8](repeating: 7, count: 100_000)
    let number = bed.ask(
      [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")],
      content: content)
    #expect(bed.content[number]?.count == 65_535)
    bed.server.giveCredit(number, 65_535)
    bed.carry()
    #expect(bed.content[number] == content)
    guard case .content(number, _, ends: true)? = bed.events.last else {
      Issue.record("no end: \(bed.events.count) events")
      return
    }
    bed.server.release(number)
  }

  @Test func aResetIsToldOnce() {
    let bed = HTTP2Bed()
    let number = bed.ask(HTTP2Bed.get("/"))
    bed.resetByClient(number)
    guard case .reset(number, .cancelled)? = bed.events.last else {
      Issue.record("no reset: \(bed.events)")
      return
    }
    #expect(bed.events.count == 2)
    // Nothing that is said of it later matters.
    bed.respond(number, [(":status", "200")], ends: false)
    #expect(bed.send(number, [1, 2, 3], ends: true) == 3)
    bed.server.release(number)
    #expect(bed.server.firstStream == nil)
  }

  @Test func aStreamThatIsLetGoIsReset() {
    let bed = HTTP2Bed()
    let unanswered = bed.ask(HTTP2Bed.get("/1"))
    let refused = bed.ask(HTTP2Bed.get("/3"))
    let cut = bed.ask(HTTP2Bed.get("/2"))
    bed.respond(cut, [(":status", "200")], ends: false)
    #expect(bed.send(cut, [1], ends: false) == 1)
    bed.server.release(unanswered)
    bed.server.release(cut)
    bed.server.refuse(refused)
    bed.carry()
    #expect(bed.answer(unanswered).reset == NGHTTP2_INTERNAL_ERROR.rawValue)
    #expect(bed.answer(refused).reset == NGHTTP2_REFUSED_STREAM.rawValue)
    #expect(bed.answer(cut).reset == NGHTTP2_INTERNAL_ERROR.rawValue)
    #expect(bed.server.firstStream == nil)
  }

  @Test func headsBeyondTheBoundsAreKnownAsSuch() {
    let bed = HTTP2Bed()
    let large = bed.ask(HTTP2Bed.get("/", [("x", String(repeating: "y", count: 5_000))]))
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 1)
    defer { memory.deallocate() }
    #expect(throws: HTTP2HeadProblem.tooLarge) { try bed.server.takeHead(into: memory) }
    let many = bed.ask(HTTP2Bed.get("/", (0..<20).map { ("x-\($0)", "y") }))
    #expect(throws: HTTP2HeadProblem.tooManyFields) { try bed.server.takeHead(into: memory) }
    bed.server.release(large)
    bed.server.release(many)
  }

  @Test func aFloodOfControlFramesEndsTheConnection() {
    let bed = HTTP2Bed()
    for _ in 0..<60 { bed.pingByClient() }
    guard case .broken? = bed.events.last else {
      Issue.record("it goes on: \(bed.events)")
      return
    }
    #expect(bed.goneAway == [NGHTTP2_ENHANCE_YOUR_CALM.rawValue])
  }

  @Test func controlFramesAreForgivenAsTimeGoesBy() {
    let bed = HTTP2Bed()
    for second in 0..<100 {
      bed.server.note(second: UInt64(1_000 + second))
      for _ in 0..<10 { bed.pingByClient() }
      bed.carry()
    }
    #expect(bed.goneAway.isEmpty)
    for _ in 0..<60 { bed.pingByClient() }
    bed.carry()
    #expect(bed.goneAway == [NGHTTP2_ENHANCE_YOUR_CALM.rawValue])
  }

  @Test func aFloodOfResetsEndsTheConnection() {
    let bed = HTTP2Bed()
    for _ in 0..<10 where bed.goneAway.isEmpty {
      let number = bed.ask(HTTP2Bed.get("/"))
      bed.resetByClient(number)
      bed.server.release(number)
    }
    #expect(!bed.goneAway.isEmpty && bed.goneAway != [0])
  }

  @Test func theEndIsAnnounced() {
    let bed = HTTP2Bed()
    let number = bed.ask(HTTP2Bed.get("/"))
    bed.server.announceEnd()
    bed.carry()
    #expect(bed.goneAway == [0] && !bed.server.isFinished)
    bed.respond(number, [(":status", "204")], ends: true)
    bed.server.release(number)
    bed.carry()
    bed.server.end()
    bed.carry()
    // The client has nothing more to wait for, and does not read the second one.
    #expect(bed.goneAway == [0])
    #expect(bed.answer(number).fields == [":status=204"] && bed.server.isFinished)
  }
}
