import Basics
import Engine
import Platform
import Policy
import Scenarios
import Simulation
import Testing

/// A worker takes another one's place, at any moment, and nobody who is connected notices.
struct ReplacementTests {
  private static func round(_ number: Int) -> String {
    "location / { proxy_pass http://10.0.0.1:8000; add_header X-Round \(number) always; }"
  }

  private func rounds(_ record: ConnectionRecord) -> [String?] {
    record.messages.map { $0.value(of: "x-round") }
  }

  /// An idle client goes over, and so does the idle connection to the backend.
  @Test func whatIsIdleGoesOver() throws {
    let bed = try ReplacementBed(Self.round(1))
    let backend = bed.backend()
    let client = bed.client([
      .send(get()), .awaitResponse, .pause(.seconds(2)), .send(get()), .awaitResponse, .close,
    ])
    bed.run(for: .seconds(1))
    try bed.replace(Self.round(2))
    bed.run(for: .milliseconds(10))
    #expect(bed.programs[0].hasStopped)
    bed.finish(requests: 2)
    #expect(rounds(bed.record(client)) == ["1", "2"])
    #expect(bed.world.connections(of: backend).count == 1)
    let lines = bed.ends
    #expect(Set(lines.map(\.connectionNumber)).count == 1)
    #expect(lines.map(\.requestNumber) == [1, 2])
  }

  /// What can't be watched by the new worker is closed once; a client is tried again first, because
  /// it may have asked for something already.
  @Test(arguments: [false, true])
  func whatCannotBeWatched(lasts: Bool) throws {
    let bed = try ReplacementBed(Self.round(1))
    let backend = bed.backend()
    let client = bed.client([
      .send(get()), .awaitResponse, .pause(.seconds(2)), .send(get()), .awaitResponse, .close,
    ])
    bed.run(for: .seconds(1))
    try bed.replace(Self.round(2))
    bed.world.faults.failedWatches = 1_000
    bed.run(for: lasts ? .milliseconds(100) : Interval(nanoseconds: 100_000))
    bed.world.faults.failedWatches = 0
    bed.client([.send(get()), .awaitResponse, .close])
    bed.finish(requests: lasts ? 2 : 3)
    #expect(bed.record(client).messages.count == (lasts ? 1 : 2))
    #expect(bed.world.connections(of: backend).count == 2)
  }

  /// A worker that can't open its logs when it begins opens them later: no line is lost.
  @Test func logsThatCannotBeOpenedAtFirst() throws {
    let bed = try ReplacementBed(Self.round(1))
    bed.backend()
    bed.client([.send(get()), .awaitResponse, .pause(.seconds(1)), .send(get()), .awaitResponse])
    bed.run(for: .milliseconds(500))
    for path in ["/log", "/error"] { bed.world.logs.forbid(path) }
    try bed.replace(Self.round(2))
    bed.run(for: .seconds(1))
    #expect(bed.ends.count == 1)
    for path in ["/log", "/error"] { bed.world.logs.forbid(path, false) }
    bed.run(for: .seconds(2))
    #expect(bed.ends.count == 2)
    #expect(bed.errors.contains { $0.contains("a log can't be opened: /log") })
    bed.finish(requests: 2)
  }

  /// What runs is finished under the plan that it began with, even what takes long.
  @Test func whatRunsIsFinished() throws {
    let bed = try ReplacementBed(Self.round(1))
    bed.backend(
      .performing([
        .send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf"), .pause(.seconds(50)),
        .send("half"),
      ]))
    let client = bed.client([
      .send(get()), .awaitResponse, .send(get()), .awaitResponse, .close,
    ])
    bed.run(for: .seconds(1))
    try bed.replace(Self.round(2))
    bed.run(for: .seconds(10))
    #expect(!bed.programs[0].hasStopped)
    bed.finish(requests: 2)
    #expect(rounds(bed.record(client)) == ["1", "2"])
    #expect(bed.record(client).messages.map(\.text) == ["halfhalf", "halfhalf"])
  }

  /// A request that waits behind another one is answered by the new worker.
  @Test func whatWaitsBehindItGoesOver() throws {
    let bed = try ReplacementBed(Self.round(1))
    bed.backend(
      .performing([.pause(.seconds(2)), .send(ok("late"))]))
    let client = bed.client([
      .send(get() + get() + post("content")), .awaitResponse, .awaitResponse, .awaitResponse,
      .close,
    ])
    bed.run(for: .seconds(1))
    try bed.replace(Self.round(2))
    bed.finish(requests: 3)
    #expect(rounds(bed.record(client)) == ["1", "2", "2"])
  }

  /// Whenever the replacement comes, each request of a connection has its answer.
  @Test(arguments: ["", "proxy_protocol", "ssl", "ssl proxy_protocol"])
  func atAnyMoment(listen: String) throws {
    let isSecure = listen.contains("ssl")
    for moment in 0..<12 {
      let top = isSecure ? SecureWorld.conf : ""
      let bed = try ReplacementBed(
        Self.round(1), top: top, listen: listen, seed: UInt64(moment + 1), faults: .fragmenting)
      bed.backend()
      var begin: [PeerAction] = []
      if listen.contains("proxy_protocol") {
        begin.append(.send("PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n"))
      }
      if isSecure { begin.append(SecureWorld.client()) }
      let talk: [PeerAction] = [
        .send(get()), .awaitResponse, .send(post(filler(3_000))), .awaitResponse,
        .send(get() + get()), .awaitResponse, .awaitResponse, .pause(.milliseconds(3)),
        .send(get()), .awaitResponse, .close,
      ]
      let client = bed.client(begin + talk)
      let second = bed.client(after: .milliseconds(2), begin + talk)
      bed.run(for: Interval(nanoseconds: UInt64(moment) * 2_500_000))
      try bed.replace(Self.round(2), top: top, listen: listen)
      bed.run(for: Interval(nanoseconds: UInt64(moment) * 137_000))
      try bed.replace(Self.round(3), top: top, listen: listen)
      bed.finish(requests: 10)
      for one in [client, second] {
        #expect(bed.record(one).messages.map(\.status) == [200, 200, 200, 200, 200])
      }
    }
  }

  /// A listener that goes: its running request is finished, then its connection ends.
  @Test func aListenerThatGoes() throws {
    let other = Location.ipv4(127, 0, 0, 1, port: 81)
    let bed = try ReplacementBed("listen 127.0.0.1:81; " + Self.round(1))
    bed.backend(.performing([.pause(.seconds(2)), .send(ok("late"))]))
    let idle = bed.client(to: other, [.awaitEnd])
    let running = bed.client(to: other, [.send(get()), .awaitResponse, .awaitEnd])
    bed.run(for: .seconds(1))
    let waiting = bed.client(to: other, [.send(get()), .awaitResponse, .awaitEnd])
    try bed.replace(Self.round(2))
    bed.run(for: .milliseconds(10))
    #expect(bed.record(idle).hasEnd && !bed.record(running).hasEnd)
    bed.client(to: other, [.send(get()), .awaitResponse])
    bed.finish(requests: nil)
    #expect(bed.record(running).messages.first?.asksToClose == true)
    #expect([ConnectionRecord.Ending.refused, .completed].contains(bed.record(waiting).ending))
  }

  /// What was found out about backends is known to the new worker.
  @Test func healthGoesOver() throws {
    let upstream = """
      upstream app { server 10.0.0.1:8000 fail_timeout=60s; server 10.0.0.2:8000; }
      """
    let server = "location / { proxy_pass http://app; }"
    let bed = try ReplacementBed(server, top: upstream)
    let broken = bed.backend(.performing([.close]))
    bed.backend(at: .ipv4(10, 0, 0, 2, port: 8000))
    let talk = [PeerAction.send(get()), .awaitResponse]
    bed.client(talk + talk + [.pause(.seconds(5))] + talk + talk + talk + [.close])
    bed.run(for: .seconds(1))
    #expect(bed.world.connections(of: broken).count == 1)
    try bed.replace(server, top: upstream)
    bed.finish(requests: 5)
    #expect(bed.world.connections(of: broken).count == 1)
  }

  /// Whose PROXY protocol header comes while its worker is replaced idles like any other, and no
  /// longer: found by a seed.
  @Test func aHeaderThatComesMeanwhile() throws {
    let top = "client_header_timeout 5s;"
    let bed = try ReplacementBed(Self.round(1), top: top, listen: "proxy_protocol")
    bed.backend()
    let client = bed.client([
      .send("PROXY TCP4 1.2.3.4 "), .pause(.seconds(1)), .send("5.6.7.8 9 10\r\n"), .awaitEnd,
    ])
    bed.run(for: .milliseconds(500))
    try bed.replace(Self.round(2), top: top, listen: "proxy_protocol")
    bed.finish(requests: 0)
    #expect(bed.record(client).hasEnd)
  }

  /// A tunnel stays with the worker that made it, through any number of replacements.
  @Test func tunnelsStay() throws {
    let bed = try ReplacementBed(Self.round(1))
    bed.backend()
    let client = bed.client([
      .send(get("/", "Connection: upgrade\r\nUpgrade: x\r\n")), .awaitHead, .pause(.seconds(5)),
      .send("still here"), .pause(.seconds(1)), .finishSending, .awaitEnd,
    ])
    bed.run(for: .seconds(1))
    for number in 2...4 {
      try bed.replace(Self.round(number))
      bed.run(for: .milliseconds(100))
    }
    #expect(bed.programs.map(\.hasStopped) == [false, true, true, false])
    bed.finish(requests: 1)
    #expect(bed.record(client).text.hasSuffix("still here"))
  }

  /// More idle clients than the new worker has places: those that have idled longest are closed.
  @Test func fewerPlaces() throws {
    let bed = try ReplacementBed(Self.round(1))
    bed.backend()
    let idle = (0..<20).map { number in
      bed.client(
        after: .milliseconds(UInt64(number)),
        [.send(get()), .awaitResponse, .pause(.seconds(3)), .close])
    }
    bed.run(for: .seconds(1))
    try bed.replace(Self.round(2), top: "worker_connections 8;")
    bed.run(for: .seconds(1))
    #expect(bed.programs[1].worker.connectionCount <= 8)
    #expect(idle.filter { bed.record($0).hasEnd }.count >= 12)
    bed.finish(requests: 20)
  }

  /// Told to end while it hands over: everything is closed, everything has its line.
  @Test(arguments: [WorkerCommands.drain, .stop])
  func theEndComesInBetween(command: WorkerCommands) throws {
    for count in [1, 3, Limits.handoversPerTurn + 20] {
      let bed = try ReplacementBed(Self.round(1), top: "worker_connections 1000;")
      bed.backend()
      for _ in 0..<count { bed.client([.send(get()), .awaitResponse, .awaitEnd]) }
      bed.run(for: .seconds(1))
      try bed.replace(Self.round(2), top: "worker_connections 1000;")
      for _ in 0..<count % 3 { bed.turn() }
      bed.end(command)
      bed.finish(requests: count)
    }
  }

  /// Many of them need several turns, in which others are served.
  @Test func manyGoOverInTurns() throws {
    let bed = try ReplacementBed(Self.round(1), top: "worker_connections 1000;")
    bed.backend()
    let count = 2 * Limits.handoversPerTurn + 10
    for _ in 0..<count {
      bed.client([
        .send(get()), .awaitResponse, .pause(.seconds(2)), .send(get()), .awaitResponse, .close,
      ])
    }
    bed.run(for: .seconds(1))
    try bed.replace(Self.round(2), top: "worker_connections 1000;")
    bed.turn()
    #expect(bed.programs[0].worker.connectionCount >= count - Limits.handoversPerTurn)
    bed.finish(requests: 2 * count)
  }

  /// Whose certificate rules are others now begins anew: 421 says so.
  @Test func otherRulesForCertificates() throws {
    let rules = "ssl_verify_client optional; ssl_client_certificate ca.pem; "
    let bed = try ReplacementBed(Self.round(1), top: SecureWorld.conf, listen: "ssl")
    bed.backend()
    let client = bed.client([
      SecureWorld.client(), .send(get()), .awaitResponse, .pause(.seconds(2)), .send(get()),
      .awaitResponse, .awaitEnd,
    ])
    bed.run(for: .seconds(1))
    try bed.replace(rules + Self.round(2), top: SecureWorld.conf, listen: "ssl")
    bed.finish(requests: 2)
    #expect(bed.record(client).messages.map(\.status) == [200, 421])
  }
}
