import Basics
import Platform
import Simulation
import Testing

/// Each fault, at its highest rate, does what its name says, and nothing that Linux would not do.
struct FaultTests {
  private let step = Interval.milliseconds(1)

  /// A world in which one fault always happens.
  private func world(_ fault: WritableKeyPath<Faults, Int>) -> SimulatedWorld {
    var faults = Faults.none
    faults[keyPath: fault] = 1000
    return SimulatedWorld(seed: 1, faults: faults)
  }

  @Test(arguments: [(false, Int32(111)), (true, Int32(110))])
  func connectsAreRefusedOrNeverAnswered(_ isSilent: Bool, _ code: Int32) throws {
    let world = world(isSilent ? \.silentConnects : \.refusedConnects)
    let probe = Probe(world)
    let backend = world.addBackend(at: origin, .echo)
    let descriptor = try #require(probe.connect(to: origin))
    probe.pass(.seconds(128))
    #expect(probe.kernel.pendingError(descriptor)?.code == code)
    #expect(world.connectAttempts(of: backend) == 0)
  }

  @Test func connectsFindNoDescriptor() {
    guard case .failed(let error) = Probe(world(\.exhaustedConnects)).connectResult(to: origin)
    else {
      Issue.record("connected")
      return
    }
    #expect(error.kind == .exhausted)
  }

  @Test func acceptsFindNoDescriptorAndTheConnectionStays() {
    let world = world(\.exhaustedAccepts)
    let probe = Probe(world)
    let listener = world.listen(on: frontDoor)
    world.addClient(to: frontDoor, [.awaitEnd])
    probe.pass(step)
    #expect(probe.accept(listener) == nil)
    world.faults = .none
    #expect(probe.accept(listener) != nil)
  }

  @Test func watchingFails() {
    let (probe, connection, _) = SimulatedWorld.accepted([.awaitEnd])
    probe.world.faults.failedWatches = 1000
    #expect(probe.kernel.watch(connection, token: 1)?.kind == .exhausted)
    probe.world.faults = .none
    #expect(probe.kernel.watch(connection, token: 1) == nil)
  }

  @Test func spuriousEventsPromiseWhatIsNotThere() {
    let (probe, connection, _) = SimulatedWorld.accepted([.awaitEnd])
    _ = probe.kernel.watch(connection, token: 1)
    _ = probe.events()
    #expect(probe.events(within: step).isEmpty)
    probe.world.faults.spuriousEvents = 1000
    #expect(probe.events(within: step) == [1: [.readable, .writable]])
    #expect(probe.read(connection) == .wouldBlock)
  }

  @Test func aConnectUnderWayIsNeverReportedSpuriously() throws {
    let world = world(\.spuriousEvents)
    let probe = Probe(world)
    let descriptor = try #require(probe.connect(to: origin))
    _ = probe.kernel.watch(descriptor, token: 1)
    #expect(probe.events(within: Interval(nanoseconds: 0)).isEmpty)
  }

  @Test func eventsComeInAnotherOrder() {
    let world = world(\.reorderedEvents)
    let probe = Probe(world)
    world.addBackend(at: .unix("/run/origin"), .echo)
    for token in 0..<20 as Range<UInt64> {
      guard let descriptor = probe.connect(to: .unix("/run/origin")) else { continue }
      _ = probe.kernel.watch(descriptor, token: token)
    }
    let tokens = probe.eventList().map(\.token)
    #expect(tokens.sorted() == Array(0..<20))
    #expect(tokens != Array(0..<20))
  }

  @Test func theWallClockJumpsButNotTheMonotonicOne() {
    let world = world(\.wallClockJumps)
    let probe = Probe(world)
    var jumps: Set<Int64> = []
    for _ in 0..<50 {
      let (begin, wall) = (world.now, probe.kernel.wallClock().microseconds)
      _ = probe.events(within: step)
      #expect(world.now - begin <= .milliseconds(2))
      jumps.insert(Int64(probe.kernel.wallClock().microseconds) - Int64(wall))
    }
    #expect(jumps.contains { $0 < 0 } && jumps.contains { $0 > 1_000_000 })
    #expect(jumps.allSatisfy { abs($0) <= 60_002_000 })
  }

  @Test func logsAreFullOrStalled() throws {
    let world = world(\.fullDisks)
    let probe = Probe(world)
    let log = try #require(probe.openLog("/log"))
    #expect(probe.writeLog(log, "x") == .failed(28))
    world.faults = .none
    world.faults.stalledLogs = 1000
    #expect(probe.writeLog(log, "x") == .wouldBlock)
    #expect(world.logs.bytes(of: "/log").isEmpty)
  }

  @Test func aResetHitsBothEnds() {
    let (probe, connection, client) = SimulatedWorld.accepted([
      .pause(step), .send("x"), .awaitEnd,
    ])
    probe.world.faults.resets = 1000
    probe.pass(.milliseconds(5))
    #expect(probe.read(connection) == .failed(104))
    #expect(probe.world.record(of: client).ending == .reset(action: 2))
  }

  @Test func tinyBuffersTakeFewBytes() throws {
    let world = world(\.tinyBuffers)
    let probe = Probe(world)
    world.addBackend(at: .unix("/run/origin"), .echo)
    let descriptor = try #require(probe.connect(to: .unix("/run/origin")))
    guard case .taken(let count) = probe.write(descriptor, String(repeating: "x", count: 100))
    else {
      Issue.record("nothing was taken")
      return
    }
    #expect((1...64).contains(count))
  }

  @Test func fragmentsComeOneByOneEachWithItsEvent() {
    let (probe, connection, _) = SimulatedWorld.accepted([
      .pause(.milliseconds(20)), .send("0123456789"), .close,
    ])
    probe.world.faults.fragmentedDeliveries = 1000
    probe.world.faults.largestFragment = 1
    _ = probe.kernel.watch(connection, token: 1)
    _ = probe.events()
    for digit in 0..<10 {
      #expect(probe.events(within: .seconds(1)) == [1: [.readable, .writable]])
      #expect(probe.read(connection) == .text("\(digit)"))
    }
    #expect(probe.events(within: .seconds(1)) == [1: [.readable, .writable, .peerClosed]])
    #expect(probe.read(connection) == .end)
  }
}
