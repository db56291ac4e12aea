import CNghttp2
import Testing

@testable import HTTP2

/// The two ends before each other: what one sends is handed to the other.
private final class PairBed {
  let client: HTTP2Client
  let server: HTTP2Server
  private(set) var answers: [UInt32: Told] = [:]
  private(set) var requests: [UInt32: Told] = [:]
  private(set) var changes = 0
  private(set) var isBroken = false

  /// What one end has told of a stream.
  struct Told: Equatable {
    var heads: [String] = []
    var content: [UInt8] = []
    var trailers: String?
    var hasEnded = false
    var reset: HTTP2ResetReason?
  }

  init(streams: UInt32 = 8) {
    var settings = HTTP2Bed.settings
    settings.concurrentStreams = streams
    client = HTTP2Client(settings)
    server = HTTP2Server(settings)
  }

  func carry() {
    var moved = true
    while moved {
      moved = move(from: client, to: server) { note($0, of: server, in: &requests) }
      moved = move(from: server, to: client) { note($0, of: client, in: &answers) } || moved
    }
  }

  private func move(
    from sender: HTTP2Connection, to receiver: HTTP2Connection, _ note: (HTTP2Event) -> Void
  ) -> Bool {
    let output = Array(sender.output)
    sender.dropOutput(output.count)
    output.withUnsafeBytes { bytes in
      var rest = bytes
      while true {
        let event = receiver.next(&rest)
        if case .nothing = event { return }
        note(event)
      }
    }
    return !output.isEmpty
  }

  private func note(
    _ event: HTTP2Event, of end: HTTP2Connection, in told: inout [UInt32: Told]
  ) {
    switch event {
    case .head(let number, let ends):
      told[number, default: Told()].heads.append(text { try end.takeHead(into: $0) })
      told[number]?.hasEnded = ends
    case .trailers(let number):
      told[number, default: Told()].trailers = text { try end.takeTrailers(into: $0) }
      told[number]?.hasEnded = true
    case .content(let number, let bytes, let ends):
      told[number, default: Told()].content += bytes
      told[number]?.hasEnded = ends
    case .reset(let number, let reason): told[number, default: Told()].reset = reason
    case .changed: changes += 1
    case .broken: isBroken = true
    case .malformed, .nothing: break
    }
  }

  private func text(_ take: (UnsafeMutableRawBufferPointer) throws -> Int) -> String {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 8_192, alignment: 1)
    defer { memory.deallocate() }
    guard let count = try? take(memory) else { return "refused" }
    return String(decoding: memory[..<count], as: UTF8.self)
  }

  func fields(_ end: HTTP2Connection, _ list: [(String, String)]) {
    end.beginFields()
    for (name, value) in list {
      Array(name.utf8).withUnsafeBytes { name in
        Array(value.utf8).withUnsafeBytes { value in end.addField(name, value) }
      }
    }
  }

  func ask(_ more: [(String, String)] = [], ends: Bool = true) throws -> UInt32 {
    fields(client, HTTP2Bed.get("/", more))
    return try #require(client.begin(ends: ends))
  }

  func respond(_ number: UInt32, _ list: [(String, String)], ends: Bool = false) {
    fields(server, list)
    server.sendFields(number, ends: ends)
  }

  func send(_ end: HTTP2Connection, _ number: UInt32, _ content: String, ends: Bool = false) {
    let bytes = Array(content.utf8)
    #expect(bytes.withUnsafeBytes { end.sendContent(number, $0, ends: ends) } == bytes.count)
  }
}

@Suite struct HTTP2ClientTests {
  @Test func aRequestAndItsResponseWithTrailersBothWays() throws {
    let bed = PairBed()
    #expect(bed.client.streamLimit == nil)
    bed.carry()
    #expect(bed.client.streamLimit == 8 && bed.changes > 0)
    let number = try bed.ask([("Te", "trailers")], ends: false)
    bed.send(bed.client, number, "question")
    bed.fields(bed.client, [("x-sum", "1")])
    bed.client.sendTrailers(number)
    bed.carry()
    let request = try #require(bed.requests[number])
    #expect(request.heads == ["GET / HTTP/1.1\r\nhost: a.example\r\nte: trailers\r\n\r\n"])
    #expect(request.content == Array("question".utf8) && request.trailers == "x-sum: 1\r\n\r\n")
    bed.respond(number, [(":status", "103"), ("link", "a")])
    bed.respond(number, [(":status", "200"), ("x", "y")])
    bed.send(bed.server, number, "answer")
    bed.respond(number, [("grpc-status", "0")], ends: true)
    bed.carry()
    let answer = try #require(bed.answers[number])
    #expect(
      answer.heads == [
        "HTTP/1.1 103 \r\nlink: a\r\n\r\n", "HTTP/1.1 200 \r\nx: y\r\n\r\n",
      ])
    #expect(answer.content == Array("answer".utf8) && answer.trailers == "grpc-status: 0\r\n\r\n")
    #expect(answer.hasEnded && answer.reset == nil)
    bed.client.release(number)
    bed.server.release(number)
    #expect(bed.client.firstStream == nil && bed.server.firstStream == nil)
  }

  @Test func aHeadMayBeAll() throws {
    let bed = PairBed()
    bed.carry()
    let number = try bed.ask()
    bed.carry()
    bed.respond(number, [(":status", "200"), ("grpc-status", "5")], ends: true)
    bed.carry()
    #expect(bed.answers[number]?.hasEnded == true && bed.answers[number]?.trailers == nil)
  }

  @Test func noTrailersEndTheContentAllTheSame() throws {
    let bed = PairBed()
    bed.carry()
    let number = try bed.ask(ends: false)
    bed.fields(bed.client, [])
    bed.client.sendTrailers(number)
    bed.carry()
    #expect(bed.requests[number]?.hasEnded == true && bed.requests[number]?.trailers == nil)
  }

  @Test func whyAStreamEndedIsTold() throws {
    let bed = PairBed()
    bed.carry()
    let (refused, cut) = (try bed.ask(), try bed.ask())
    bed.carry()
    bed.server.refuse(refused)
    bed.respond(cut, [(":status", "200")])
    bed.carry()
    bed.server.release(cut)
    bed.carry()
    #expect(bed.answers[refused]?.reset == .refused)
    #expect(bed.answers[cut]?.reset == .cancelled)
    bed.client.release(refused)
    bed.client.release(cut)
    #expect(bed.client.firstStream == nil)
  }

  @Test func aMalformedResponseIsNotPassedOn() throws {
    let bed = PairBed()
    bed.carry()
    let number = try bed.ask()
    bed.carry()
    bed.respond(number, [(":status", "200"), ("connection", "close")], ends: true)
    bed.carry()
    #expect(bed.answers[number]?.heads == [])
    #expect(bed.answers[number]?.reset == .malformed)
  }

  @Test func aStreamThatIsLetGoIsCancelled() throws {
    let bed = PairBed()
    bed.carry()
    let number = try bed.ask()
    bed.carry()
    bed.client.release(number)
    bed.carry()
    #expect(bed.requests[number]?.reset == .cancelled)
    #expect(bed.client.firstStream == nil)
  }

  @Test func aHeadBeyond64KiBIsNotSent() throws {
    let bed = PairBed()
    bed.carry()
    let number = try bed.ask([("x", String(repeating: "y", count: 70_000))])
    bed.carry()
    #expect(bed.requests[number] == nil && bed.answers[number]?.reset == .headTooLarge)
    bed.client.release(number)
    #expect(bed.client.firstStream == nil)
  }

  @Test func anEndIsAnnounced() throws {
    let bed = PairBed()
    bed.carry()
    let number = try bed.ask()
    bed.carry()
    bed.server.announceEnd()
    bed.carry()
    #expect(bed.client.isEndAnnounced && bed.client.streamLimit == 0)
    bed.fields(bed.client, HTTP2Bed.get("/"))
    #expect(bed.client.begin(ends: true) == nil)
    bed.respond(number, [(":status", "204")], ends: true)
    bed.carry()
    #expect(bed.answers[number]?.hasEnded == true)
  }

  @Test func aSignOfLifeIsAnswered() {
    let bed = PairBed()
    bed.carry()
    bed.client.ping()
    #expect(!bed.client.output.isEmpty)
    bed.carry()
    #expect(!bed.isBroken)
  }
}
