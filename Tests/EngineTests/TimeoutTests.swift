import Basics
import Scenarios
import Simulation
import Testing

/// Every timeout ends what it is about, not before its time and within one turn after it.
struct TimeoutTests {
  /// What one turn may add: a tick of the timer wheel, the rounding of a wait, the way to the
  /// client.
  private static let turn = 0.005

  private static let conf = """
    client_header_timeout 11s; client_body_timeout 12s; send_timeout 13s; keepalive_timeout 14s;
    proxy_connect_timeout 15s; proxy_read_timeout 16s; proxy_send_timeout 17s;
    location / { proxy_pass http://10.0.0.1:8000; }
    """

  /// Seconds from the moment that a client's connection was made to its end.
  private func seconds(_ record: ConnectionRecord) -> Double {
    guard let begin = record.openedAt, let end = record.endedAt else { return -1 }
    return Double((end - begin).nanoseconds) / 1e9
  }

  struct Slowness: Sendable, CustomTestStringConvertible {
    let name: String
    let actions: [PeerAction]
    var outcome = ConnectOutcome.accepted
    var answer: [PeerAction] = [.awaitEnd]
    let seconds: Double
    let status: Int
    let termination: String
    var testDescription: String { name }
  }

  private static let slow = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"

  static let cases = [
    Slowness(
      name: "client_header_timeout", actions: [.send("GET / HT"), .awaitResponse], seconds: 11,
      status: 408, termination: "client:request_head"),
    Slowness(
      name: "client_header_timeout is for the whole head",
      actions: [
        .sendPieces(Array(get("/12345").utf8), size: 1, every: .seconds(3)), .awaitResponse,
      ],
      seconds: 11, status: 408, termination: "client:request_head"),
    Slowness(
      name: "client_body_timeout",
      actions: [.send(post("", "/").replacing("Length: 0", with: "Length: 9")), .awaitResponse],
      seconds: 12, status: 408, termination: "client:request_body"),
    Slowness(
      name: "client_body_timeout begins anew with each byte",
      actions: [
        .send(post("", "/").replacing("Length: 0", with: "Length: 9")), .pause(.seconds(10)),
        .send("a"), .pause(.seconds(10)), .send("b"), .awaitResponse,
      ], seconds: 32, status: 408, termination: "client:request_body"),
    Slowness(
      name: "proxy_connect_timeout", actions: [.send(get()), .awaitResponse], outcome: .silent,
      seconds: 15, status: 504, termination: "upstream:connect"),
    Slowness(
      name: "proxy_read_timeout, head", actions: [.send(get()), .awaitResponse], seconds: 16,
      status: 504, termination: "upstream:response_head"),
    Slowness(
      name: "proxy_read_timeout, content", actions: [.send(get()), .awaitEnd],
      answer: [.send(slow), .awaitEnd], seconds: 16, status: 200,
      termination: "upstream:response_body"),
    Slowness(
      name: "proxy_read_timeout begins anew with each byte", actions: [.send(get()), .awaitEnd],
      answer: [.send(slow), .pause(.seconds(10)), .send("d"), .awaitEnd], seconds: 26, status: 200,
      termination: "upstream:response_body"),
    Slowness(
      name: "proxy_read_timeout, tunnel",
      actions: [
        .send(get("/", "Connection: upgrade\r\nUpgrade: x\r\n")), .awaitResponse,
        .pause(.seconds(10)), .send("x"), .awaitEnd,
      ],
      answer: [
        .send("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), .awaitEnd,
      ], seconds: 26, status: 101, termination: "proxy:tunnel"),
  ]

  /// A timeout that comes late lets slow clients pile up; one that comes early cuts healthy ones.
  @Test(arguments: cases)
  func aTimeoutComesInTime(_ slowness: Slowness) throws {
    let bed = try EngineBed(Self.conf)
    var behaviour = BackendBehaviour()
    behaviour.connectOutcome = { _ in slowness.outcome }
    behaviour.onHead = { request in
      request.message.method == "GET" ? slowness.answer : [.awaitEnd]
    }
    bed.backend(behaviour)
    bed.client(slowness.actions)
    bed.finish(requests: 1)
    let line = try #require(bed.ends.first)
    #expect(line.status == slowness.status)
    #expect(line.termination == slowness.termination)
    let excess = line.seconds - slowness.seconds
    #expect(excess >= 0 && excess < Self.turn, "\(line.seconds)")
  }

  /// A backend that reads nothing ends by `proxy_send_timeout`, counted from the last byte it took.
  @Test func aBackendThatReadsNothingIsLeft() throws {
    let bed = try EngineBed(Self.conf)
    var behaviour = BackendBehaviour()
    behaviour.onConnection = { _ in [.stopReading, .pause(.seconds(100))] }
    bed.backend(behaviour)
    let client = bed.client([.send(post(filler(1_000_000))), .awaitResponse])
    bed.finish(requests: 1)
    let line = try #require(bed.ends.first)
    #expect(line.status == 504 && line.error == "connection_write_timeout")
    #expect(bed.record(client).finalMessages.map(\.status) == [504])
    #expect(line.seconds >= 17 && line.seconds < 17.02)
  }

  /// A client that takes not even the interim responses has a line with a status all the same.
  @Test func aClientThatReadsNoInterimResponseIsLeft() throws {
    let bed = try EngineBed(Self.conf)
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: \(filler(20_000))\r\n\r\n"
    bed.backend(.performing([.send(String(repeating: hint, count: 15)), .pause(.seconds(100))]))
    bed.client([.send(get()), .stopReading, .pause(.seconds(20))])
    bed.finish(requests: 1)
    let line = try #require(bed.ends.first)
    #expect(line.status == 408 && line.error == "connection_write_timeout")
  }

  /// A client that takes nothing of its response ends by `send_timeout`, and can tell that it was
  /// cut.
  @Test func aClientThatReadsNothingIsLeft() throws {
    let bed = try EngineBed(Self.conf)
    bed.backend(.answering(ok(filler(1_000_000))))
    let client = bed.client([
      .send(get()), .stopReading, .pause(.seconds(20)), .startReading, .awaitResponse,
    ])
    bed.finish(requests: 1)
    let line = try #require(bed.ends.first)
    #expect(line.error == "connection_write_timeout" && line.termination == "client:response_body")
    #expect(line.seconds >= 13 && line.seconds < 13.02)
    #expect(bed.record(client).finalMessages.isEmpty)
  }

  /// A client that reads slowly but steadily is served, however long it takes.
  @Test func aSlowReaderIsServed() throws {
    let bed = try EngineBed(Self.conf)
    let text = filler(300_000)
    bed.backend(.answering(ok(text)))
    let client = bed.client([
      .readSlowly(bytes: 30_000, every: .seconds(8)), .send(get()), .awaitResponse,
    ])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.first?.text == text)
    #expect(bed.ends.first?.status == 200 && bed.ends.first?.termination == "")
  }

  /// An idle client is closed after `keepalive_timeout`, a silent new one after
  /// `client_header_timeout`; neither has sent a request, so neither gets an answer or a line.
  @Test func idleClientsAreClosed() throws {
    let bed = try EngineBed(Self.conf)
    bed.backend()
    let kept = bed.client([.send(get()), .awaitResponse, .awaitEnd])
    let silent = bed.client([.awaitEnd])
    bed.finish(requests: 1)
    #expect(abs(seconds(bed.record(kept)) - 14) < Self.turn)
    #expect(abs(seconds(bed.record(silent)) - 11) < Self.turn)
    #expect(bed.record(kept).messages.count == 1)
  }

  /// An idle connection to a backend is closed after its time.
  @Test func idleBackendConnectionsAreClosed() throws {
    let bed = try EngineBed(Self.conf)
    let backend = bed.backend()
    bed.client([.send(get()), .awaitResponse])
    bed.run(for: .seconds(59))
    #expect(bed.connectionCount == 1)
    bed.run(for: .seconds(2))
    #expect(bed.connectionCount == 0)
    #expect(bed.world.connections(of: backend).first?.hasEnd == true)
    bed.finish(requests: 1)
  }

  /// After a refused request what the client still sends is thrown away for five seconds, bytes or
  /// not: a reset would destroy the answer, but nobody may send for ever.
  @Test func lingeringEnds() throws {
    let bed = try EngineBed(Self.conf)
    let client = bed.client([
      .send("NONSENSE\r\n\r\n"), .awaitResponse,
      .sendPieces(Array(repeating: 0x61, count: 100), size: 1, every: .milliseconds(500)),
      .awaitEnd,
    ])
    bed.run(for: .milliseconds(4_990))
    #expect(bed.connectionCount == 1)
    bed.run(for: .milliseconds(20))
    #expect(bed.connectionCount == 0)
    #expect(bed.run() == .quiet)
    #expect(bed.record(client).messages.map(\.status) == [400])
    bed.finish(requests: 1)
  }

  /// The wall clock may jump without ending anything early or late, and no duration is negative.
  @Test(arguments: [-100_000, 100_000])
  func timeoutsDoNotFollowTheWallClock(seconds jump: Int64) throws {
    let bed = try EngineBed(Self.conf)
    bed.backend(.performing([.pause(.seconds(10)), .send(ok("done"))]))
    bed.world.schedule(after: .seconds(5)) { $0.jumpWallClock(bySeconds: jump) }
    let client = bed.client([.send(get()), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.text) == ["done"])
    #expect(abs((bed.ends.first?.seconds ?? 0) - 10) < 0.01)
  }
}
