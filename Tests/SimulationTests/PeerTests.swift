import Basics
import Simulation
import Testing

/// Scripted clients and backends do what their scripts say, through a forwarder.
struct PeerTests {
  private let get = "GET /a HTTP/1.1\r\nHost: x\r\nX-Request-ID: 7\r\n\r\n"

  /// What one client and one backend went through.
  private func run(
    _ behaviour: BackendBehaviour, _ actions: [PeerAction], patience: Interval = .seconds(600),
    faults: Faults = .none
  ) -> (client: ConnectionRecord, backend: [ConnectionRecord], world: SimulatedWorld) {
    let world = SimulatedWorld(seed: 3, faults: faults)
    let backend = world.addBackend(at: origin, behaviour)
    let client = world.addClient(to: frontDoor, patience: patience, actions)
    var program = Forwarder(world)
    #expect(world.run { program.turn() } == .quiet)
    return (world.record(of: client), world.connections(of: backend), world)
  }

  @Test func theEchoBackendTellsWhatItSaw() {
    let (client, backend, _) = run(.echo, [.send(get), .awaitResponse])
    #expect(client.messages.first?.status == 200)
    #expect(client.messages.first?.text == "GET /a HTTP/1.1")
    #expect(client.messages.first?.value(of: "x-seen-request-id") == "7")
    #expect(backend.map(\.text) == [get])
    #expect(backend.first?.messages.first?.values(of: "HOST") == ["x"])
    #expect(backend.first?.ending == .completed)
  }

  @Test func theEchoBackendClosesWhenAsked() {
    let request = "GET / HTTP/1.0\r\n\r\n"
    let (client, _, _) = run(.echo, [.send(request), .awaitResponse, .awaitEnd])
    #expect(client.hasEnd && client.ending == .completed)
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() {
    let second = get.replacing("/a", with: "/b")
    let (client, _, _) = run(.echo, [.send(get + second), .awaitResponse, .awaitResponse])
    #expect(client.messages.map(\.text) == ["GET /a HTTP/1.1", "GET /b HTTP/1.1"])
  }

  @Test func anExpectationIsMet() {
    let head = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    let (client, _, _) = run(
      .echo, [.send(head), .awaitBytes(25), .send("hi"), .awaitResponse])
    #expect(client.messages.map(\.status) == [100, 200])
    #expect(client.finalMessages.map(\.text) == ["hi"])
  }

  @Test func aResponseToHEADHasNoContent() {
    let request = get.replacing("GET", with: "HEAD")
    let (client, _, _) = run(
      .echo, [.send(request), .awaitMessage(isBodiless: true), .send(get), .awaitResponse])
    #expect(client.messages.map(\.content.isEmpty) == [true, false])
  }

  @Test func anAnswerMayComeBeforeTheContent() {
    var behaviour = BackendBehaviour()
    behaviour.onHead = { _ in [.send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")] }
    let head = "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n"
    let (client, backend, _) = run(
      behaviour, [.send(head), .awaitResponse, .send("late"), .pause(.seconds(1))])
    #expect(client.messages.map(\.status) == [403])
    #expect(backend.first?.messages.map(\.text) == ["late"])
  }

  @Test func behavioursSeeWhichRequestItIs() {
    var behaviour = BackendBehaviour()
    behaviour.onMessage = { request in
      let place = "\(request.connection).\(request.sequence)"
      return [.send("HTTP/1.1 200 OK\r\nContent-Length: \(place.count)\r\n\r\n\(place)")]
    }
    let (client, _, _) = run(
      behaviour, [.send(get), .awaitResponse, .send(get), .awaitResponse])
    #expect(client.messages.map(\.text) == ["0.0", "0.1"])
  }

  @Test func aMessageThatBreaksOffIsKept() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
    let (client, _, _) = run(
      .performing([.send(half), .close]), [.send(get), .awaitResponse])
    #expect(client.ending == .endedEarly(action: 1))
    #expect(client.messages.isEmpty && client.partialMessage?.text == "half")
  }

  @Test func aResetIsToldApartFromAnEnd() {
    let (client, _, _) = run(.performing([.reset]), [.send(get), .awaitEnd])
    // A forwarder that closes with nothing unread sends an end of stream.
    #expect(client.ending == .completed && client.hasEnd)
  }

  @Test func patienceEnds() {
    let (client, _, world) = run(
      .performing([]), [.send(get), .awaitResponse], patience: .seconds(5))
    #expect(client.ending == .gaveUp(action: 1))
    #expect(client.endedAt.map { $0 <= world.now } == true)
  }

  @Test func piecesComeOneByOne() {
    let bytes = Array("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef".utf8)
    let (client, _, _) = run(
      .performing([.sendPieces(bytes, size: 10, every: .seconds(1))]),
      [.send(get), .awaitResponse])
    #expect(client.arrivals.map(\.count) == [10, 10, 10, 10, 4])
    let gaps = zip(client.arrivals, client.arrivals.dropFirst()).map { $1.time - $0.time }
    #expect(gaps.allSatisfy { $0 >= .milliseconds(999) && $0 < .milliseconds(1002) })
  }

  @Test func aSlowReaderHoldsTheSenderBack() {
    let body = String(repeating: "x", count: 300_000)
    let response = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + body
    let (client, backend, world) = run(
      .answering(response),
      [.readSlowly(bytes: 1000, every: .milliseconds(10)), .send(get), .awaitResponse])
    #expect(client.messages.map(\.content.count) == [300_000])
    #expect(client.arrivals.allSatisfy { $0.count <= 1000 })
    guard let opened = client.openedAt else { return }
    #expect(world.now - opened > .seconds(2))
    #expect(backend.first?.sentCount == response.utf8.count)
  }
}
