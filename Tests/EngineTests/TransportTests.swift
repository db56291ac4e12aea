import Basics
import Platform
import Scenarios
import Simulation
import Testing

@testable import Engine

/// Several exchanges at once on one connection, by the session of `FrameSession`.
struct TransportTests {
  private func bed(
    _ server: String = EngineBed.proxy, top: String = "", faults: Faults = .none, seed: UInt64 = 1,
    network: NetworkSettings = NetworkSettings()
  ) throws -> EngineBed {
    EngineBed(
      try EngineBed.plan(server, top: top), seed: seed, faults: faults, network: network,
      configure: { $0.makeSession = { _ in FrameSession() } })
  }

  private func head(_ path: String, _ fields: String = "", method: String = "GET") -> String {
    "\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
  }

  private func streams(
    _ bed: EngineBed, _ client: ClientID
  ) -> [UInt32: (head: String, content: [UInt8], end: String)] {
    Frame.streams(of: bed.record(client).received)
  }

  private func field(_ name: String, of head: String?) -> String? {
    head?.split(separator: "\n").first { $0.hasPrefix(name + "=") }
      .map { String($0.dropFirst(name.count + 1)) }
  }

  /// Three requests whose heads and contents come by turns, all under way at the same time.
  @Test(arguments: [false, true])
  func threeExchangesShareAConnection(isBuffered: Bool) throws {
    let bed = try bed(top: isBuffered ? "proxy_request_buffering on;" : "")
    let backend = bed.backend()
    let begin = [1, 3, 5].map { Frame.make("H", $0, head("/\($0)", method: "POST")) }
    let client = bed.client([
      .send(begin.joined()),
      .send(Frame.make("D", 3, "three ") + Frame.make("D", 1, "one ")), .pause(.seconds(2)),
      .send(Frame.make("L", 5, "five") + Frame.make("L", 1, "more")), .pause(.seconds(2)),
      .send(Frame.make("L", 3, "more")), .pause(.seconds(2)),
    ])
    bed.run(for: .seconds(1))
    #expect(bed.exchangeCount == 3)
    #expect(bed.holdings.connections == (isBuffered ? 1 : 4))
    bed.run(for: .seconds(2))
    #expect(bed.exchangeCount == 1)
    bed.finish(requests: 3, in: .hostile)
    let streams = streams(bed, client)
    #expect(
      streams.mapValues { String(decoding: $0.content, as: UTF8.self) }
        == [1: "one more", 3: "three more", 5: "five"])
    #expect(streams.values.allSatisfy { $0.end == "end" })
    // Each has an ID and a line of its own, of one connection.
    let ids = Set(streams.values.compactMap { field("x-request-id", of: $0.head) })
    #expect(ids.count == 3 && ids == Set(bed.ends.map(\.id)))
    #expect(ids == Set(bed.world.requests(of: backend).compactMap { $0.value(of: "x-request-id") }))
    #expect(Set(bed.ends.map { $0["connection"] }).count == 1)
    #expect(Set(bed.ends.map { $0["connection_request"] }).count == 3)
    #expect(bed.ends.allSatisfy { $0.status == 200 && $0.termination == "" })
  }

  /// Trailers are no content, not even where they come with the head and nothing between.
  @Test(arguments: ["", "sub_filter x y; sub_filter_types *;"])
  func trailersWithoutContent(top: String) throws {
    let bed = try bed(top + EngineBed.proxy)
    bed.backend(
      .answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: t\r\n\r\n"))
    let client = bed.client([.send(Frame.make("F", 7, head("/"))), .pause(.seconds(1))])
    bed.finish(requests: 1, in: .hostile)
    let stream = try #require(streams(bed, client)[7])
    #expect(stream.content == [])
    #expect(field("x-trailer", of: stream.head) == "t")
    #expect(stream.end == "end")
    #expect(bed.ends.map(\.bytesOut) == [0])
  }

  /// Fields reach such a client one by one, without those that HTTP/1 connections need.
  @Test func headsAreFieldLists() throws {
    let bed = try bed("add_header X-Added yes; " + EngineBed.proxy)
    bed.backend(
      .answering(
        "HTTP/1.1 404 Nothing Here\r\nTransfer-Encoding: chunked\r\nKeep-Alive: x\r\nX-A:  b \r\n"
          + "X-C: d\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: t\r\n\r\n"))
    let client = bed.client([.send(Frame.make("F", 7, head("/"))), .pause(.seconds(1))])
    bed.finish(requests: 1, in: .hostile)
    let stream = try #require(streams(bed, client)[7])
    let head = stream.head.split(separator: "\n").map(String.init)
    #expect(head.first == ":status=404")
    #expect(head.contains("x-a=b") && head.contains("x-c=d"))
    #expect(stream.head.contains("x-trailer=t"))
    #expect(field("transfer-encoding", of: stream.head) == nil)
    #expect(
      field("connection", of: stream.head) == nil && field("keep-alive", of: stream.head) == nil)
    #expect(stream.content == Array("abc".utf8) && stream.end == "end")
  }

  /// Answers of Waybill's own, and a refusal, beside a request that a backend answers.
  @Test func ownAnswersEndOnlyTheirStream() throws {
    let bed = try bed(
      "location /own { return 200 hello; } location /none { return 204; } "
        + "client_max_body_size 4; \(EngineBed.proxy)")
    bed.backend()
    let client = bed.client([
      .send(Frame.make("H", 1, head("/slow", method: "POST"))),
      .send(Frame.make("F", 3, head("/own")) + Frame.make("F", 5, head("/none"))),
      .send(Frame.make("H", 7, head("/big", method: "POST")) + Frame.make("D", 7, "12345")),
      .pause(.seconds(1)), .send(Frame.make("L", 1, "abc")), .pause(.seconds(1)),
    ])
    bed.finish(requests: 4, in: .hostile)
    let streams = streams(bed, client)
    #expect(
      streams.mapValues { field(":status", of: $0.head) }
        == [1: "200", 3: "200", 5: "204", 7: "413"])
    #expect(streams[3]?.content == Array("hello".utf8))
    #expect(streams[1]?.content == Array("abc".utf8))
    // What was not read of the seventh is given up; all others end in order.
    #expect(streams.mapValues(\.end) == [1: "end", 3: "end", 5: "end", 7: "endreset"])
  }

  /// One that its client gives up is logged as such, and disturbs no other.
  @Test func aResetConcernsOneExchange() throws {
    let bed = try bed()
    bed.backend()
    let client = bed.client([
      .send(Frame.make("H", 1, head("/1", method: "POST"))),
      .send(Frame.make("H", 3, head("/3", method: "POST"))), .pause(.seconds(1)),
      .send(Frame.make("R", 1)), .pause(.seconds(1)), .send(Frame.make("L", 3, "x")),
      .pause(.seconds(1)),
    ])
    bed.finish(requests: 2, in: .hostile)
    #expect(bed.ends.map(\.status) == [499, 200])
    #expect(streams(bed, client)[3]?.end == "end")
  }

  /// When the connection is gone each of its exchanges has a line; nothing is left of them.
  @Test func aLostConnectionEndsAllExchanges() throws {
    let bed = try bed()
    bed.backend()
    bed.client([
      .send([1, 3, 5].map { Frame.make("H", $0, head("/\($0)", method: "POST")) }.joined()),
      .pause(.seconds(1)), .reset,
    ])
    bed.finish(requests: 3, in: .hostile)
    #expect(bed.ends.allSatisfy { $0.status == 499 && $0.termination == "client:request_body" })
    #expect(Set(bed.ends.map(\.id)).count == 3)
  }

  /// A stop ends each with a line, too.
  @Test func aStopEndsAllExchanges() throws {
    let bed = try bed()
    bed.backend()
    bed.client([
      .send([1, 3, 5].map { Frame.make("H", $0, head("/\($0)", method: "POST")) }.joined()),
      .awaitEnd,
    ])
    bed.run(for: .seconds(1))
    bed.end(.stop)
    #expect(bed.ends.map(\.status) == [503, 503, 503])
    #expect(bed.exchangeCount == 0 && bed.connectionCount == 0 && bed.buffersInUse == 0)
  }

  /// Large responses to a slow reader pass by turns, in bounded memory, and every byte arrives.
  @Test(arguments: [UInt64](1...8))
  func contentIsConserved(seed: UInt64) throws {
    let bed = try bed(faults: seed % 2 == 0 ? .fragmenting : .none, seed: seed)
    let content = filler(300_000)
    bed.backend(
      .answering("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + content))
    let client = bed.client([
      .readSlowly(bytes: 20_000, every: .milliseconds(3)),
      .send(Frame.make("F", 1, head("/1")) + Frame.make("F", 3, head("/3"))), .pause(.seconds(30)),
    ])
    bed.run(for: .milliseconds(50))
    #expect(bed.buffersInUse <= 8)
    bed.finish(requests: 2, in: .hostile)
    let streams = streams(bed, client)
    #expect(streams[1]?.content == Array(content.utf8))
    #expect(streams[3]?.content == Array(content.utf8))
    #expect(streams.values.allSatisfy { $0.end == "end" })
    #expect(bed.ends.allSatisfy { $0.bytesOut == 300_000 })
  }
}
