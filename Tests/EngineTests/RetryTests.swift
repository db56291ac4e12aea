import Basics
import Scenarios
import Simulation
import Testing

/// Second tries: when a request may be sent again, and when never.
struct RetryTests {
  private static let second = Location.ipv4(10, 0, 0, 2, port: 8000)
  private static let third = Location.ipv4(10, 0, 0, 3, port: 8000)
  private static let threePeers = """
    upstream app { server 10.0.0.1:8000; server 10.0.0.2:8000; server 10.0.0.3:8000; }
    """
  private static let toUpstream = "location / { proxy_pass http://app; }"

  /// A backend that serves one request a connection and, when the second one comes, meets it with
  /// `actions`; later connections are well-behaved.
  private func fadingBackend(_ actions: [PeerAction]) -> BackendBehaviour {
    var behaviour = BackendBehaviour.echo
    let echo = behaviour.onMessage
    behaviour.onHead = { $0.connection == 0 && $0.sequence == 1 ? actions : [] }
    behaviour.onMessage = { request in
      request.connection == 0 && request.sequence == 1 ? [] : echo(request)
    }
    return behaviour
  }

  /// The race that every pool loses now and then: the backend closes an idle connection just when a
  /// request is on its way. A GET is sent again at once, and the client sees nothing of it.
  @Test(arguments: [[PeerAction.close], [.reset]])
  func aStaleConnectionIsReplacedForGET(_ actions: [PeerAction]) throws {
    let bed = try EngineBed()
    let backend = bed.backend(fadingBackend(actions))
    let client = bed.client([
      .send(get("/1")), .awaitResponse, .send(get("/2")), .awaitResponse,
    ])
    bed.finish(requests: 2)
    #expect(bed.record(client).messages.map(\.text) == ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"])
    #expect(bed.world.connections(of: backend).count == 2)
    #expect(bed.ends.last?.tries.count == 2)
    #expect(bed.ends.last?.tries.first?.error == "connection_terminated")
  }

  /// A POST that the backend has acknowledged may have been carried out: never twice.
  @Test func aReceivedPOSTIsNotRepeated() throws {
    let bed = try EngineBed()
    let backend = bed.backend(fadingBackend([.reset]))
    let client = bed.client([
      .send(get("/1")), .awaitResponse, .send(post("pay", "/2")), .awaitResponse,
    ])
    bed.finish(requests: 2)
    #expect(bed.record(client).messages.map(\.status) == [200, 502])
    #expect(bed.world.connections(of: backend).count == 1)
  }

  /// A POST of which the backend's system acknowledged no byte was not carried out, and is
  /// repeated.
  @Test func anUnreceivedPOSTIsRepeated() throws {
    let bed = try EngineBed()
    var behaviour = BackendBehaviour.echo
    let echo = behaviour.onMessage
    // It closes while the second request is on its way: a microsecond before it arrives.
    behaviour.onMessage = { request in
      echo(request)
        + (request.connection == 0 ? [.pause(Interval(nanoseconds: 1_000_000)), .close] : [])
    }
    let backend = bed.backend(behaviour)
    let client = bed.client([
      .send(get("/1")), .awaitResponse, .pause(Interval(nanoseconds: 850_000)),
      .send(post("pay", "/2")), .awaitResponse,
    ])
    bed.finish(requests: 2)
    #expect(bed.record(client).messages.map(\.text) == ["GET /1 HTTP/1.1", "pay"])
    #expect(bed.world.requests(of: backend).count == 2)
    #expect(bed.ends.last?.tries.count == 2)
  }

  /// A backend that closes an idle connection in time costs nothing: it is not tried at all.
  @Test func aConnectionClosedInTimeIsNotUsed() throws {
    let bed = try EngineBed()
    var behaviour = BackendBehaviour.echo
    let echo = behaviour.onMessage
    behaviour.onMessage = { echo($0) + [.pause(.milliseconds(10)), .close] }
    bed.backend(behaviour)
    bed.client([
      .send(get("/1")), .awaitResponse, .pause(.seconds(1)), .send(post("x", "/2")), .awaitResponse,
    ])
    bed.finish(requests: 2)
    #expect(bed.ends.map(\.status) == [200, 200])
    #expect(bed.ends.allSatisfy { $0.tries.isEmpty })
  }

  /// Bytes that nobody asked for may be reported in the very turn in which a request takes their
  /// connection (after 101 us): they must not become the response to that request. Those that come
  /// later cross it on the wire; nobody can tell them from its response.
  @Test(arguments: 95...101 as ClosedRange<UInt64>)
  func whatComesUnaskedIsNoResponse(afterMicroseconds pause: UInt64) throws {
    let bed = try EngineBed()
    var behaviour = BackendBehaviour.echo
    let echo = behaviour.onMessage
    behaviour.onMessage = { request in
      guard request.connection == 0, request.sequence == 0 else { return echo(request) }
      return echo(request) + [.pause(Interval(nanoseconds: pause * 1000)), .send(ok("poison"))]
    }
    bed.backend(behaviour)
    let client = bed.client([.send(get("/1")), .awaitResponse, .send(get("/2")), .awaitResponse])
    bed.finish(requests: 2)
    #expect(bed.record(client).messages.map(\.text) == ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"])
  }

  /// A backend that closes every connection is not asked for ever.
  @Test func aStaleConnectionIsReplacedOnce() throws {
    let bed = try EngineBed()
    var behaviour = BackendBehaviour.echo
    let echo = behaviour.onMessage
    behaviour.onMessage = { $0.connection == 0 && $0.sequence == 0 ? echo($0) : [.close] }
    let backend = bed.backend(behaviour)
    bed.client([.send(get("/1")), .awaitResponse, .send(get("/2")), .awaitResponse])
    bed.finish(requests: 2)
    #expect(bed.ends.map(\.status) == [200, 502])
    #expect(bed.world.connections(of: backend).count == 2)
  }

  /// The crash of a backend: its kept connections break, a fresh one is refused. Asking the same
  /// peer again must not use up the place of the next one.
  @Test func afterAStaleConnectionAndARefusalTheNextPeerIsTried() throws {
    let bed = try EngineBed(
      Self.toUpstream, top: "upstream app { server 10.0.0.1:8000; server 10.0.0.2:8000; }")
    var behaviour = fadingBackend([.close])
    behaviour.connectOutcome = { $0 == 0 ? .accepted : .refused }
    bed.backend(behaviour)
    bed.backend(at: Self.second)
    let client = bed.client([
      .send(get("/1")), .awaitResponse, .send(get("/2")), .awaitResponse, .send(get("/3")),
      .awaitResponse,
    ])
    bed.finish(requests: 3)
    #expect(bed.record(client).messages.map(\.status) == [200, 200, 200])
    #expect(
      bed.ends.last?.tries.map(\.error) == ["connection_terminated", "connection_refused", ""])
  }

  /// Peers that refuse are passed over, and the line names every try.
  @Test func theNextPeerIsTried() throws {
    let bed = try EngineBed(Self.toUpstream, top: Self.threePeers)
    bed.backend(.connecting([.refused]))
    bed.backend(at: Self.second, .performing([.close]))
    bed.backend(at: Self.third)
    let client = bed.client([.send(get()), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.status) == [200])
    let line = try #require(bed.ends.first)
    #expect(
      line.tries.map { $0["address"] } == ["10.0.0.1:8000", "10.0.0.2:8000", "10.0.0.3:8000"])
    #expect(line.tries.map(\.error) == ["connection_refused", "connection_terminated", ""])
    #expect(line["upstream"] == "10.0.0.3:8000")
  }

  /// Content that is still held is sent again in full.
  @Test func heldContentIsSentAgain() throws {
    let bed = try EngineBed(Self.toUpstream, top: Self.threePeers)
    bed.backend(.connecting([.refused]))
    let second = bed.backend(at: Self.second)
    let client = bed.client([.send(post(filler(9000))), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.first?.text == filler(9000))
    #expect(bed.world.requests(of: second).first?.text == filler(9000))
    #expect(bed.ends.first?.bytesIn == 9000)
  }

  /// A request that a peer may have acted on goes to no other peer, unless its method is
  /// idempotent.
  @Test(arguments: [("POST", 502), ("PUT", 200)])
  func onlyIdempotentRequestsGoOn(method: String, status: Int) throws {
    let bed = try EngineBed(Self.toUpstream, top: Self.threePeers)
    bed.backend(.performing([.close]))
    let second = bed.backend(at: Self.second)
    let client = bed.client([
      .send(post("x").replacing("POST", with: method)), .awaitResponse,
    ])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.status) == [status])
    #expect(bed.world.requests(of: second).count == (status == 200 ? 1 : 0))
  }

  /// A status may send the request on when the conf file says so; the last one is passed on.
  @Test func aStatusMaySendItOn() throws {
    let bed = try EngineBed(
      "location / { proxy_pass http://app; proxy_next_upstream error http_503; }",
      top: Self.threePeers)
    let busy = BackendBehaviour.answering(
      "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy")
    bed.backend(busy)
    bed.backend(at: Self.second, busy)
    bed.backend(at: Self.third, busy)
    let client = bed.client([.send(get()), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.text) == ["busy"])
    #expect(bed.ends.first?.tries.map(\.status) == [503, 503, 503])
  }

  /// `proxy_next_upstream_tries` bounds them.
  @Test func triesAreBounded() throws {
    let bed = try EngineBed(
      "location / { proxy_pass http://app; proxy_next_upstream_tries 2; }", top: Self.threePeers)
    for location in [origin, Self.second, Self.third] {
      bed.backend(at: location, .connecting([.refused]))
    }
    bed.client([.send(get()), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.ends.first?.status == 502)
    #expect(bed.ends.first?.tries.count == 2)
  }

  /// Running out of descriptors is no fault of the peer's: it stays in service for the next
  /// request.
  @Test func ownExhaustionIsNotHeldAgainstThePeers() throws {
    let bed = try EngineBed(Self.toUpstream, top: Self.threePeers)
    for location in [origin, Self.second, Self.third] { bed.backend(at: location) }
    bed.world.faults.exhaustedConnects = 1000
    bed.client([.send(get()), .awaitResponse])
    #expect(bed.run() == .quiet)
    bed.world.faults.exhaustedConnects = 0
    bed.client([.send(get()), .awaitResponse])
    bed.finish(requests: 2)
    #expect(bed.ends.map(\.status) == [502, 200])
    #expect(bed.ends.first?.error == "connection_limit_reached")
  }
}
