import Basics
import Scenarios
import SecurePeers
import Simulation
import Testing

/// Requests and responses over TLS, on both sides: whatever carries them, they are the same.
struct SecureExchangeTests {
  typealias Version = SecureContext.Version

  /// A network in which each socket holds little, so that everything waits for everybody.
  private static func narrow(_ bytes: Int) -> NetworkSettings {
    var network = NetworkSettings()
    network.sendBuffer = bytes
    network.receiveBuffer = bytes
    return network
  }

  /// Messages of all framings pass over one connection on each side.
  @Test(arguments: Version.allCases, Version.allCases)
  func messagesPass(client: Version, backend: Version) throws {
    let bed = try EngineBed(secure: SecureWorld.proxy)
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    var behaviour = BackendBehaviour.echo
    let echo = behaviour.onMessage
    behaviour.onMessage = {
      $0.message.target == "/chunked" ? [.send(chunked)] : echo($0)
    }
    let peer = bed.backend(behaviour.secured(backend))
    let id = bed.client([
      SecureWorld.client(client), .send(get("/1")), .awaitResponse, .send(post("content")),
      .awaitResponse, .send(chunkedHead() + "3\r\nabc\r\n0\r\n\r\n" + get("/last")),
      .awaitResponse, .awaitResponse,
    ])
    bed.finish(requests: 4)
    #expect(
      bed.record(id).messages.map(\.text) == [
        "GET /1 HTTP/1.1", "content", "hello", "GET /last HTTP/1.1",
      ])
    #expect(bed.world.connections(of: peer).count == 1)
    let version = client == .tls12 ? "TLSv1.2" : "TLSv1.3"
    #expect(bed.ends.allSatisfy { $0["tls_version"] == version && $0["sni"] == "a.example" })
    #expect(bed.ends.allSatisfy { $0["scheme"] == "https" && $0.termination == "" })
    let forwarded = bed.world.requests(of: peer).map { $0.value(of: "x-forwarded-proto") }
    #expect(forwarded == ["https", "https", "https", "https"])
  }

  /// Sockets that hold a few bytes only, down to one: each record comes and goes in many pieces.
  @Test(arguments: [1, 2, 5, 21, 300])
  func socketsMayBeTiny(bytes: Int) throws {
    let bed = try EngineBed(secure: SecureWorld.proxy, network: Self.narrow(bytes))
    bed.backend(BackendBehaviour.echo.secured())
    let client = bed.client([
      SecureWorld.client(), .send(post("content")), .awaitResponse, .send(get()), .awaitResponse,
    ])
    bed.finish(requests: 2)
    #expect(bed.record(client).messages.map(\.text) == ["content", "GET / HTTP/1.1"])
    #expect(bed.record(client).ending == .completed)
    #expect(bed.errors.isEmpty)
  }

  /// More than all sockets and buffers hold flows through both sides at the pace of the slowest.
  @Test(arguments: Version.allCases, [3_000, 65_536])
  func muchFlowsBothWays(version: Version, window: Int) throws {
    let bed = try EngineBed(secure: SecureWorld.proxy, network: Self.narrow(window))
    bed.backend(BackendBehaviour.echo.secured(version))
    let text = filler(700_000)
    let client = bed.client([
      SecureWorld.client(version), .send(post(text)), .awaitResponse,
      .readSlowly(bytes: 9_000, every: .milliseconds(5)), .send(post(text)), .awaitResponse,
    ])
    bed.finish(requests: 2)
    #expect(bed.record(client).messages.map { $0.text == text } == [true, true])
    #expect(bed.ends.map(\.bytesIn) == [700_000, 700_000])
    #expect(bed.ends.map(\.bytesOut) == [700_000, 700_000])
  }

  /// Content of just a record, and of a byte less and more.
  @Test(arguments: [0, 1, 16_383, 16_384, 16_385, 32_768, 65_535, 65_536, 65_537])
  func recordsMayBeFull(count: Int) throws {
    let bed = try EngineBed(secure: SecureWorld.proxy)
    let text = filler(count)
    bed.backend(BackendBehaviour.performing([.send(ok(text))]).secured())
    let client = bed.client([SecureWorld.client(), .send(post(text)), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map { $0.text == text } == [true])
    #expect(bed.ends.map(\.bytesIn) == [count] && bed.ends.map(\.bytesOut) == [count])
  }

  /// An upgraded connection carries bytes both ways and is ended by both sides in good order.
  @Test(arguments: Version.allCases, [PeerFarewell.both, .noticeOnly])
  func aTunnelPasses(version: Version, farewell: PeerFarewell) throws {
    let bed = try EngineBed(secure: SecureWorld.proxy)
    let backend = bed.backend(BackendBehaviour.echo.secured(version))
    let text = filler(100_000)
    let client = bed.client([
      SecureWorld.client(version, farewell: farewell),
      .send(get("/", "Connection: upgrade\r\nUpgrade: echo\r\n")), .awaitResponse,
      .send("ping"), .pause(.seconds(3)), .send(text), .finishSending, .awaitEnd,
    ])
    bed.finish(requests: 1)
    let record = bed.record(client)
    #expect(record.text.hasSuffix("\r\n\r\nping" + text))
    #expect(record.hasEnd && record.ending == .completed)
    #expect(bed.world.connections(of: backend).allSatisfy { $0.hasEnd && !$0.wasTruncated })
    let line = try #require(bed.ends.first)
    #expect(line.status == 101 && line.bytesIn == 100_004 && line.bytesOut == 100_004)
    #expect(line.termination == "" && line.seconds < 4)
  }

  /// Bytes and the end of a stream may come at once; neither hides the other.
  @Test(arguments: Version.allCases, [PeerFarewell.both, .noticeOnly])
  func anEndBehindBytesIsSeen(version: Version, farewell: PeerFarewell) throws {
    let bed = try EngineBed(secure: SecureWorld.proxy)
    bed.backend(BackendBehaviour.echo.secured())
    let client = bed.client([
      SecureWorld.client(version, farewell: farewell),
      .send(get("/", "Connection: upgrade\r\nUpgrade: echo\r\n") + "all at once"),
      .finishSending, .awaitEnd,
    ])
    bed.finish(requests: 1)
    #expect(bed.record(client).text.hasSuffix("\r\n\r\nall at once"))
    #expect((bed.ends.first?.seconds ?? 9) < 1)
  }

  /// Content that lasts until the backend ends its stream is complete when TLS says so, and cut
  /// when only TCP does (RFC 9112 section 9.8).
  @Test(arguments: Version.allCases, [PeerFarewell.both, .noticeOnly, .transportOnly])
  func onlyANoticeEndsContent(version: Version, farewell: PeerFarewell) throws {
    let bed = try EngineBed(secure: SecureWorld.proxy)
    bed.backend(
      BackendBehaviour.performing([
        .send("HTTP/1.1 200 OK\r\n\r\nunframed"), .finishSending, .awaitEnd,
      ]).secured(version, farewell: farewell))
    let client = bed.client([SecureWorld.client(version), .send(get()), .awaitResponse])
    bed.finish(requests: 1)
    let isWhole = farewell != .transportOnly
    #expect(bed.record(client).finalMessages.count == (isWhole ? 1 : 0))
    #expect(bed.ends.first?.termination == (isWhole ? "" : "upstream:response_body"))
    #expect((bed.ends.first?.seconds ?? 9) < 1)
  }

  /// The end is told even where the socket has no room for it at once: else a client would take
  /// what came for cut.
  @Test(arguments: [1, 2, 5, 21, 30, 100, 300], ["1.0", "1.1"])
  func theEndWaitsForRoom(bytes: Int, version: String) throws {
    let bed = try EngineBed(secure: SecureWorld.proxy, network: Self.narrow(bytes))
    bed.backend(
      BackendBehaviour.performing([.send("HTTP/1.1 200 OK\r\n\r\nunframed"), .close]).secured())
    let client = bed.client([
      SecureWorld.client(),
      .send("GET / HTTP/\(version)\r\nHost: a\r\nConnection: close\r\n\r\n"), .awaitResponse,
      .awaitEnd,
    ])
    bed.finish(requests: 1)
    let record = bed.record(client)
    #expect(record.finalMessages.map(\.text) == ["unframed"])
    #expect(record.hasEnd && !record.wasTruncated && !record.wasReset)
  }

  /// The same towards a client that knows no other end than that of the connection.
  @Test(arguments: Version.allCases, [true, false])
  func aClientIsToldOfTheEndOnlyIfAllHasCome(version: Version, isWhole: Bool) throws {
    let bed = try EngineBed(secure: SecureWorld.proxy)
    let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    bed.backend(
      BackendBehaviour.performing([
        .send(chunk), .pause(.seconds(1)), isWhole ? .send("0\r\n\r\n") : .close,
      ]).secured())
    let client = bed.client([
      SecureWorld.client(version), .send("GET / HTTP/1.0\r\n\r\n"), .awaitResponse, .awaitEnd,
    ])
    bed.finish(requests: 1)
    let record = bed.record(client)
    #expect(record.hasEnd == isWhole)
    #expect(record.text.hasSuffix("\r\n\r\nabc"))
    #expect(bed.ends.first?.termination == (isWhole ? "" : "upstream:response_body"))
  }
}
