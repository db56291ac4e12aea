import Basics
import Scenarios
import SecurePeers
import Simulation
import Testing

/// What goes wrong below HTTP: clients that do not speak TLS, that stop, that misuse it, and
/// backends that can't be trusted.
struct SecureFailureTests {
  typealias Version = SecureContext.Version

  private static let fine = "location / { return 200 fine; }"

  /// A response for a client of which nothing else is wanted.
  private func checkThatOthersAreServed(_ bed: EngineBed) {
    let client = bed.client([SecureWorld.client(), .send(get("/other")), .awaitResponse])
    bed.run()
    #expect(bed.record(client).messages.map(\.status) == [200])
  }

  // MARK: Handshakes

  /// The time for the first request has begun with the connection; the handshake does not prolong
  /// it.
  @Test(arguments: [0, 1, 5, 100, 250])
  func aHandshakeThatStopsTimesOut(bytes: Int) throws {
    let bed = try EngineBed(secure: "client_header_timeout 2s; " + Self.fine)
    let cut = PeerAction.cut(behind: bytes, pause: .seconds(500))
    let client = bed.client([bytes == 0 ? .awaitEnd : cut, SecureWorld.client(), .awaitEnd])
    bed.run(for: .seconds(3))
    #expect(bed.connectionCount == 0)
    #expect(bed.errors.count == 1 && bed.errors[0].contains("it took too long"))
    checkThatOthersAreServed(bed)
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.isEmpty)
  }

  /// A client that has shaken hands and says nothing more is closed at the same time.
  @Test func aHandshakeIsPartOfTheHeadsTime() throws {
    let bed = try EngineBed(secure: "client_header_timeout 3s; " + Self.fine)
    let late = bed.client([.pause(.seconds(2)), SecureWorld.client(), .awaitEnd])
    bed.run(for: .milliseconds(3_100))
    #expect(bed.connectionCount == 0)
    bed.finish(requests: 0)
    #expect(bed.record(late).hasEnd)
  }

  /// A plain request is answered in plain text, and its ID is on record.
  @Test func aPlainRequestIsAnswered() throws {
    let bed = try EngineBed(secure: SecureWorld.proxy)
    let backend = bed.backend(BackendBehaviour.echo.secured())
    let client = bed.client([
      .send(get("/", "X-Request-ID: mine\r\n")), .awaitResponse, .awaitEnd,
    ])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.status) == [400])
    #expect(bed.ends.map(\.id) == ["mine"] && bed.ends[0]["scheme"] == "http")
    #expect(bed.world.connections(of: backend).isEmpty)
  }

  /// What is neither TLS nor HTTP gets an alert, one line in the error log, and no more.
  @Test(
    arguments: [
      [0, 1, 2, 3, 4, 5], [0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5], [0x16, 3, 1, 0xff, 0xff],
      [0x17, 3, 3, 0, 1, 0x61], [0x80, 0x2e, 1, 0, 2], [0x15, 3, 3, 0, 2, 2, 0x28],
    ] as [[UInt8]])
  func rubbishIsRefused(_ bytes: [UInt8]) throws {
    let bed = try EngineBed(secure: Self.fine)
    let client = bed.client([SecureWorld.raw(bytes), .finishSending, .awaitEnd])
    bed.finish(requests: 0)
    #expect(bed.record(client).ending == .completed)
    #expect(bed.errors.count == 1 && bed.errors[0].contains("the handshake failed"))
  }

  /// A client that leaves in the middle of its handshake has no request.
  @Test(arguments: [PeerAction.close, .reset])
  func aClientMayLeaveInTheHandshake(_ leaving: PeerAction) throws {
    let bed = try EngineBed(secure: Self.fine)
    bed.client([SecureWorld.raw([0x16, 0x03, 0x01]), .pause(.milliseconds(5)), leaving])
    bed.finish(requests: 0)
    #expect(bed.errors.count == 1 && bed.errors[0].contains("the client disconnected"))
  }

  // MARK: Behind the handshake

  /// A client that ends its stream without saying so in TLS has still asked, and is answered.
  @Test(arguments: Version.allCases, [PeerFarewell.both, .noticeOnly, .transportOnly])
  func aHalfClosingClientIsAnswered(version: Version, farewell: PeerFarewell) throws {
    let bed = try EngineBed(secure: SecureWorld.proxy)
    bed.backend(BackendBehaviour.echo.secured())
    let client = bed.client([
      SecureWorld.client(version, farewell: farewell), .send(get("/half")), .finishSending,
      .awaitResponse, .awaitEnd,
    ])
    bed.run()
    let record = bed.record(client)
    #expect(record.messages.map(\.text) == ["GET /half HTTP/1.1"])
    #expect(record.ending == .completed && record.hasEnd)
    bed.finish(requests: 1)
    #expect(bed.ends.first?.termination == "")
    // It is not kept waiting for a keep-alive time that it does not want.
    let waited = (record.endedAt ?? .never) - (record.openedAt ?? .never)
    #expect(waited.nanoseconds < 1_000_000_000)
  }

  /// A client that has its answer may close at once, and meet our end of TLS with a reset: it has
  /// not left before.
  @Test(arguments: Version.allCases)
  func aClientThatHasItsAnswerHasNotLeft(version: Version) throws {
    let bed = try EngineBed(secure: Self.fine)
    bed.client([
      SecureWorld.client(version),
      .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"), .awaitResponse,
      .pause(.milliseconds(5)), .send("defghij"), .close,
    ])
    bed.finish(requests: 1)
    #expect(bed.ends.map(\.status) == [200] && bed.ends[0].termination == "")
  }

  /// What a client says at its end may come behind the last response's: it must not meet a closed
  /// socket, whose reset would destroy that response.
  @Test func theClientsEndIsWaitedFor() throws {
    let bed = try EngineBed(secure: Self.fine)
    let client = bed.client([
      SecureWorld.client(), .stopReading, .send(get("/", "Connection: close\r\n")),
      .pause(.milliseconds(50)),
      .sendRaw { peer in
        peer?.end()
        return peer?.takeOutput() ?? []
      },
      .pause(.milliseconds(50)), .startReading, .awaitResponse, .awaitEnd,
    ])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.text) == ["fine"])
    #expect(!bed.record(client).wasReset && bed.record(client).hasEnd)
  }

  /// A client that closes in the middle of its content is gone, whether it says so or not.
  @Test(arguments: Version.allCases, [PeerFarewell.both, .transportOnly])
  func aClientMayLeaveInItsContent(version: Version, farewell: PeerFarewell) throws {
    let bed = try EngineBed(secure: SecureWorld.proxy)
    bed.backend(BackendBehaviour.echo.secured())
    bed.client([
      SecureWorld.client(version, farewell: farewell),
      .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"),
      .pause(.milliseconds(10)), .close,
    ])
    bed.finish(requests: 1)
    #expect(bed.ends.map(\.status) == [499])
    #expect(bed.ends[0].termination == "client:request_body")
  }

  /// Bytes that were not sealed with the right key break the session; what was asked before is on
  /// record, and an alert tells the client.
  @Test(arguments: Version.allCases, [true, false])
  func unsealedBytesBreakTheSession(version: Version, isInRequest: Bool) throws {
    let bed = try EngineBed(secure: Self.fine)
    let garbage: [UInt8] = [0x17, 3, 3, 0, 40] + Array(repeating: 7, count: 40)
    let client = bed.client([
      SecureWorld.client(version), .send(get()), .awaitResponse,
      isInRequest
        ? .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        : .pause(.milliseconds(1)),
      .pause(.milliseconds(5)), SecureWorld.raw(garbage), .awaitEnd,
    ])
    checkThatOthersAreServed(bed)
    bed.finish(requests: isInRequest ? 3 : 2)
    #expect(bed.record(client).messages.map(\.status) == [200])
    #expect(bed.errors.contains { $0.contains("the session is broken") })
  }

  /// The same behind a request, in the same piece: the request was whole and is answered, and
  /// nobody waits for the end of a session that is no more.
  @Test(arguments: Version.allCases)
  func garbageBehindARequestDoesNotLinger(version: Version) throws {
    let bed = try EngineBed(secure: Self.fine)
    let client = bed.client([
      SecureWorld.client(version),
      SecureWorld.misbehaving { peer in
        peer.send(Array(get().utf8))
        return peer.takeOutput() + [0x17, 3, 3, 0, 20] + Array(repeating: 7, count: 20)
      },
      .awaitEnd,
    ])
    bed.run(for: .seconds(1))
    #expect(bed.connectionCount == 0)
    bed.finish(requests: 1)
    #expect(bed.record(client).ending != nil)
  }

  /// A second handshake is refused (RFC 5746 is for others): nothing breaks but that connection.
  @Test func renegotiationIsRefused() throws {
    let bed = try EngineBed(secure: Self.fine)
    let client = bed.client([
      SecureWorld.client(.tls12), .send(get()), .awaitResponse,
      SecureWorld.misbehaving { $0.askForRenegotiation() }, .awaitResponse,
    ])
    checkThatOthersAreServed(bed)
    bed.finish(requests: 2)
    let record = bed.record(client)
    #expect(record.messages.map(\.status) == [200])
    #expect(record.securityFailure?.contains("renegotiation") == true)
  }

  /// New keys are given to who asks for them and reads the answers.
  @Test func newKeysAreGiven() throws {
    let bed = try EngineBed(secure: SecureWorld.proxy)
    bed.backend(BackendBehaviour.echo.secured())
    let keys = SecureWorld.misbehaving { $0.askForKeys(times: 3) }
    let client = bed.client([
      SecureWorld.client(), keys, .send(post("one")), .awaitResponse, keys, .send(post("two")),
      .awaitResponse, keys, .send(post("three")), .awaitResponse,
    ])
    bed.finish(requests: 3)
    #expect(bed.record(client).messages.map(\.text) == ["one", "two", "three"])
    #expect(bed.errors.isEmpty)
  }

  /// When somebody asks for keys again and again.
  enum Moment: CaseIterable { case idle, uploading, discarding }

  /// Who asks for new keys again and again and reads none of the answers is let go before they fill
  /// the memory, with a line in the log; where nothing of its is needed, nothing more is read.
  @Test(arguments: Moment.allCases)
  func keysForNobodyAreBounded(_ moment: Moment) throws {
    let bed = try EngineBed(
      secure: Self.fine + "location /up { proxy_pass https://10.0.0.1:8000; }")
    bed.backend(BackendBehaviour.echo.secured())
    let head = " HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"
    let begin = [Moment.idle: get(), .uploading: "POST /up" + head, .discarding: "POST /" + head]
    let asking = SecureWorld.misbehaving { $0.askForKeys(times: 500) }
    let client = bed.client(
      [SecureWorld.client(), .send(begin[moment] ?? ""), .pause(.milliseconds(5)), .stopReading]
        + Array(repeating: asking, count: 60) + [.pause(.seconds(1))])
    var most = 0
    for _ in 0..<100_000 where !bed.world.isQuiet {
      bed.turn()
      most = max(most, bed.buffersInUse)
    }
    #expect(most > 0 && most <= 6)
    bed.finish(requests: 1, in: .hostile)
    // More was meant to be sent: as much as the sockets and the largest buffer hold is answered.
    #expect(bed.record(client).takenCount < 600_000)
    let complaints = bed.errors.count { $0.contains("demands answers") }
    #expect(complaints == (moment == .discarding ? 0 : 1))
  }

  // MARK: Backends

  /// A certificate that nobody trusts: 502, and the log says why.
  @Test func anUntrustedBackendIsNotAsked() throws {
    let bed = try EngineBed(secure: SecureWorld.proxy)
    var behaviour = BackendBehaviour.echo
    behaviour.onConnection = { _ in [.secure { SecurePeer(SecureWorld.untrusted) }] }
    let backend = bed.backend(behaviour)
    let client = bed.client([SecureWorld.client(), .send(get()), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.status) == [502])
    let line = try #require(bed.ends.first)
    #expect(line.error == "tls_certificate_error" && line.termination == "upstream:connect")
    #expect(bed.errors.contains { $0.contains("[req-\(line.id)]") && $0.contains("certificate") })
    #expect(bed.world.requests(of: backend).isEmpty)
  }

  /// A backend that breaks the handshake off was never asked: another one may be.
  @Test(arguments: [[PeerAction.reset], [.close], [.send("HTTP/1.1 400 No\r\n\r\n"), .close]])
  func anotherBackendIsAskedAfterABrokenHandshake(_ actions: [PeerAction]) throws {
    let bed = try EngineBed(
      secure: "location / { proxy_pass https://app; }",
      top: "upstream app { server 10.0.0.1:8000; server 10.0.0.2:8000; }")
    var broken = BackendBehaviour()
    broken.onConnection = { _ in [.pause(.milliseconds(1))] + actions }
    bed.backend(broken)
    let second = bed.backend(
      at: .ipv4(10, 0, 0, 2, port: 8000), BackendBehaviour.echo.secured())
    let client = bed.client([SecureWorld.client(), .send(post("paid")), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.text) == ["paid"])
    #expect(bed.world.requests(of: second).count == 1)
    let tries = try #require(bed.ends.first).tries
    #expect(tries.count == 2 && tries[0].error != "")
  }

  /// A backend that says nothing in the handshake: the time for connecting ends it.
  @Test func aSilentHandshakeIsPartOfConnecting() throws {
    let bed = try EngineBed(secure: "proxy_connect_timeout 2s; " + SecureWorld.proxy)
    bed.backend(BackendBehaviour())
    let client = bed.client([SecureWorld.client(), .send(get()), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.status) == [504])
    let line = try #require(bed.ends.first)
    #expect(line.error == "connection_timeout" && line.termination == "upstream:connect")
    #expect(line.seconds >= 2 && line.seconds < 2.1)
  }

  /// A kept connection that the backend has ended is replaced, with TLS as without.
  @Test(arguments: Version.allCases, [PeerFarewell.both, .noticeOnly, .transportOnly])
  func aStaleConnectionIsReplaced(version: Version, farewell: PeerFarewell) throws {
    let bed = try EngineBed(secure: SecureWorld.proxy)
    var behaviour = BackendBehaviour.echo
    let echo = behaviour.onMessage
    behaviour.onHead = { $0.connection == 0 && $0.sequence == 1 ? [.finishSending, .close] : [] }
    behaviour.onMessage = { $0.connection == 0 && $0.sequence == 1 ? [] : echo($0) }
    let backend = bed.backend(behaviour.secured(version, farewell: farewell))
    let client = bed.client([
      SecureWorld.client(), .send(get("/1")), .awaitResponse, .send(get("/2")), .awaitResponse,
    ])
    bed.finish(requests: 2)
    #expect(bed.record(client).messages.map(\.text) == ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"])
    #expect(bed.world.connections(of: backend).count == 2)
    #expect(bed.ends.last?.tries.count == 2)
  }
}
