import Basics
import Plan
import Scenarios
import Simulation
import Testing

/// Whole scenarios on worlds that seeds decide. A failing seed is a test of its own: run the one
/// case with `bed.world.trace.keepsLines` on and read what happened.
struct SeedTests {
  private static let conf = """
    upstream app { server 10.0.0.1:8000; server 10.0.0.2:8000; keepalive 4; }
    """
  private static let server = """
    proxy_connect_timeout 5s; proxy_read_timeout 20s; proxy_send_timeout 20s;
    client_header_timeout 30s; client_body_timeout 30s; send_timeout 30s;
    location / { proxy_pass http://app; }
    location /own { return 200 fine; }
    """
  private static let second = Location.ipv4(10, 0, 0, 2, port: 8000)

  /// A response of each kind, by the request's target.
  private static var varied: BackendBehaviour {
    var behaviour = BackendBehaviour.echo
    let echo = behaviour.onMessage
    behaviour.onMessage = { request in
      switch request.message.target {
      case "/chunked":
        [
          .send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n")
        ]
      case "/close": [.send("HTTP/1.1 200 OK\r\n\r\n" + filler(500)), .close]
      case "/hints": [.send("HTTP/1.1 103 Hints\r\nLink: <a>\r\n\r\n" + ok("hinted"))]
      default: echo(request)
      }
    }
    return behaviour
  }

  /// Clients of every kind: 14 requests, if nothing breaks.
  private static let scripts: [[PeerAction]] = [
    [.send(get("/1")), .awaitResponse, .send(post(filler(1_500))), .awaitResponse],
    [
      .send(get("/own") + get("/hints") + post("three")), .awaitResponse, .awaitResponse,
      .awaitResponse,
    ],
    [
      .send(chunkedHead() + "5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"), .awaitResponse,
      .send(get("/chunked")), .awaitResponse,
    ],
    [.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), .awaitMessage(isBodiless: true)],
    [.send(get("/close")), .awaitResponse, .send(get("/close")), .awaitResponse],
    [.sendPieces(Array(post("slowly").utf8), size: 7, every: .milliseconds(1)), .awaitResponse],
    [
      .send(get("/tunnel", "Connection: upgrade\r\nUpgrade: echo\r\n")), .awaitResponse,
      .send(filler(200)), .finishSending, .awaitEnd,
    ],
    [.send("GET / HTTP/1.0\r\n\r\n"), .awaitResponse],
    [.send("NONSENSE\r\n\r\n"), .awaitResponse],
  ]
  private static let requestCount = 14

  private func run(_ plan: Plan, seed: UInt64, faults: Faults) -> EngineBed {
    let bed = EngineBed(plan, seed: seed, faults: faults)
    bed.backend(Self.varied)
    bed.backend(at: Self.second, Self.varied)
    for (index, script) in Self.scripts.enumerated() {
      bed.client(after: .milliseconds(UInt64(index) * UInt64(seed % 3)), script)
    }
    return bed
  }

  /// Bytes come in any portions and events in any order, but nothing breaks: every request is
  /// answered exactly as on a quiet day.
  @Test(arguments: 0..<300 as Range<UInt64>)
  func nothingChangesHoweverBytesAreCut(_ seed: UInt64) throws {
    let bed = run(try Self.plan.get(), seed: seed, faults: .fragmenting)
    #expect(bed.run() == .quiet)
    bed.run(for: .seconds(6))
    bed.finish(requests: Self.requestCount)
    #expect(bed.clients.allSatisfy { bed.record($0).ending == .completed })
    let statuses = bed.ends.map(\.status).sorted()
    #expect(statuses == [101] + Array(repeating: 200, count: 12) + [400])
    #expect(bed.ends.allSatisfy { $0.status == 400 || $0.termination == "" })
  }

  /// Everything breaks now and then: whatever happens, there is one line for each request, which
  /// tells what the client saw, and nothing is left.
  @Test(arguments: 0..<300 as Range<UInt64>)
  func everythingIsAccountedForWhateverBreaks(_ seed: UInt64) throws {
    let bed = run(try Self.plan.get(), seed: seed, faults: .hostile)
    #expect(bed.run() == .quiet)
    // A silent connect and a stalled log have their own time.
    bed.run(for: .seconds(70))
    bed.world.faults = .none
    bed.run(for: .seconds(3))
    bed.finish(requests: nil, in: .hostile)
    // What was meant for a tunnel that did not open is one more request, and no good one.
    #expect(bed.ends.count <= Self.requestCount + 1)
    let answered = bed.clients.reduce(0) { $0 + bed.record($1).finalMessages.count }
    #expect(bed.ends.count >= answered)
  }

  /// The tests above are worth nothing if the hostile world breaks nothing.
  @Test func aHostileWorldDoesBreakThings() throws {
    var statuses: Set<Int> = []
    for seed in 0..<60 as Range<UInt64> {
      let bed = run(try Self.plan.get(), seed: seed, faults: .hostile)
      bed.run()
      bed.world.faults = .none
      bed.run(for: .seconds(3))
      statuses.formUnion(bed.ends.map(\.status))
    }
    #expect(statuses.isSuperset(of: [200, 400, 499, 502]))
  }

  /// The seed decides everything: a failing one can be had again.
  @Test(arguments: [Faults.fragmenting, .hostile])
  func aSeedReplays(_ faults: Faults) throws {
    let plan = try Self.plan.get()
    let beds = (0..<2).map { _ in run(plan, seed: 42, faults: faults) }
    for bed in beds { bed.run() }
    #expect(beds[0].world.trace.hash == beds[1].world.trace.hash)
    #expect(beds[0].world.logs.lines(of: "/log") == beds[1].world.logs.lines(of: "/log"))
  }

  private static let plan = Result { try EngineBed.plan(server, top: conf) }
}
