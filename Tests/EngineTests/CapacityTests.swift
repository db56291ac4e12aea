import Basics
import Scenarios
import Simulation
import Testing

/// What happens when connections, descriptors or memory run out.
struct CapacityTests {
  private static let answer = "location / { return 200 fine; }"

  /// At the limit the client that has been idle longest makes room for a new one.
  @Test func theOldestIdleClientMakesRoom() throws {
    let bed = try EngineBed(Self.answer, top: "worker_connections 4;")
    let idle = (0..<4).map { index in
      bed.client(
        after: .milliseconds(UInt64(index)),
        [.send(get("/\(index)")), .awaitResponse, .awaitEnd])
    }
    let late = bed.client(after: .seconds(1), [.send(get("/late")), .awaitResponse])
    bed.run(for: .seconds(2))
    #expect(bed.record(late).messages.map(\.status) == [200])
    #expect(idle.map { bed.record($0).hasEnd } == [true, false, false, false])
    bed.finish(requests: 5)
  }

  /// Beyond the limit a client gets a 503 with an ID and a line, without its request being read.
  @Test func beyondTheLimitThereIsA503() throws {
    let bed = try EngineBed(top: "worker_connections 4;")
    bed.backend(.performing([.pause(.seconds(5)), .send(ok("slow"))]))
    let busy = (0..<2).map { bed.client([.send(get("/\($0)")), .awaitResponse]) }
    let late = bed.client(after: .seconds(1), [.send(get("/late")), .awaitResponse, .awaitEnd])
    bed.finish(requests: 3)
    #expect(busy.map { bed.record($0).messages.first?.status } == [200, 200])
    #expect(bed.record(late).messages.map(\.status) == [503])
    let line = try #require(bed.ends.first)
    #expect(line.error == "connection_limit_reached" && line["uri"] == nil)
  }

  /// The same where a header of the PROXY protocol and TLS come first: the answer is behind both.
  @Test func beyondTheLimitThereIsA503BehindTheHandshake() throws {
    let made = try EngineBed.compile(
      EngineBed.proxy, top: "worker_connections 4;" + SecureWorld.conf,
      listen: "ssl proxy_protocol")
    let bed = EngineBed(made.plan, tls: made.tls)
    bed.backend(.performing([.pause(.seconds(5)), .send(ok("slow"))]))
    let begin: [PeerAction] = [
      .send("PROXY TCP4 198.51.100.1 203.0.113.1 30000 443\r\n"), SecureWorld.client(),
    ]
    let busy = (0..<2).map { bed.client(begin + [.send(get("/\($0)")), .awaitResponse]) }
    let late = bed.client(
      after: .seconds(1), begin + [.send(get("/late")), .awaitResponse, .awaitEnd])
    bed.finish(requests: 3)
    #expect(busy.map { bed.record($0).messages.first?.status } == [200, 200])
    #expect(bed.record(late).messages.map(\.status) == [503] && bed.record(late).hasEnd)
    #expect(bed.ends.first?.error == "connection_limit_reached")
  }

  /// Where a connection to a backend needs a place, a client that has just come does not lose its
  /// own to clients that have owed a head for longer.
  @Test func whoHasJustComeKeepsItsPlace() throws {
    let bed = try EngineBed(top: "worker_connections 6;")
    bed.backend()
    let parts = (0..<4).map { index in
      bed.client(after: .milliseconds(UInt64(index)), [.send("GET / HT"), .awaitEnd])
    }
    let fresh = bed.client(
      after: .milliseconds(100),
      [.pause(.milliseconds(200)), .send(get("/fresh")), .awaitResponse])
    let asking = bed.client(after: .milliseconds(200), [.send(get("/asks")), .awaitResponse])
    bed.run(for: .seconds(1))
    #expect(bed.record(asking).messages.map(\.status) == [200])
    #expect(bed.record(fresh).messages.map(\.status) == [200])
    #expect(parts.map { bed.record($0).hasEnd } == [true, false, false, false])
    bed.finish(requests: 6)
  }

  /// Who owes a head, and be it that a header of the PROXY protocol or TLS come first, makes room.
  @Test(arguments: ["", "proxy_protocol", "ssl", "ssl proxy_protocol"], [false, true])
  func whoSaysLittleLocksNobodyOut(listen: String, begins: Bool) throws {
    let isSecure = listen.hasPrefix("ssl")
    let isAnnounced = listen.hasSuffix("proxy_protocol")
    let made = try EngineBed.compile(
      EngineBed.proxy, top: "worker_connections 8;" + (isSecure ? SecureWorld.conf : ""),
      listen: listen)
    let bed = EngineBed(made.plan, tls: made.tls)
    bed.backend()
    let header = "PROXY TCP4 198.51.100.1 203.0.113.1 30000 443\r\n"
    var little: [PeerAction] = []
    if begins && isAnnounced && isSecure { little = [.send(header)] }
    if begins && isAnnounced && !isSecure { little = [.send("PROXY TC")] }
    if begins && !isAnnounced && isSecure { little = [SecureWorld.raw([0x16])] }
    if begins && !isAnnounced && !isSecure { little = [.send("GET / HT")] }
    for index in 0..<24 {
      bed.client(after: .milliseconds(UInt64(index)), little + [.awaitEnd])
    }
    var begin: [PeerAction] = []
    if isAnnounced { begin.append(.send(header)) }
    if isSecure { begin.append(SecureWorld.client()) }
    let honest = (0..<6).map { index in
      bed.client(
        after: .seconds(1 + UInt64(index)),
        begin + [.send(get("/\(index)")), .awaitResponse])
    }
    bed.run(for: .seconds(8))
    #expect(honest.allSatisfy { bed.record($0).messages.map(\.status) == [200] })
    bed.finish(requests: nil)
    #expect(!bed.ends.contains { $0.status == 503 })
    if begins || !listen.isEmpty {
      #expect(bed.errors.contains { $0.contains("closed to make room") })
    }
  }

  /// The oldest head that came in part is answered with 408 and has its line; the younger ones wait
  /// on, and one that is completed is served.
  @Test func theOldestPartOfAHeadMakesRoom() throws {
    let bed = try EngineBed(Self.answer, top: "worker_connections 4;")
    let parts = (0..<4).map { index in
      bed.client(
        after: .milliseconds(UInt64(index)),
        [.send("GET /\(index) HTTP/1.1\r\n"), .pause(.seconds(2)), .send("Host: a\r\n\r\n")]
          + [.awaitResponse])
    }
    let late = bed.client(after: .seconds(1), [.send(get("/late")), .awaitResponse])
    bed.finish(requests: 5)
    #expect(bed.record(late).messages.map(\.status) == [200])
    #expect(
      parts.map { bed.record($0).messages.map(\.status) } == [[408], [200], [200], [200]])
    let line = try #require(bed.ends.first)
    #expect(line.status == 408 && line.error == "connection_limit_reached")
    #expect(line.termination == "proxy:request_head" && line["uri"] == "/0")
  }

  /// An idle client makes room for a connection to a backend, unless its next request has been
  /// read: that is answered.
  @Test func aRequestThatWasReadIsNotDroppedForABackend() throws {
    let bed = try EngineBed(
      Self.answer + "location /far { proxy_pass http://10.0.0.1:8000; }",
      top: "worker_connections 2;")
    bed.backend()
    let near = bed.client([
      .pause(.seconds(1)), .send(get("/1") + get("/2")), .awaitResponse, .awaitResponse,
    ])
    let far = bed.client([.pause(.seconds(1)), .send(get("/far")), .awaitResponse])
    bed.finish(requests: 3)
    #expect(bed.record(near).messages.map(\.status) == [200, 200])
    #expect(bed.record(far).messages.map(\.status) == [200])
  }

  /// However many clients come at once: each is served or gets its 503, and the worker survives.
  @Test func aStormIsSurvived() throws {
    let bed = try EngineBed(top: "worker_connections 16;")
    bed.backend(.performing([.pause(.milliseconds(100)), .send(ok("slow"))]))
    let clients = (0..<200).map { index in
      bed.client(
        after: .milliseconds(UInt64(index / 20)), [.send(get("/\(index)")), .awaitResponse])
    }
    #expect(bed.run() == .quiet)
    bed.run(for: .seconds(6))
    let late = bed.client([.send(get("/late")), .awaitResponse])
    bed.finish(requests: nil)
    #expect(bed.record(late).messages.map(\.status) == [200])
    let statuses = clients.flatMap { bed.record($0).messages.map(\.status) }
    #expect(statuses.contains(200) && statuses.contains(503))
    #expect(bed.ends.count > statuses.count)
  }

  /// All connections may go on in the next turn at once: the list of those has room for them.
  @Test func everyConnectionMayBeBusy() throws {
    let bed = try EngineBed(Self.answer, top: "worker_connections 100;")
    let clients = (0..<100).map { _ in
      bed.client(
        [.pause(.seconds(1)), .send(get() + get() + get())]
          + [.awaitResponse, .awaitResponse, .awaitResponse])
    }
    bed.finish(requests: 300)
    #expect(clients.allSatisfy { bed.record($0).messages.map(\.status) == [200, 200, 200] })
  }

  /// Without descriptors accepting pauses, and goes on later: nobody is lost, nothing spins.
  @Test func exhaustedDescriptorsPauseAccepting() throws {
    let bed = try EngineBed(Self.answer)
    bed.world.exhaustAccepts(for: .seconds(3))
    let client = bed.client([.send(get()), .awaitResponse])
    bed.run(for: .seconds(2))
    #expect(bed.record(client).messages.isEmpty)
    #expect(bed.world.calls.waits < 200)
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.status) == [200])
    #expect(bed.errors.contains { $0.hasPrefix("CRIT") && $0.contains("accepting is paused") })
  }

  /// The same by a real limit: who already runs is served on, and the next one when there is room.
  @Test func theDescriptorLimitIsSurvived() throws {
    var network = NetworkSettings()
    // Three standard streams, the listener, two logs, and two clients with their backends.
    network.descriptorLimit = 10
    let bed = try EngineBed(network: network)
    bed.backend(.performing([.pause(.seconds(1)), .send(ok("slow"))]))
    let clients = (0..<4).map { index in
      bed.client(
        after: .milliseconds(UInt64(10 * index)), [.send(get("/\(index)")), .awaitResponse])
    }
    bed.finish(requests: 4)
    #expect(clients.allSatisfy { bed.record($0).messages.count == 1 })
    #expect(bed.ends.filter { $0.status == 200 }.count >= 2)
  }

  /// Memory for a request does not grow with its content: at no time more than a buffer each way.
  @Test func contentDoesNotPileUp() throws {
    let bed = try EngineBed()
    bed.backend()
    bed.client([
      .readSlowly(bytes: 10_000, every: .milliseconds(20)), .send(post(filler(600_000))),
      .awaitResponse,
    ])
    var most = 0
    let outcome = bed.world.run {
      bed.turn()
      most = max(most, bed.buffersInUse)
    }
    #expect(outcome == .quiet)
    #expect(most <= 4)
    bed.finish(requests: 1)
  }

  /// A location's limit on content holds for both framings.
  @Test(arguments: [post(filler(101)), chunkedHead() + "65\r\n\(filler(101))\r\n0\r\n\r\n"])
  func contentBeyondTheLimitIsRefused(_ request: String) throws {
    let bed = try EngineBed(
      "location / { proxy_pass http://10.0.0.1:8000; client_max_body_size 100; }")
    let backend = bed.backend()
    let client = bed.client([.send(request), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.status) == [413])
    #expect(bed.world.requests(of: backend).isEmpty)
  }
}
