import Basics
import Scenarios
import Simulation
import Testing

/// Clients that go away: each has its line with 499 and says how far the exchange had come, and the
/// backend's connection goes with it.
struct ClientAbortTests {
  /// A client that leaves at some phase, by a reset.
  struct Departure: Sendable, CustomTestStringConvertible {
    let phase: String
    let actions: [PeerAction]
    var outcome = ConnectOutcome.accepted
    var answer: [PeerAction] = [.send(ok("late"))]
    var testDescription: String { phase }
  }

  static let departures = [
    Departure(phase: "client:request_head", actions: [.send("GET / HTT"), .pause(.seconds(1))]),
    Departure(
      phase: "client:connect", actions: [.send(get()), .pause(.seconds(1))], outcome: .silent),
    Departure(
      phase: "client:request_body",
      actions: [
        .send(post("", "/").replacing("Length: 0", with: "Length: 9") + "abc"), .pause(.seconds(1)),
      ]),
    Departure(
      phase: "client:request_body",
      actions: [.send(chunkedHead() + "3\r\nabc\r\n"), .pause(.seconds(1))]),
    Departure(
      phase: "client:response_head", actions: [.send(get()), .pause(.seconds(1))],
      answer: [.pause(.seconds(5)), .send(ok("late"))]),
    Departure(
      phase: "client:response_body", actions: [.send(get()), .awaitBytes(20), .pause(.seconds(1))],
      answer: [.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"), .pause(.seconds(5))]),
    Departure(
      phase: "client:response_body",
      actions: [.send(get()), .stopReading, .pause(.seconds(1))],
      answer: [.send(ok(filler(500_000)))]),
  ]

  /// Without this an abort would go unlogged, or hold its backend until a timeout.
  @Test(arguments: departures)
  func aResetIsNoticedAtOnce(_ departure: Departure) throws {
    // Else a backend whose response has been read is kept for others.
    let bed = try EngineBed(top: "proxy_request_buffering off; proxy_buffering off;")
    var behaviour = BackendBehaviour.performing(departure.answer)
    behaviour.connectOutcome = { _ in departure.outcome }
    bed.backend(behaviour)
    bed.client(departure.actions + [.reset])
    bed.run(for: .milliseconds(1_100))
    #expect(bed.exchangeCount == 0)
    #expect(bed.connectionCount == 0)
    #expect(bed.ends.map(\.status) == [499])
    #expect(bed.ends.first?.termination == departure.phase)
    #expect(bed.ends.first?.error == "connection_terminated")
    bed.finish(requests: 1)
  }

  /// A client that ends its stream in the middle of its request can't complete it.
  @Test(
    arguments: [
      ("GET / HTTP/1.1\r\nHo", "client:request_head"),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", "client:request_body"),
      (chunkedHead() + "9\r\nabc", "client:request_body"),
      (chunkedHead() + "3\r\nabc\r\n0\r\nX-T: 1\r\n", "client:request_body"),
    ])
  func anEndInTheMiddleIsAnAbort(request: String, phase: String) throws {
    let bed = try EngineBed()
    bed.backend()
    let client = bed.client([.send(request), .finishSending, .awaitEnd])
    bed.finish(requests: 1)
    #expect(bed.ends.first?.status == 499)
    #expect(bed.ends.first?.termination == phase)
    #expect(bed.record(client).messages.isEmpty)
  }

  /// A connection on which no byte of a request came leaves no line: it carried no request.
  @Test(arguments: [true, false])
  func aConnectionWithoutARequestHasNoLine(isReset: Bool) throws {
    let bed = try EngineBed()
    bed.backend()
    bed.client([.pause(.seconds(1)), isReset ? .reset : .close])
    bed.client([.send(get()), .awaitResponse, .pause(.seconds(1)), isReset ? .reset : .close])
    bed.finish(requests: 1)
  }

  /// `proxy_ignore_client_abort off`: a client that ends its stream is taken to have left.
  @Test func anEndMayMeanLeaving() throws {
    let bed = try EngineBed(
      "location / { proxy_pass http://10.0.0.1:8000; proxy_ignore_client_abort off; }")
    bed.backend(.performing([.pause(.seconds(9)), .send(ok("late"))]))
    bed.client([.send(get()), .pause(.seconds(1)), .finishSending, .awaitEnd])
    bed.run(for: .seconds(2))
    #expect(bed.ends.first?.termination == "client:response_head")
    bed.finish(requests: 1)
  }

  /// A client that had ended its stream and then closed without reading gets 499: only the missing
  /// acknowledgement shows that it is gone.
  @Test func aHalfClosedClientThatIsGoneIsFoundOut() throws {
    let bed = try EngineBed()
    bed.backend(.performing([.pause(.seconds(1)), .send(ok(filler(5000)))]))
    bed.client([.send(get()), .finishSending, .pause(.milliseconds(500)), .close])
    bed.finish(requests: 1)
    #expect(bed.ends.first?.status == 499)
  }

  /// A client whose host lost its power is noticed when it does not take its response.
  @Test func aVanishedClientEndsByTheSendTimeout() throws {
    let bed = try EngineBed(
      "send_timeout 10s; location / { proxy_pass http://10.0.0.1:8000; }")
    bed.backend(.answering(ok(filler(500_000))))
    bed.client([.send(get()), .awaitHead, .vanish])
    bed.run(for: .seconds(9))
    #expect(bed.exchangeCount == 1)
    bed.run(for: .seconds(2))
    #expect(bed.exchangeCount == 0)
    #expect(bed.ends.first?.error == "connection_write_timeout")
    bed.finish(requests: 1)
  }

  /// Interim responses that a client does not take must not stand in the way of an error of
  /// Waybill's own: the answer goes behind them.
  @Test func anErrorGoesBehindAnInterimResponse() throws {
    var network = NetworkSettings()
    network.sendBuffer = 20
    network.receiveBuffer = 10
    let bed = try EngineBed(network: network)
    var behaviour = BackendBehaviour()
    behaviour.onHead = { _ in [.send("HTTP/1.1 100 Continue\r\n\r\n")] }
    bed.backend(behaviour)
    let client = bed.client([
      .send(chunkedHead("Expect: 100-continue\r\n")), .stopReading, .pause(.seconds(1)),
      .send("no chunk size\r\n"), .pause(.seconds(1)), .startReading, .awaitResponse, .awaitEnd,
    ])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.status) == [100, 400])
  }
}
