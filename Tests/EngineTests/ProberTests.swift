import Basics
import Engine
import HTTP
import Names
import Plan
import Platform
import Policy
import Scenarios
import Simulation
import Testing

/// The real prober on a simulated world: backends that flap, hang, babble and lie.
@Suite struct ProberTests {
  static let first = Location.ipv4(10, 0, 0, 1, port: 8000)
  static let second = Location.ipv4(10, 0, 0, 2, port: 8000)

  /// A prober, the backends that it checks, and what it says.
  final class Bed {
    let world: SimulatedWorld
    let directory: HealthDirectory
    let orders: ProbeOrders
    private let collected: Guarded<[ProbeReport]>
    private(set) var reports: [ProbeReport] = []
    private var prober: Prober<SimulatedKernel>
    private(set) var hasEnded = false

    init(
      _ check: String, top: String = "", faults: Faults = .none, seed: UInt64 = 1
    ) throws {
      let world = SimulatedWorld(seed: seed, faults: faults)
      let (directory, orders) = (HealthDirectory(), ProbeOrders())
      let collected = Guarded<[ProbeReport]>([])
      prober = Prober(
        kernel: SimulatedKernel(world), directory: directory, orders: orders, names: nil,
        nameMailbox: NameMailbox {}, report: { report in collected.withLock { $0.append(report) } })
      self.world = world
      self.directory = directory
      self.orders = orders
      self.collected = collected
      try adopt(check, top: top)
    }

    func adopt(
      _ check: String, top: String = "",
      servers: String = "server 10.0.0.1:8000; server 10.0.0.2:8000;"
    ) throws {
      let plan = try EngineBed.plan(
        "location / { proxy_pass http://app; }", top: "\(top) upstream app { \(servers) \(check) }")
      orders.adopt(plan)
      world.post(.names)
    }

    func run(for duration: Interval) {
      world.run(for: duration) {
        if !hasEnded { hasEnded = !prober.turn() }
      }
      reports = collected.current
    }

    func end() {
      orders.end()
      world.post(.names)
      for _ in 0..<100 where !hasEnded { hasEnded = !prober.turn() }
      let left = prober.probeCount
      #expect(hasEnded && left == 0)
    }

    func verdict(_ address: String) -> CheckVerdict {
      let key = PeerKey(upstream: Array("app".utf8), peer: Array("\(address):8000".utf8))
      return directory.news(of: key)?.verdict ?? .unchecked
    }
  }

  static let interval = "health_check interval=1s timeout=500ms"

  @Test func bothPass() throws {
    let bed = try Bed("\(Self.interval);")
    bed.world.addBackend(at: Self.first, .echo)
    bed.world.addBackend(at: Self.second, .echo)
    bed.run(for: .seconds(10))
    #expect(bed.verdict("10.0.0.1") == .passing && bed.verdict("10.0.0.2") == .passing)
    #expect(bed.reports.isEmpty)
    #expect((18...24).contains(bed.world.calls.connects))
    bed.end()
  }

  /// What a backend does with each request, and what is said of it.
  static let failures: [(name: String, actions: [PeerAction], reason: String)] = [
    ("silence", [], "500 ms"),
    ("an error", [.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")], "the status 503"),
    ("garbage", [.send("garbage\r\n\r\n")], "malformed"),
    ("half a head", [.send("HTTP/1.1 200 OK\r\n"), .close], "closed the connection"),
    ("a reset", [.send("HTTP/1.1 200 OK\r\n"), .reset], "connection reset"),
    ("nothing", [.close], "closed the connection"),
    ("late", [.pause(.seconds(2)), .send("HTTP/1.1 200 OK\r\n\r\n")], "500 ms"),
    (
      "a drip",
      [
        .sendPieces(
          Array("HTTP/1.1 200 OK\r\nX: y\r\n\r\n".utf8), size: 1, every: .milliseconds(90))
      ],
      "500 ms"
    ),
    (
      "a long head",
      [.sendBytes(Array("HTTP/1.1 200 OK\r\nX: ".utf8) + Array(repeating: 0x78, count: 1 << 20))],
      "more than 16384 bytes"
    ),
    ("vanished", [.vanish], "500 ms"),
  ]

  @Test(arguments: failures.indices)
  func failing(_ number: Int) throws {
    let failure = Self.failures[number]
    let bed = try Bed("\(Self.interval);")
    bed.world.addBackend(at: Self.first, .performing(failure.actions))
    bed.world.addBackend(at: Self.second, .echo)
    bed.run(for: .seconds(6))
    #expect(bed.verdict("10.0.0.1") == .failing, "\(failure.name)")
    #expect(bed.verdict("10.0.0.2") == .passing)
    #expect(bed.reports.count == 1, "\(failure.name)")
    let text = bed.reports.first?.text ?? ""
    #expect(text.contains(failure.reason) && text.contains("10.0.0.1:8000"), "\(text)")
    #expect(bed.reports.first?.requestID.count == 36)
    bed.end()
  }

  @Test func flapping() throws {
    let bed = try Bed("\(Self.interval) fails=2 passes=2;")
    // Connects: two pass, three fail, one passes, one fails, then all pass.
    let outcomes: [ConnectOutcome] = [
      .accepted, .accepted, .refused, .refused, .refused, .accepted, .refused, .accepted,
    ]
    bed.world.addBackend(at: Self.first, .connecting(outcomes))
    bed.world.addBackend(at: Self.second, .echo)
    bed.run(for: .seconds(15))
    #expect(bed.verdict("10.0.0.1") == .passing)
    #expect(bed.reports.map(\.isError) == [true, false])
    bed.end()
  }

  @Test func tcpChecksSendNothing() throws {
    let bed = try Bed("\(Self.interval) type=tcp;")
    bed.world.addBackend(at: Self.first, BackendBehaviour())
    bed.world.addBackend(at: Self.second, .connecting([.refused]))
    bed.run(for: .seconds(5))
    #expect(bed.verdict("10.0.0.1") == .passing && bed.verdict("10.0.0.2") == .failing)
    #expect(bed.world.calls.bytesWritten == 0)
    #expect(bed.reports.first?.text.contains("connection refused") == true)
    bed.end()
  }

  @Test func aReloadKeepsWhatIsKnown() throws {
    let bed = try Bed("\(Self.interval);")
    bed.world.addBackend(at: Self.first, .performing([.close]))
    bed.world.addBackend(at: Self.second, .echo)
    bed.run(for: .seconds(3))
    for _ in 0..<3 {
      try bed.adopt("\(Self.interval);", servers: "server 10.0.0.2:8000; server 10.0.0.1:8000;")
      bed.run(for: .milliseconds(10))
      #expect(bed.verdict("10.0.0.1") == .failing && bed.verdict("10.0.0.2") == .passing)
    }
    #expect(bed.reports.count == 1)
    // Not checked any more: nothing is held against it.
    try bed.adopt("")
    bed.run(for: .seconds(3))
    #expect(bed.verdict("10.0.0.1") == .unchecked)
    bed.end()
  }

  @Test func mandatoryPeersAreAwaited() throws {
    let bed = try Bed("\(Self.interval) mandatory;")
    var (good, bad) = (BackendBehaviour.echo, BackendBehaviour.performing([.close]))
    good.connectDelay = .milliseconds(100)
    bad.connectDelay = .milliseconds(100)
    bed.world.addBackend(at: Self.first, good)
    bed.world.addBackend(at: Self.second, bad)
    bed.run(for: .milliseconds(10))
    #expect(bed.verdict("10.0.0.1") == .awaited && bed.verdict("10.0.0.2") == .awaited)
    bed.run(for: .seconds(3))
    #expect(bed.verdict("10.0.0.1") == .passing && bed.verdict("10.0.0.2") == .failing)
    #expect(bed.reports.map(\.isError).sorted { !$0 && $1 } == [false, true])
    bed.end()
  }

  @Test func downByOrderIsNotChecked() throws {
    let bed = try Bed("\(Self.interval);")
    bed.world.addBackend(at: Self.first, .performing([.close]))
    bed.world.addBackend(at: Self.second, .echo)
    let key = PeerKey(upstream: Array("app".utf8), peer: Array("10.0.0.1:8000".utf8))
    #expect(bed.directory.order(.down, key))
    #expect(!bed.directory.order(.down, key))
    bed.run(for: .seconds(5))
    #expect(bed.reports.isEmpty && bed.verdict("10.0.0.1") == .unchecked)
    #expect(bed.directory.order(.up, key))
    bed.run(for: .seconds(5))
    #expect(bed.reports.count == 1)
    bed.end()
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func anythingMayHappenAtOnce(_ seed: UInt64) throws {
    let bed = try Bed(
      "\(Self.interval) match=good jitter=300ms;", top: "match good { body ~ GET; }",
      faults: .fragmenting, seed: seed)
    bed.world.addBackend(at: Self.first, .echo)
    bed.world.addBackend(at: Self.second, .performing([.send("HTTP/1.1 200 OK\r\n\r\nX"), .close]))
    bed.run(for: .seconds(30))
    #expect(bed.verdict("10.0.0.1") == .passing && bed.verdict("10.0.0.2") == .failing)
    #expect(bed.reports.count == 1)
    bed.end()
  }

  /// A pass after requests have failed is news, though the verdict is the same.
  @Test func aPassClearsFailuresOfRequests() {
    let directory = HealthDirectory()
    let key = PeerKey(upstream: [1], peer: [2])
    let second = { (number: UInt64) in Instant(nanoseconds: number * 1_000_000_000) }
    directory.judge(key, .passing, reason: "", checkedAt: second(1))
    let (version, _) = directory.news(since: 0)
    directory.judge(key, .passing, reason: "", checkedAt: second(2))
    #expect(directory.news(since: version).news.isEmpty)
    directory.noteFailure(of: key, at: second(4))
    // It began before the failure.
    directory.judge(key, .passing, reason: "", checkedAt: second(3))
    #expect(directory.news(since: version).news.isEmpty)
    directory.judge(key, .passing, reason: "", checkedAt: second(5))
    #expect(directory.news(since: version).news.count == 1)
  }
}

/// What a worker does with the health of its peers.
@Suite struct PeerHealthTests {
  private let directory = HealthDirectory()

  private func bed(_ upstream: String) throws -> EngineBed {
    let plan = try EngineBed.plan(
      "location / { proxy_pass http://app; }",
      top: "upstream app { server 10.0.0.1:8000; server 10.0.0.2:8000; \(upstream) }")
    let bed = EngineBed(plan) { settings in
      settings.health = directory
      settings.healthMailbox = HealthMailbox {}
    }
    bed.backend(at: ProberTests.first, .answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"))
    bed.backend(at: ProberTests.second, .answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"))
    return bed
  }

  private func key(_ address: String) -> PeerKey {
    PeerKey(upstream: Array("app".utf8), peer: Array("\(address):8000".utf8))
  }

  /// Which backends answer the next requests.
  private func answers(_ bed: EngineBed, count: Int = 6) -> Set<String> {
    bed.world.post(.health)
    let before = bed.ends.count
    for _ in 0..<count {
      bed.client([.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), .awaitResponse])
    }
    bed.run()
    return Set(
      bed.ends.dropFirst(before).map { line -> String in
        line["status"] == "200" ? "\(line["upstream"] ?? "")" : "none"
      })
  }

  @Test func verdictsAndOrdersAreObeyed() throws {
    let bed = try bed("")
    let (one, two) = ("10.0.0.1:8000", "10.0.0.2:8000")
    #expect(answers(bed) == [one, two])
    directory.judge(key("10.0.0.1"), .failing, reason: "", checkedAt: Instant(nanoseconds: 1))
    #expect(answers(bed) == [two])
    directory.judge(key("10.0.0.1"), .passing, reason: "", checkedAt: Instant(nanoseconds: 2))
    #expect(answers(bed) == [one, two])
    for order in [PeerOrder.drain, .down] {
      _ = directory.order(order, key("10.0.0.2"))
      #expect(answers(bed) == [one])
      _ = directory.order(.up, key("10.0.0.2"))
      #expect(answers(bed) == [one, two])
    }
    bed.end()
  }

  @Test func whatIsOrderedOutIsNotTriedThoughAllHaveFailed() throws {
    let bed = try bed("")
    _ = directory.order(.drain, key("10.0.0.1"))
    directory.judge(key("10.0.0.2"), .failing, reason: "", checkedAt: Instant(nanoseconds: 1))
    #expect(answers(bed) == ["10.0.0.2:8000"])
    _ = directory.order(.down, key("10.0.0.2"))
    #expect(answers(bed) == ["none"])
    let line = bed.errors.last { $0.contains("no peer of upstream") } ?? ""
    #expect(line.contains("10.0.0.1:8000 is draining by order"))
    #expect(line.contains("10.0.0.2:8000 is down by order"))
    bed.end()
  }
}
