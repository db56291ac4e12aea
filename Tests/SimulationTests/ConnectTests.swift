import Basics
import HTTP
import Platform
import Simulation
import Testing

/// Connects and accepts, with all outcomes.
struct ConnectTests {
  @Test(
    arguments: [
      (ConnectOutcome.accepted, KernelEvent.Readiness.writable, nil, 1),
      (.refused, [.readable, .writable, .peerClosed, .failed], 111, 1),
      (.unreachable, [.readable, .writable, .peerClosed, .failed], 113, 1),
      (.silent, [.readable, .writable, .peerClosed, .failed], 110, 127_000),
    ] as [(ConnectOutcome, KernelEvent.Readiness, Int32?, UInt64)])
  func outcome(
    _ outcome: ConnectOutcome, _ readiness: KernelEvent.Readiness, _ code: Int32?,
    _ milliseconds: UInt64
  ) {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    let backend = world.addBackend(at: origin, .connecting([outcome]))
    guard case .inProgress(let descriptor) = probe.connectResult(to: origin) else {
      Issue.record("not under way")
      return
    }
    let begin = world.now
    _ = probe.kernel.watch(descriptor, token: 5)
    #expect(probe.events(within: .seconds(200)) == [5: readiness])
    #expect(world.now - begin <= .milliseconds(milliseconds))
    #expect(world.now - begin > .milliseconds(milliseconds - 1))
    #expect(probe.kernel.pendingError(descriptor)?.code == code)
    #expect(probe.kernel.pendingError(descriptor) == nil)
    #expect(world.connectAttempts(of: backend) == 1)
    #expect(world.connections(of: backend).count == (outcome == .accepted ? 1 : 0))
  }

  @Test func nothingCanBeDoneBeforeTheConnectionIsMade() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    world.addBackend(at: origin, .echo)
    guard let descriptor = probe.connect(to: origin) else { return }
    #expect(probe.write(descriptor, "x") == .wouldBlock)
    #expect(probe.read(descriptor) == .wouldBlock)
    _ = probe.kernel.watch(descriptor, token: 5)
    #expect(probe.events() == [5: .writable])
    #expect(probe.write(descriptor, "x") == .taken(1))
    #expect(probe.kernel.localAddress(descriptor).low == 0x7F00_0001)
  }

  @Test func nobodyListensWhereThereIsNoBackend() {
    let probe = Probe(SimulatedWorld(seed: 1))
    guard let descriptor = probe.connect(to: origin) else { return }
    _ = probe.kernel.watch(descriptor, token: 5)
    _ = probe.events()
    #expect(probe.kernel.pendingError(descriptor)?.kind == .refused)
  }

  @Test func aConnectThatIsClosedBeforehandNeverReachesTheBackend() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    let backend = world.addBackend(at: origin, .echo)
    guard let descriptor = probe.connect(to: origin) else { return }
    probe.kernel.close(descriptor)
    probe.pass(.seconds(1))
    #expect(world.connections(of: backend).isEmpty)
    #expect(world.openDescriptors.isEmpty)
  }

  @Test func outcomesComeInTurnAndTheLastStays() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    world.addBackend(at: origin, .connecting([.refused, .accepted, .unreachable]))
    let codes = (0..<4).map { _ -> Int32 in
      guard let descriptor = probe.connect(to: origin) else { return -1 }
      probe.pass(.milliseconds(1))
      return probe.kernel.pendingError(descriptor)?.code ?? 0
    }
    #expect(codes == [111, 0, 113, 113])
  }

  @Test func aUnixSocketIsConnectedOrRefusedAtOnce() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    let path = Location.unix("/run/app.sock")
    guard case .failed(let missing) = probe.connectResult(to: path) else {
      Issue.record("connected to nothing")
      return
    }
    #expect(missing.kind == .refused && missing.code == 2)
    let backend = world.addBackend(at: path, .connecting([.accepted, .refused]))
    guard case .connected(let descriptor) = probe.connectResult(to: path) else {
      Issue.record("not connected")
      return
    }
    #expect(probe.write(descriptor, "GET / HTTP/1.1\r\n\r\n") == .taken(18))
    #expect(probe.kernel.unacknowledgedBytes(descriptor) == 0)
    #expect(probe.kernel.localAddress(descriptor) == .unix)
    probe.pass(.milliseconds(1))
    #expect(world.requests(of: backend).map(\.startLine) == ["GET / HTTP/1.1"])
    guard case .failed(let refused) = probe.connectResult(to: path) else {
      Issue.record("not refused")
      return
    }
    #expect(refused.code == 111)
  }

  @Test func acceptTellsWhoConnectedToWhat() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    let listener = world.listen(on: frontDoor)
    let stranger = Location.ipv4(203, 0, 113, 9, port: 5555).address
    world.addClient(to: frontDoor, from: stranger, [.awaitEnd])
    probe.pass(.milliseconds(1))
    guard case .connection(let descriptor, let peer) = probe.kernel.accept(listener) else {
      Issue.record("nobody came")
      return
    }
    #expect(peer == stranger)
    #expect(probe.kernel.localAddress(descriptor) == frontDoor.address)
  }

  @Test func aFullQueueLetsTheClientTryAgain() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    let listener = world.listen(on: frontDoor, backlog: 1)
    let clients = (0..<2).map { _ in world.addClient(to: frontDoor, [.awaitEnd]) }
    probe.pass(.milliseconds(1))
    #expect(clients.filter { world.record(of: $0).openedAt != nil }.count == 1)
    #expect(probe.accept(listener) != nil && probe.accept(listener) == nil)
    probe.pass(.seconds(1))
    #expect(probe.accept(listener) != nil)
  }

  @Test func aClientGivesUpWhenTheQueueStaysFull() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    _ = world.listen(on: frontDoor, backlog: 0)
    let client = world.addClient(to: frontDoor, [.awaitEnd])
    #expect(world.run { _ = probe.eventList(within: .endless) } == .quiet)
    #expect(world.record(of: client).ending == .gaveUp(action: 0))
    #expect(world.record(of: client).openedAt == nil)
  }

  @Test func aClosedListenerRefusesAndResetsItsQueue() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    let listener = world.listen(on: frontDoor)
    let waiting = world.addClient(to: frontDoor, [.awaitEnd])
    probe.pass(.milliseconds(1))
    probe.kernel.close(listener)
    let late = world.addClient(to: frontDoor, [.awaitEnd])
    probe.pass(.milliseconds(1))
    #expect(world.record(of: waiting).ending == .reset(action: 0))
    #expect(world.record(of: late).ending == .refused)
    #expect(world.isQuiet)
  }

  /// Clients are counted as the program takes notice of them: not at all where it could not.
  @Test func clientsAreCountedWhenTheyAreWatched() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    let listener = world.listen(on: frontDoor)
    let clients = (0..<3).map { _ in world.addClient(to: frontDoor, [.awaitEnd]) }
    probe.pass(.milliseconds(1))
    let first = probe.accept(listener)
    let second = probe.accept(listener)
    guard let first, let second else {
      Issue.record("nobody came")
      return
    }
    world.faults.failedWatches = 1_000
    #expect(probe.kernel.watch(first, token: 1) != nil)
    world.faults.failedWatches = 0
    #expect(probe.kernel.watch(second, token: 2) == nil)
    #expect(clients.compactMap { world.record(of: $0).admission?.place } == [0])
  }

  @Test func acceptsFailDuringExhaustionAndTheConnectionWaits() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    let listener = world.listen(on: frontDoor)
    world.addClient(to: frontDoor, [.awaitEnd])
    probe.pass(.milliseconds(1))
    world.exhaustAccepts(for: .seconds(2))
    guard case .exhausted(let error) = probe.kernel.accept(listener) else {
      Issue.record("not exhausted")
      return
    }
    #expect(error.kind == .exhausted && error.code == 24)
    probe.pass(.seconds(3))
    #expect(probe.accept(listener) != nil)
  }

  @Test func theDescriptorLimitConcernsAcceptConnectAndLogs() {
    var network = NetworkSettings()
    network.descriptorLimit = 5
    let world = SimulatedWorld(seed: 1, network: network)
    let probe = Probe(world)
    let listener = world.listen(on: frontDoor)
    world.addClient(to: frontDoor, [.awaitEnd])
    probe.pass(.milliseconds(1))
    let log = probe.openLog("/log")
    #expect(log?.number == 4)
    #expect(probe.accept(listener) == nil)
    #expect(probe.connect(to: origin) == nil)
    #expect(probe.openLog("/other") == nil)
    if let log { probe.kernel.close(log) }
    #expect(probe.accept(listener)?.number == 4)
  }

  @Test func anAbortedAcceptTakesTheConnectionAway() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    let listener = world.listen(on: frontDoor)
    world.addClient(to: frontDoor, [.awaitEnd])
    probe.pass(.milliseconds(1))
    world.faults.abortedAccepts = 1000
    guard case .aborted = probe.kernel.accept(listener) else {
      Issue.record("not aborted")
      return
    }
    guard case .wouldBlock = probe.kernel.accept(listener) else {
      Issue.record("still there")
      return
    }
  }
}
