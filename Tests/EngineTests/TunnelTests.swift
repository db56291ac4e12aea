import Basics
import Scenarios
import Simulation
import Testing

/// Upgraded connections: after a 101 bytes pass both ways until both sides have ended.
struct TunnelTests {
  private let upgrade = get("/socket", "Connection: Upgrade\r\nUpgrade: echo\r\n")

  /// A tunnel carries bytes both ways, and its one line counts them.
  @Test func bytesPassBothWays() throws {
    let bed = try EngineBed()
    bed.backend()
    let client = bed.client([
      .send(upgrade), .awaitResponse, .send("ping"), .pause(.seconds(3)), .send("pong"),
      .finishSending, .awaitEnd,
    ])
    bed.finish(requests: 1)
    let record = bed.record(client)
    #expect(record.messages.map(\.status) == [101])
    #expect(record.messages.first?.value(of: "upgrade") == "echo")
    #expect(record.text.hasSuffix("\r\n\r\npingpong"))
    let line = try #require(bed.ends.first)
    #expect(line.status == 101 && line.bytesIn == 8 && line.bytesOut == 8)
    #expect(line.termination == "" && line.seconds >= 3 && line.seconds < 3.1)
  }

  /// A second line says at once that the tunnel opened: it may stay open for days.
  @Test func theOpeningIsLogged() throws {
    let bed = try EngineBed()
    bed.backend()
    let client = bed.client([
      .send(upgrade), .awaitResponse, .pause(.seconds(9)), .finishSending, .awaitEnd,
    ])
    bed.run(for: .seconds(5))
    let opening = try #require(bed.lines().first)
    #expect(opening["event"] == "upgrade")
    #expect(bed.lines().count == 1)
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.first?.value(of: "x-request-id") == opening.id)
    #expect(bed.lines().map(\.id) == [opening.id, opening.id])
  }

  /// What follows either head in the same packet belongs to the tunnel; a WebSocket server that
  /// speaks first would lose its first frame else.
  @Test func bytesBehindTheHeadsAreNotLost() throws {
    let bed = try EngineBed()
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
    bed.backend(.performing([.send(head + "hello "), .echoUntilEnd, .close]))
    let client = bed.client([.send(upgrade + "early"), .awaitBytes(60), .finishSending, .awaitEnd])
    bed.finish(requests: 1)
    #expect(bed.record(client).text.hasSuffix("\r\n\r\nhello early"))
  }

  /// One side may end its stream and still listen to the other.
  @Test func halfAnEndIsPassedOn() throws {
    let bed = try EngineBed()
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
    let backend = bed.backend(
      .performing([.send(head), .finishSending, .awaitEnd, .close]))
    let client = bed.client([
      .send(upgrade), .awaitResponse, .awaitEnd, .send("last words"), .close,
    ])
    bed.finish(requests: 1)
    #expect(bed.record(client).ending == .completed)
    #expect(bed.world.connections(of: backend).first?.text.hasSuffix("last words") == true)
    #expect(bed.ends.first?.bytesIn == 10)
  }

  /// Much passes through with little memory: a reader that is slow holds up the writer.
  @Test func aSlowReaderHoldsUpTheWriter() throws {
    let bed = try EngineBed()
    bed.backend()
    let text = filler(400_000)
    let client = bed.client([
      .send(upgrade), .awaitResponse, .readSlowly(bytes: 20_000, every: .milliseconds(10)),
      .send(text), .finishSending, .awaitEnd,
    ])
    bed.finish(requests: 1)
    #expect(bed.record(client).text.hasSuffix("\r\n\r\n" + text))
    #expect(bed.ends.first?.bytesOut == text.utf8.count)
  }

  /// Whoever breaks the tunnel is named in the line, and the other side hears of it.
  @Test(arguments: [true, false])
  func aBrokenTunnelNamesWhoBrokeIt(isClient: Bool) throws {
    let bed = try EngineBed()
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
    let backend = bed.backend(
      .performing([.send(head)] + (isClient ? [.awaitEnd] : [.pause(.seconds(1)), .reset])))
    let client = bed.client(
      [.send(upgrade), .awaitResponse] + (isClient ? [.reset] : [.awaitEnd]))
    bed.finish(requests: 1)
    #expect(bed.ends.first?.termination == (isClient ? "client:tunnel" : "upstream:tunnel"))
    #expect(bed.record(client).ending == .completed)
    #expect(bed.world.connections(of: backend).first?.ending != nil)
  }

  /// A backend that switches protocols without being asked is refused: the client would read its
  /// bytes as a response.
  @Test func nobodySwitchesUnasked() throws {
    let bed = try EngineBed()
    bed.backend(
      .answering("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"))
    let client = bed.client([.send(get()), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.status) == [502])
    #expect(bed.ends.first?.error == "http_upgrade_failed")
  }

  /// A backend that does not want to switch answers as usual, and the connection lives on.
  @Test func aRefusedUpgradeIsAnOrdinaryResponse() throws {
    let bed = try EngineBed()
    bed.backend(.answering(ok("plain")))
    let client = bed.client([.send(upgrade), .awaitResponse, .send(get()), .awaitResponse])
    bed.finish(requests: 2)
    #expect(bed.record(client).messages.map(\.text) == ["plain", "plain"])
  }
}
