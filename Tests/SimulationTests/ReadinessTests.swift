import Basics
import Platform
import Simulation
import Testing

/// The events follow epoll's edge-triggered rules, each as it was observed on Linux.
struct ReadinessTests {
  private let step = Interval.milliseconds(1)

  /// Lets a client do `actions`, each 10 ms after the last, and waits into the first pause.
  private func watched(
    _ actions: [PeerAction], network: NetworkSettings = NetworkSettings()
  ) -> (probe: Probe, connection: Descriptor, client: ClientID) {
    let pause = PeerAction.pause(.milliseconds(20))
    let (probe, connection, client) = SimulatedWorld.accepted(
      network: network, [pause] + actions.flatMap { [$0, pause] } + [.pause(.seconds(9))])
    #expect(probe.kernel.watch(connection, token: 7) == nil)
    return (probe, connection, client)
  }

  @Test func watchingReportsWhatIsReadyAlreadyAndOnlyOnce() {
    let (probe, _, _) = watched([])
    #expect(probe.events() == [7: .writable])
    #expect(probe.events(within: step).isEmpty)
  }

  @Test func eachArrivalIsAnEventEvenWhenTheLastWasNotRead() {
    let (probe, _, _) = watched([.send("a"), .send("b")])
    _ = probe.events()
    #expect(probe.events(within: .seconds(1)) == [7: [.readable, .writable]])
    #expect(probe.events(within: step).isEmpty)
    #expect(probe.events(within: .seconds(1)) == [7: [.readable, .writable]])
  }

  @Test func arrivalsBeforeAWaitMakeOneEvent() {
    let (probe, connection, _) = SimulatedWorld.accepted([
      .pause(.milliseconds(5)), .send("a"), .pause(.milliseconds(1)), .send("b"), .awaitEnd,
    ])
    probe.pass(.milliseconds(20))
    _ = probe.kernel.watch(connection, token: 7)
    #expect(probe.eventList().count == 1)
    #expect(probe.read(connection) == .text("ab"))
  }

  @Test func bytesReadBeforeTheWaitLeaveAnEventWithoutThem() {
    let (probe, connection, _) = watched([.send("a"), .send("b")])
    _ = probe.events()
    _ = probe.events(within: .seconds(1))
    #expect(probe.read(connection) == .text("a"))
    #expect(probe.read(connection) == .wouldBlock)
    #expect(probe.events(within: step).isEmpty)
  }

  @Test func theEndOfTheStreamIsReadableAndPeerClosed() {
    let (probe, connection, _) = watched([.finishSending])
    _ = probe.events()
    #expect(probe.events(within: .seconds(1)) == [7: [.readable, .writable, .peerClosed]])
    #expect(probe.read(connection) == .end)
    #expect(probe.read(connection) == .end)
  }

  @Test func theLastBytesAndTheEndComeTogether() {
    let (probe, connection, _) = watched([.send("a"), .close])
    _ = probe.events()
    _ = probe.events(within: .seconds(1))
    #expect(probe.events(within: .seconds(1)) == [7: [.readable, .writable, .peerClosed]])
    #expect(probe.read(connection) == .text("a"))
    #expect(probe.read(connection) == .end)
  }

  @Test func bothEndsMakeItFailed() {
    let (probe, connection, _) = watched([.finishSending])
    _ = probe.events()
    probe.kernel.shutdownWriting(connection)
    #expect(probe.events(within: step) == [7: .writable])
    #expect(
      probe.events(within: .seconds(1)) == [7: [.readable, .writable, .peerClosed, .failed]])
  }

  @Test func theOwnEndAfterThePeersIsReportedAtOnceAndWhenItArrives() {
    let all: KernelEvent.Readiness = [.readable, .writable, .peerClosed, .failed]
    let (probe, connection, _) = watched([.finishSending])
    _ = probe.events()
    _ = probe.events(within: .seconds(1))
    probe.kernel.shutdownWriting(connection)
    #expect(probe.events(within: step) == [7: all])
    #expect(probe.events(within: step) == [7: all])
    #expect(probe.events(within: step).isEmpty)
  }

  @Test func aResetIsEverythingAtOnce() {
    let (probe, _, _) = watched([.reset])
    _ = probe.events()
    #expect(
      probe.events(within: .seconds(1)) == [7: [.readable, .writable, .peerClosed, .failed]])
  }

  @Test func roomIsAnEventOnlyAfterAWriteMissedIt() {
    var network = NetworkSettings()
    network.sendBuffer = 9
    network.receiveBuffer = 9
    let (probe, connection, _) = watched([.stopReading, .startReading], network: network)
    _ = probe.events()
    probe.pass(.milliseconds(30))
    #expect(probe.write(connection, "123456789") == .taken(9))
    #expect(probe.events(within: step).isEmpty)
    #expect(probe.write(connection, "abcdefghi", "j") == .taken(9))
    #expect(probe.write(connection, "k") == .wouldBlock)
    #expect(probe.events(within: step).isEmpty)
    #expect(probe.events(within: .seconds(1)) == [7: .writable])
  }

  @Test func anEventWithoutRoomIsFollowedByOneWithRoom() {
    var network = NetworkSettings()
    network.sendBuffer = 9
    network.receiveBuffer = 9
    let (probe, connection, _) = watched(
      [.stopReading, .send("x"), .startReading], network: network)
    _ = probe.events()
    probe.pass(.milliseconds(25))
    #expect(probe.write(connection, "123456789") == .taken(9))
    probe.pass(step)
    #expect(probe.write(connection, "abcdefghi") == .taken(9))
    #expect(probe.events(within: .seconds(1)) == [7: .readable])
    #expect(probe.events(within: .seconds(1)) == [7: [.readable, .writable]])
  }

  @Test func aListenerIsReportedAsLongAsConnectionsWait() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    let listener = world.listen(on: frontDoor)
    _ = probe.kernel.watchListener(listener, token: 3)
    world.addClient(to: frontDoor, [.awaitEnd])
    world.addClient(to: frontDoor, [.awaitEnd])
    #expect(probe.events() == [3: .readable])
    #expect(probe.events() == [3: .readable])
    #expect(probe.accept(listener) != nil)
    #expect(probe.events() == [3: .readable])
    #expect(probe.accept(listener) != nil)
    #expect(probe.accept(listener) == nil)
    #expect(probe.events().isEmpty)
  }

  @Test func unwatchingAndClosingTakeTheEventBack() {
    let (probe, connection, _) = watched([.send("a"), .send("b")])
    probe.kernel.unwatch(connection)
    #expect(probe.events(within: .milliseconds(25)).isEmpty)
    #expect(probe.kernel.watch(connection, token: 8) == nil)
    #expect(probe.events() == [8: [.readable, .writable]])
    probe.kernel.close(connection)
    #expect(probe.events(within: .milliseconds(50)).isEmpty)
  }

  @Test func whatHasNoRoomInOneWaitComesInTheNext() {
    let (probe, _, _) = watched([])
    probe.world.addBackend(at: .unix("/run/origin"), .echo)
    guard let second = probe.connect(to: .unix("/run/origin")) else {
      Issue.record("not connected")
      return
    }
    _ = probe.kernel.watch(second, token: 8)
    #expect(probe.eventList(room: 1).map(\.token) == [7])
    #expect(probe.eventList(room: 1).map(\.token) == [8])
  }
}
