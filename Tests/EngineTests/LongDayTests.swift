import Basics
import Scenarios
import Simulation
import Testing

/// A day on the virtual clock: what is kept open for long stays whole, nothing wakes the worker for
/// nothing, and setting the clock back changes no duration.
struct LongDayTests {
  private static let day = 86_400

  private func bed(_ conf: String) throws -> EngineBed {
    try EngineBed(
      """
      keepalive_timeout 120s; keepalive_requests 10000; proxy_read_timeout 2h; send_timeout 2h;
      \(conf) \(EngineBed.proxy)
      """)
  }

  /// A monitor that asks once a minute all day keeps one connection, and costs a few turns each
  /// time: none of them is for timers that have nothing to do.
  @Test func aDayOfRareRequests() throws {
    let bed = try bed("")
    let backend = bed.backend()
    let count = Self.day / 60
    let client = bed.client(
      patience: .seconds(200_000),
      (0..<count).flatMap { [.send(get("/\($0)")), .awaitResponse, .pause(.seconds(60))] })
    bed.finish(requests: count)
    #expect(bed.record(client).messages.count == count)
    #expect(bed.ends.last?["connection"] == "1")
    #expect(Set(bed.world.requests(of: backend).map(\.target)).count == count)
    #expect(bed.world.calls.waits < 20 * count)
  }

  /// An event stream and a tunnel live all day on a word now and then; the clock is set back by an
  /// hour meanwhile, and the durations are what they are.
  @Test func aDayOfOpenStreams() throws {
    let bed = try bed("")
    var behaviour = BackendBehaviour.echo
    let echo = behaviour.onMessage
    let events = (0..<24).flatMap { _ in
      [.pause(.seconds(3_600)), .send("6\r\nhello\n\r\n")] as [PeerAction]
    }
    behaviour.onMessage = { request in
      guard request.message.target == "/events" else { return echo(request) }
      let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      return [.send(head)] + events + [.send("0\r\n\r\n")]
    }
    bed.backend(behaviour)
    let reader = bed.client(
      patience: .seconds(200_000), [.send(get("/events")), .awaitResponse])
    let words = (0..<24).flatMap { hour in
      [.send("word \(hour)."), .pause(.seconds(3_600))] as [PeerAction]
    }
    let speaker = bed.client(
      patience: .seconds(200_000),
      [.send(get("/tunnel", "Connection: upgrade\r\nUpgrade: echo\r\n")), .awaitResponse] + words
        + [.finishSending, .awaitEnd])
    bed.world.schedule(after: .seconds(40_000)) { $0.jumpWallClock(bySeconds: -3_600) }
    bed.finish(requests: 2)
    #expect(bed.record(reader).messages.first?.text == String(repeating: "hello\n", count: 24))
    let spoken = String(decoding: bed.record(speaker).received.suffix(120), as: UTF8.self)
    #expect(spoken.hasSuffix("word 22.word 23."))
    #expect(bed.ends.allSatisfy { Int($0.seconds.rounded()) == Self.day })
    #expect(bed.world.calls.waits < 2_000)
  }

  /// A worker that nobody asks anything sleeps.
  @Test func aDayOfNothing() throws {
    let bed = try bed("")
    bed.run(for: .seconds(UInt64(Self.day)))
    #expect(bed.world.calls.waits < 10)
    bed.finish(requests: 0)
  }
}
