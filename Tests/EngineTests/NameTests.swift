import Basics
import Engine
import HTTP
import Names
import Platform
import Policy
import Scenarios
import Simulation
import Testing

/// Names that move, fail and lie, on the simulated kernel: a scripted resolver takes the
/// directory's questions and answers them as the case says.
private final class ScriptedResolver {
  let directory = NameDirectory()
  let mailbox: NameMailbox
  /// Addresses by name; nil fails.
  var zone: [String: [UInt64]?] = [:]
  var delay = Interval.milliseconds(3)
  private(set) var questionCount = 0
  private let rings: RingCount
  private var scheduledDue = Instant.never

  /// The mailbox may be rung by any thread.
  private final class RingCount: @unchecked Sendable { var count = 0 }

  init() {
    let rings = RingCount()
    self.rings = rings
    mailbox = NameMailbox { rings.count += 1 }
  }

  /// Takes what is asked, has it answered later, and passes on what has changed.
  func turn(_ world: SimulatedWorld) {
    for (name, kind) in directory.takeQuestions(at: world.now) {
      questionCount += 1
      world.schedule(after: delay) { [self] world in
        _ = directory.answer(name, kind, outcome(name, kind), at: world.now)
        tell(world)
      }
    }
    tell(world)
    let due = directory.nextDue
    if due < .never, due > world.now, due != scheduledDue {
      scheduledDue = due
      // The worker sleeps as long as nothing happens.
      world.schedule(after: due - world.now) { $0.post([]) }
    }
  }

  private func tell(_ world: SimulatedWorld) {
    if rings.count > 0 { world.post(.names) }
    rings.count = 0
  }

  private func outcome(_ name: ResolvedName, _ kind: RecordKind) -> NameOutcome {
    guard let found = zone[String(decoding: name.question.name, as: UTF8.self)] else {
      return .absent
    }
    guard let found else { return .failed(.serverFailure) }
    guard kind == .ipv4, !found.isEmpty else { return .absent }
    return .addresses(
      found.map {
        NameAddress(PeerAddress(family: .ipv4, high: 0, low: 0x0A00_0000 | $0, port: 0))
      }, .seconds(1))
  }
}

struct NameTests {
  private static let ways = [
    ("upstream app { server app.test:8000 resolve; }", "location / { proxy_pass http://app; }"),
    ("", "location / { set $app app.test; proxy_pass http://$app:8000; }"),
  ]

  private func bed(_ way: (String, String), _ resolver: ScriptedResolver) throws -> EngineBed {
    EngineBed(try EngineBed.plan(way.1, top: way.0)) { settings in
      settings.names = resolver.directory
      settings.nameMailbox = resolver.mailbox
    }
  }

  private func run(_ bed: EngineBed, _ resolver: ScriptedResolver) {
    bed.world.run(maximumTurns: 300_000) {
      resolver.turn(bed.world)
      bed.turn()
    }
  }

  private func backend(_ bed: EngineBed, _ number: UInt8) -> BackendID {
    bed.backend(at: .ipv4(10, 0, 0, number, port: 8000))
  }

  /// A request every 100 ms, over one connection.
  private func requests(_ count: Int) -> [PeerAction] {
    (0..<count).flatMap { number -> [PeerAction] in
      [.send(get("/\(number)")), .awaitResponse, .pause(.milliseconds(100))]
    }
  }

  @Test(arguments: ways)
  func nothingGoesToAnAddressThatHasLeft(way: (String, String)) throws {
    let resolver = ScriptedResolver()
    resolver.zone["app.test"] = [1, 2]
    let bed = try bed(way, resolver)
    let backends = (1...3).map { backend(bed, $0) }
    let client = bed.client(requests(60))
    var counts: [Int] = []
    bed.world.schedule(after: .milliseconds(1_500)) { _ in resolver.zone["app.test"] = [2, 3] }
    bed.world.schedule(after: .milliseconds(3_000)) { world in
      counts.append(requestCount(world, backends[0]))
      // A failure changes nothing.
      resolver.zone["app.test"] = .some(nil)
    }
    bed.world.schedule(after: .milliseconds(4_500)) { _ in resolver.zone["app.test"] = [3] }
    run(bed, resolver)
    let statuses = bed.record(client).messages.map(\.status)
    #expect(statuses == Array(repeating: 200, count: 60))
    #expect(counts == [requestCount(bed.world, backends[0])])
    #expect(backends.allSatisfy { requestCount(bed.world, $0) > 0 })
    #expect(bed.ends.count == 60)
    // What is idle at an address that has left is closed.
    #expect(bed.world.connections(of: backends[0]).allSatisfy { $0.isOver })
  }

  @Test(arguments: ways)
  func aNameWithoutAddressesIsAnswered(way: (String, String)) throws {
    let resolver = ScriptedResolver()
    let bed = try bed(way, resolver)
    let clients = (0..<5).map { _ in bed.client([.send(get("/")), .awaitResponse]) }
    run(bed, resolver)
    #expect(clients.allSatisfy { bed.record($0).messages.map(\.status) == [502] })
    #expect(bed.ends.allSatisfy { $0.error == "dns_error" })
    #expect(bed.errors.contains { $0.contains("\"app.test\" can't be used: it has no address") })
  }

  @Test(arguments: ways)
  func manyRequestsWaitForOneAnswer(way: (String, String)) throws {
    let resolver = ScriptedResolver()
    resolver.zone["app.test"] = [1]
    resolver.delay = .milliseconds(400)
    let bed = try bed(way, resolver)
    _ = backend(bed, 1)
    let clients = (0..<50).map { _ in bed.client([.send(get("/")), .awaitResponse]) }
    run(bed, resolver)
    #expect(clients.allSatisfy { bed.record($0).messages.map(\.status) == [200] })
    #expect(resolver.questionCount <= 4)
  }

  @Test(arguments: ways)
  func nobodyWaitsForLongerThanTheConfSays(way: (String, String)) throws {
    let resolver = ScriptedResolver()
    resolver.delay = .seconds(100)
    let bed = try bed((way.0 + " resolver_timeout 2s;", way.1), resolver)
    let client = bed.client([.send(get("/")), .awaitResponse])
    let leaving = bed.client([.send(get("/")), .pause(.milliseconds(50)), .reset])
    run(bed, resolver)
    #expect(bed.record(client).messages.map(\.status) == [502])
    #expect(bed.record(leaving).messages.isEmpty)
    #expect(Set(bed.ends.map(\.error)) == ["dns_timeout", "connection_terminated"])
  }

  /// More addresses than an upstream has room for at first, all of them new each time.
  @Test(arguments: ways)
  func upstreamsGrow(way: (String, String)) throws {
    let resolver = ScriptedResolver()
    resolver.zone["app.test"] = Array(1...40)
    let bed = try bed(way, resolver)
    for number in 1...80 as ClosedRange<UInt8> { _ = backend(bed, number) }
    let client = bed.client(requests(100))
    bed.world.schedule(after: .seconds(4)) { _ in resolver.zone["app.test"] = Array(41...80) }
    run(bed, resolver)
    #expect(bed.record(client).messages.count { $0.status == 200 } == 100)
    // Whoever chooses a name may own it: fewer of its addresses are used.
    let isNamedByVariable = way.0.isEmpty
    let used = Set(bed.ends.map { $0["upstream"] }).count
    #expect(isNamedByVariable ? used == 2 * Limits.largestComputedPeers : used > 70)
  }
}

private func requestCount(_ world: SimulatedWorld, _ backend: BackendID) -> Int {
  world.connections(of: backend).reduce(0) { $0 + $1.messages.count }
}
