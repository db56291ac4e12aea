import Basics
import Platform
import Simulation
import Testing

/// Time passes in `wait` alone, and exactly as far as it should.
struct ClockTests {
  @Test(arguments: [(0, 0), (1, 1_000_000), (1_000_000, 1_000_000), (1_000_001, 2_000_000)])
  func waitsAreRoundedUpToMilliseconds(_ asked: UInt64, _ slept: UInt64) {
    var network = NetworkSettings()
    network.turnCost = Interval(nanoseconds: 0)
    let world = SimulatedWorld(seed: 1, network: network)
    let begin = world.now
    #expect(Probe(world).eventList(within: Interval(nanoseconds: asked)).isEmpty)
    #expect((world.now - begin).nanoseconds == slept)
  }

  @Test func aWaitIsOverWhenSomethingHappens() {
    let (probe, connection, _) = SimulatedWorld.accepted([
      .pause(.milliseconds(5)), .send("x"), .awaitEnd,
    ])
    _ = probe.kernel.watch(connection, token: 1)
    _ = probe.events()
    let begin = probe.world.now
    #expect(!probe.events(within: .seconds(60)).isEmpty)
    #expect(probe.world.now - begin < .milliseconds(6))
  }

  @Test func commandsWakeTheProgramOnce() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    world.schedule(after: .seconds(3)) { $0.post(.drain) }
    #expect(probe.events(within: .seconds(60)) == [KernelEvent.wakeToken: .readable])
    world.post(.reopenLogs)
    #expect(probe.kernel.takeCommands() == [.drain, .reopenLogs])
    #expect(probe.kernel.takeCommands() == [])
    #expect(probe.events(within: .seconds(1)) == [KernelEvent.wakeToken: .readable])
    #expect(probe.events(within: .seconds(1)).isEmpty)
  }

  @Test func theWallClockFollowsAndJumps() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    let begin = probe.kernel.wallClock()
    #expect(begin.microseconds == 1_767_225_600_000_000)
    probe.pass(.seconds(2))
    let later = probe.kernel.wallClock().microseconds - begin.microseconds
    #expect((2_000_000...2_001_000).contains(later))
    world.jumpWallClock(bySeconds: -3600)
    #expect(probe.kernel.wallClock().microseconds < begin.microseconds)
  }

  @Test func waitingForEverForNothingIsADeadlock() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    world.addClient(to: frontDoor, [])
    world.addClient(to: .unix("/nowhere"), after: .seconds(1), [])
    let kernel = probe.kernel
    var events = [KernelEvent(token: 0, readiness: [])]
    let count = events.withUnsafeMutableBufferPointer { kernel.wait(into: $0, until: .never) }
    #expect(count == 0)
    #expect(world.isDeadlocked && world.isQuiet)
  }

  @Test func aProgramThatWaitsForEverIsFoundOut() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    _ = world.listen(on: frontDoor)
    world.addClient(to: frontDoor, patience: .endless, [.awaitResponse])
    var events = [KernelEvent(token: 0, readiness: [])]
    let outcome = world.run {
      _ = events.withUnsafeMutableBufferPointer { probe.kernel.wait(into: $0, until: .never) }
    }
    #expect(outcome == .deadlocked)
  }

  @Test func aProgramThatSpinsIsFoundOut() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    let listener = world.listen(on: frontDoor)
    _ = probe.kernel.watchListener(listener, token: 1)
    world.addClient(to: frontDoor, [.awaitResponse])
    #expect(world.run { _ = probe.eventList() } == .spinning)
    #expect(world.mostBusyTurns > 1000)
  }

  @Test func timersAloneAreNoSpinning() {
    let world = SimulatedWorld(seed: 1)
    let probe = Probe(world)
    _ = world.listen(on: frontDoor)
    let client = world.addClient(to: frontDoor, patience: .seconds(30), [.awaitResponse])
    #expect(world.run { _ = probe.eventList() } == .quiet)
    #expect(world.record(of: client).ending == .gaveUp(action: 0))
    #expect(world.mostBusyTurns < 10)
  }

  @Test func randomBytesAreInTheSeed() {
    func draw(_ seed: UInt64) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: 32)
      let kernel = SimulatedKernel(SimulatedWorld(seed: seed))
      #expect(bytes.withUnsafeMutableBytes { kernel.fillRandom($0) })
      return bytes
    }
    #expect(draw(1) == draw(1))
    #expect(draw(1) != draw(2))
  }

  @Test func randomnessCanFail() {
    let world = SimulatedWorld(seed: 1)
    world.faults.failedRandom = 1000
    var bytes = [UInt8](repeating: 0, count: 4)
    #expect(!bytes.withUnsafeMutableBytes { SimulatedKernel(world).fillRandom($0) })
  }
}
