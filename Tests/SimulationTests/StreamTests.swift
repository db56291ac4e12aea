import Basics
import Platform
import Simulation
import Testing

/// Reads, writes, ends and resets give what Linux gives.
struct StreamTests {
  private let step = Interval.milliseconds(1)

  @Test func partsAreWrittenInOrderAndEmptyOnesAllowed() {
    let (probe, connection, client) = SimulatedWorld.accepted([.awaitBytes(6)])
    #expect(probe.write(connection, "ab", "", "cd") == .taken(4))
    #expect(probe.write(connection, "ef") == .taken(2))
    #expect(probe.write(connection) == .taken(0))
    probe.pass(step)
    #expect(probe.world.record(of: client).text == "abcdef")
    #expect(probe.world.record(of: client).ending == .completed)
  }

  @Test func aReadTakesWhatFitsAndTheRestStays() {
    let (probe, connection, _) = SimulatedWorld.accepted([.send("abcdef"), .awaitEnd])
    #expect(probe.read(connection) == .wouldBlock)
    probe.pass(step)
    #expect(probe.read(connection, room: 4) == .text("abcd"))
    #expect(probe.read(connection, room: 4) == .text("ef"))
    #expect(probe.read(connection) == .wouldBlock)
  }

  @Test func bothBuffersBoundWhatIsUnderWay() {
    var network = NetworkSettings()
    network.sendBuffer = 10
    network.receiveBuffer = 5
    let (probe, connection, client) = SimulatedWorld.accepted(
      network: network, [.stopReading, .pause(.seconds(1)), .startReading, .awaitEnd])
    probe.pass(step)
    #expect(probe.write(connection, "0123456789abcdef") == .taken(10))
    probe.pass(step)
    #expect(probe.kernel.unacknowledgedBytes(connection) == 5)
    #expect(probe.write(connection, "ABCDEFGHIJ") == .taken(5))
    #expect(probe.write(connection, "x") == .wouldBlock)
    probe.pass(.seconds(2))
    #expect(probe.kernel.unacknowledgedBytes(connection) == 0)
    #expect(probe.world.record(of: client).text == "0123456789ABCDE")
  }

  /// Else a reader with a small buffer would wait for the end for ever.
  @Test func anEndBehindAFullBufferArrivesOnceThereIsRoom() {
    var network = NetworkSettings()
    network.receiveBuffer = 3
    var faults = Faults.none
    faults.fragmentedDeliveries = 1000
    faults.largestFragment = 3
    let (probe, connection, _) = SimulatedWorld.accepted(
      faults: faults, network: network, [.send("a"), .send("b"), .send("c"), .close])
    var text = ""
    for _ in 0..<10 {
      probe.pass(step)
      if case .text(let piece) = probe.read(connection) { text += piece }
    }
    #expect(text == "abc")
    #expect(probe.read(connection) == .end)
  }

  @Test func bytesBeforeAResetCanBeReadThenComesTheErrorOnce() {
    let (probe, connection, _) = SimulatedWorld.accepted([
      .send("abc"), .pause(step), .reset,
    ])
    probe.pass(.milliseconds(5))
    #expect(probe.read(connection, room: 2) == .text("ab"))
    #expect(probe.read(connection) == .text("c"))
    #expect(probe.read(connection) == .failed(104))
    #expect(probe.read(connection) == .end)
    #expect(probe.write(connection, "x") == .failed(32))
  }

  @Test func aWriteTakesThePendingError() {
    let (probe, connection, _) = SimulatedWorld.accepted([.reset])
    probe.pass(step)
    #expect(probe.write(connection, "x") == .failed(104))
    #expect(probe.write(connection, "x") == .failed(32))
    #expect(probe.read(connection) == .end)
  }

  @Test func pendingErrorIsReportedOnce() {
    let (probe, connection, _) = SimulatedWorld.accepted([.reset])
    #expect(probe.kernel.pendingError(connection) == nil)
    probe.pass(step)
    #expect(probe.kernel.pendingError(connection)?.kind == .reset)
    #expect(probe.kernel.pendingError(connection) == nil)
  }

  @Test func writingToAClosedPeerIsTakenFirstAndAnsweredByAReset() {
    let (probe, connection, _) = SimulatedWorld.accepted([.close])
    probe.pass(step)
    #expect(probe.read(connection) == .end)
    #expect(probe.write(connection, "late") == .taken(4))
    probe.pass(step)
    #expect(probe.read(connection) == .end)
    #expect(probe.write(connection, "later") == .failed(32))
    #expect(probe.kernel.unacknowledgedBytes(connection) == 4)
  }

  @Test func aHalfClosedPeerStillReceives() {
    let (probe, connection, client) = SimulatedWorld.accepted([
      .send("q"), .finishSending, .awaitBytes(1), .close,
    ])
    probe.pass(step)
    #expect(probe.read(connection) == .text("q"))
    #expect(probe.read(connection) == .end)
    #expect(probe.write(connection, "a") == .taken(1))
    probe.pass(step)
    #expect(probe.world.record(of: client).text == "a")
    #expect(probe.kernel.unacknowledgedBytes(connection) == 0)
  }

  @Test func closingSendsWhatIsUnderWayAndThenTheEnd() {
    let (probe, connection, client) = SimulatedWorld.accepted([.awaitEnd])
    #expect(probe.write(connection, "bye") == .taken(3))
    probe.kernel.close(connection)
    probe.pass(step)
    let record = probe.world.record(of: client)
    #expect(record.text == "bye" && record.hasEnd && !record.wasReset)
  }

  @Test func closingWithUnreadBytesResets() {
    let (probe, connection, client) = SimulatedWorld.accepted([.send("unread"), .awaitEnd])
    probe.pass(step)
    #expect(probe.write(connection, "lost") == .taken(4))
    probe.kernel.close(connection)
    probe.pass(step)
    let record = probe.world.record(of: client)
    #expect(record.wasReset && record.ending == .reset(action: 1) && record.text.isEmpty)
  }

  @Test func resettingTellsThePeerThatSomethingIsMissing() {
    let (probe, connection, client) = SimulatedWorld.accepted([.awaitEnd])
    #expect(probe.write(connection, "arrives") == .taken(7))
    probe.pass(step)
    #expect(probe.write(connection, "lost") == .taken(4))
    probe.kernel.reset(connection)
    probe.pass(step)
    let record = probe.world.record(of: client)
    #expect(record.text == "arrives" && record.ending == .reset(action: 0))
    #expect(probe.world.openConnectionCount == 0)
  }

  @Test func aConnectUnderWayCanBeReset() throws {
    let probe = Probe(SimulatedWorld(seed: 1))
    let backend = probe.world.addBackend(at: origin, .echo)
    probe.kernel.reset(try #require(probe.connect(to: origin)))
    probe.pass(step)
    #expect(probe.world.connections(of: backend).isEmpty)
  }

  @Test func aDiscardingPeerLosesWhatItHadNotRead() {
    let (probe, connection, client) = SimulatedWorld.accepted([
      .send("unread"), .stopReading, .pause(.seconds(1)), .startReading, .awaitEnd,
    ])
    probe.world.faults.resetsThatDiscard = 1000
    probe.pass(step)
    #expect(probe.write(connection, "response") == .taken(8))
    probe.pass(step)
    probe.kernel.close(connection)
    probe.pass(.seconds(2))
    #expect(probe.world.record(of: client).text.isEmpty)
  }

  @Test func writingAfterTheOwnEndFails() {
    let (probe, connection, client) = SimulatedWorld.accepted([.awaitEnd, .pause(.seconds(1))])
    probe.kernel.shutdownWriting(connection)
    #expect(probe.write(connection, "x") == .failed(32))
    probe.pass(step)
    #expect(probe.world.record(of: client).hasEnd)
  }

  @Test func aVanishedPeerAcknowledgesNothingAndSaysNothing() {
    let (probe, connection, _) = SimulatedWorld.accepted([.vanish])
    probe.pass(step)
    #expect(probe.write(connection, "anybody") == .taken(7))
    probe.pass(.seconds(60))
    #expect(probe.kernel.unacknowledgedBytes(connection) == 7)
    #expect(probe.read(connection) == .wouldBlock)
  }

  @Test func aSqueezedWriteIsFollowedByAnEvent() {
    let (probe, connection, _) = SimulatedWorld.accepted([.awaitEnd])
    _ = probe.kernel.watch(connection, token: 7)
    _ = probe.events()
    probe.world.faults.squeezedWrites = 1000
    guard case .taken(let count) = probe.write(connection, "0123456789") else {
      Issue.record("nothing was taken")
      return
    }
    #expect((1..<10).contains(count))
    #expect(probe.write(connection, "x") == .wouldBlock)
    #expect(probe.events() == [7: .writable])
    #expect(probe.write(connection, "x") == .taken(1))
  }
}
