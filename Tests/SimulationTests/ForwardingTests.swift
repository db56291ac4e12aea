import Basics
import Platform
import Simulation
import Testing

/// A whole program on a whole world, for many seeds: no event is owed, no byte is lost, and a seed
/// says everything.
struct ForwardingTests {
  private struct Run {
    var world: SimulatedWorld
    var backend: BackendID
    var clients: [ClientID] = []
    var outcome = SimulatedWorld.RunOutcome.unfinished
  }

  private func content(_ client: Int) -> String {
    String(repeating: "client \(client) ", count: 1 + client * 40)
  }

  /// Three clients, of which each asks twice, through a forwarder.
  private func run(seed: UInt64, faults: Faults) -> Run {
    let world = SimulatedWorld(seed: seed, faults: faults)
    var run = Run(world: world, backend: world.addBackend(at: origin, .echo))
    for client in 0..<3 {
      let text = content(client)
      let request = "POST /\(client) HTTP/1.1\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)"
      run.clients.append(
        world.addClient(
          to: frontDoor, after: .milliseconds(UInt64(client)),
          [
            .send(request), .awaitResponse,
            .sendPieces(Array(request.utf8), size: 100, every: .milliseconds(3)), .awaitResponse,
          ]))
    }
    var program = Forwarder(world)
    run.outcome = world.run { program.turn() }
    return run
  }

  @Test(arguments: 0..<100 as Range<UInt64>)
  func nothingIsLostHoweverBytesAreCut(_ seed: UInt64) {
    let run = run(seed: seed, faults: .fragmenting)
    #expect(run.outcome == .quiet)
    for (index, client) in run.clients.enumerated() {
      let record = run.world.record(of: client)
      #expect(record.ending == .completed)
      #expect(record.messages.map(\.text) == [content(index), content(index)])
    }
    #expect(run.world.requests(of: run.backend).count == 6)
    #expect(run.world.openConnectionCount == 0)
    #expect(run.world.calls.bytesRead == run.world.calls.bytesWritten)
  }

  @Test(arguments: 0..<100 as Range<UInt64>)
  func everythingEndsWhateverBreaks(_ seed: UInt64) {
    let run = run(seed: seed, faults: .hostile)
    #expect(run.outcome == .quiet)
    for (index, client) in run.clients.enumerated() {
      let record = run.world.record(of: client)
      #expect(record.ending != nil)
      #expect(record.messages.allSatisfy { content(index).hasPrefix($0.text) })
    }
    #expect(run.world.openConnectionCount == 0)
  }

  @Test func aHostileWorldDoesBreakThings() {
    var endings: [ConnectionRecord.Ending?] = []
    for seed in 0..<50 as Range<UInt64> {
      let run = run(seed: seed, faults: .hostile)
      endings += run.clients.map { run.world.record(of: $0).ending }
    }
    #expect(endings.contains(.completed))
    #expect(endings.contains { if case .reset = $0 { true } else { false } })
    #expect(endings.contains { $0 != .completed })
  }

  @Test(arguments: [Faults.none, .fragmenting, .hostile])
  func theSeedDecidesEverything(_ faults: Faults) {
    let runs = (0..<2).map { _ in run(seed: 42, faults: faults).world }
    #expect(runs[0].trace.hash == runs[1].trace.hash)
    #expect(runs[0].trace.count == runs[1].trace.count)
    #expect(runs[0].trace.count > 100)
    #expect(runs[0].calls == runs[1].calls && runs[0].now == runs[1].now)
  }

  @Test(arguments: [Faults.fragmenting, .hostile])
  func anotherSeedIsAnotherRun(_ faults: Faults) {
    let hashes = Set(
      (1...20 as ClosedRange<UInt64>).map { run(seed: $0, faults: faults).world.trace.hash })
    #expect(hashes.count == 20)
  }

  @Test func theTraceCanBeRead() {
    let world = SimulatedWorld(seed: 1)
    world.trace.keepsLines = true
    world.addBackend(at: origin, .echo)
    world.addClient(to: frontDoor, [.send("GET / HTTP/1.1\r\n\r\n"), .awaitResponse])
    var program = Forwarder(world)
    world.run { program.turn() }
    #expect(world.trace.lines.count == world.trace.count)
    #expect(world.trace.lines.contains { $0.contains(" accept 3 4") })
  }

  @Test func aTunnelEchoes() {
    let world = SimulatedWorld(seed: 5, faults: .fragmenting)
    world.addBackend(at: origin, .echo)
    let request = "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
    let client = world.addClient(
      to: frontDoor,
      [.send(request), .awaitResponse, .send("ping"), .send("pong"), .finishSending, .awaitEnd])
    var program = Forwarder(world)
    #expect(world.run { program.turn() } == .quiet)
    #expect(world.record(of: client).messages.map(\.status) == [101])
    #expect(world.record(of: client).text.hasSuffix("\r\n\r\npingpong"))
  }
}
