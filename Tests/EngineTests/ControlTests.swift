import Basics
import Platform
import Scenarios
import Simulation
import Testing

/// What signals make a worker do: finish and end, or end at once.
struct ControlTests {
  /// A drained worker finishes what runs, closes what says nothing for a second, and takes nobody
  /// new.
  @Test func drainingFinishesWhatRuns() throws {
    let bed = try EngineBed()
    bed.backend(.performing([.pause(.seconds(5)), .send(ok("slow"))]))
    let running = bed.client([.send(get()), .awaitResponse, .awaitEnd])
    let idle = bed.client([.awaitEnd])
    bed.run(for: .seconds(1))
    bed.world.post(.drain)
    bed.run(for: .milliseconds(990))
    #expect(!bed.record(idle).hasEnd)
    bed.run(for: .milliseconds(20))
    #expect(bed.record(idle).hasEnd && bed.connectionCount == 2)
    let late = bed.client([.send(get()), .awaitResponse])
    #expect(bed.run() == .quiet)
    #expect(bed.record(running).messages.map(\.text) == ["slow"])
    #expect(bed.record(running).messages.first?.asksToClose == true)
    #expect(bed.record(late).ending == .refused)
    #expect(bed.hasStopped)
    bed.checkLog(requests: 1)
  }

  /// A worker that drains ends with its last response, not with that client's keep-alive time.
  @Test func drainingDoesNotWaitForKeptConnections() throws {
    let bed = try EngineBed()
    bed.backend(
      .performing([
        .send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf"), .pause(.seconds(2)),
        .send("half"),
      ]))
    let client = bed.client([.send(get()), .awaitResponse, .awaitEnd])
    bed.run(for: .seconds(1))
    bed.world.post(.drain)
    #expect(bed.run() == .quiet)
    #expect(bed.record(client).messages.map(\.text) == ["halfhalf"])
    #expect(bed.hasStopped)
    let record = bed.record(client)
    let end = try #require(record.endedAt), begin = try #require(record.openedAt)
    #expect(end - begin < .milliseconds(2_100))
    bed.checkLog(requests: 1)
  }

  /// Who is connected when the end comes is served once more: between two requests, or before the
  /// first one. Each is told that its connection ends.
  @Test func drainingServesEachClientOnceMore() throws {
    let bed = try EngineBed()
    bed.backend()
    let kept = bed.client([
      .send(get("/1")), .awaitResponse, .pause(.milliseconds(1_600)), .send(get("/2")),
      .awaitResponse, .awaitEnd,
    ])
    let fresh = bed.client([.pause(.milliseconds(1_900)), .send(get()), .awaitResponse, .awaitEnd])
    let slow = bed.client([.pause(.milliseconds(2_500)), .send(get()), .awaitResponse])
    bed.run(for: .seconds(1))
    bed.world.post(.drain)
    #expect(bed.run() == .quiet)
    #expect(bed.hasStopped)
    #expect(bed.record(kept).messages.map(\.status) == [200, 200])
    #expect(bed.record(fresh).messages.map(\.status) == [200])
    #expect([kept, fresh].allSatisfy { bed.record($0).messages.last?.asksToClose == true })
    #expect(bed.record(slow).messages.isEmpty)
    bed.checkLog(requests: 3)
  }

  /// With `worker_shutdown_timeout` the shorter of both times holds.
  @Test(arguments: [("3s", 3), ("9s", 7), ("0", 7)] as [(String, UInt64)])
  func drainingHasTheShorterTime(timeout: String, seconds: UInt64) throws {
    let bed = try EngineBed(top: "shutdown_timeout 7s; worker_shutdown_timeout \(timeout);")
    bed.backend(BackendBehaviour())
    bed.client([.send(get()), .awaitResponse])
    bed.run(for: .seconds(1))
    bed.world.post(.drain)
    bed.run(for: .milliseconds(seconds * 1_000 - 10))
    #expect(!bed.hasStopped)
    bed.run(for: .milliseconds(20))
    #expect(bed.hasStopped)
    let name = seconds == 3 ? "worker_shutdown_timeout" : "shutdown_timeout"
    #expect(bed.errors.contains { $0.contains("ended by \(name)") })
    bed.checkLog(requests: 1)
  }

  /// Who has not said yet whose connection it is has no request that could be finished.
  @Test(arguments: ["", "PROXY TCP4", "PROXY UNKNOWN\r\n"])
  func drainingWaitsASecondForAProxyHeader(said: String) throws {
    let bed = EngineBed(try EngineBed.plan(listen: "proxy_protocol"))
    let client = bed.client([.send(said), .awaitEnd])
    bed.run(for: .seconds(1))
    bed.world.post(.drain)
    bed.run(for: .milliseconds(1_010))
    #expect(bed.hasStopped && bed.record(client).hasEnd)
    bed.checkLog(requests: 0)
  }

  /// A request that is on its way when the worker begins to drain is served, not reset.
  @Test(arguments: (0..<30 as Range<UInt64>).map { $0 * 20_000 })
  func drainingServesWhatHasCome(after delay: UInt64) throws {
    let bed = try EngineBed()
    bed.backend()
    let kept = bed.client([
      .send(get("/1")), .awaitResponse, .pause(.seconds(1)), .send(get("/2")), .awaitResponse,
    ])
    bed.run(for: .milliseconds(1_000))
    bed.run(for: Interval(nanoseconds: delay))
    bed.world.post(.drain)
    #expect(bed.run() == .quiet)
    bed.end()
    let statuses = bed.record(kept).messages.map(\.status)
    #expect(statuses == [200, 200] || statuses == [200])
    bed.checkLog(requests: statuses.count)
  }

  /// What does not finish within `shutdown_timeout` is ended, each with its line.
  @Test func drainingHasAnEnd() throws {
    let bed = try EngineBed(top: "shutdown_timeout 7s;")
    bed.backend(BackendBehaviour())
    let client = bed.client([.send(get()), .awaitResponse])
    bed.run(for: .seconds(1))
    bed.world.post(.drain)
    bed.run(for: .milliseconds(6_990))
    #expect(!bed.hasStopped)
    bed.run(for: .milliseconds(20))
    #expect(bed.hasStopped)
    #expect(bed.run() == .quiet)
    #expect(bed.record(client).messages.isEmpty)
    let line = try #require(bed.ends.first)
    #expect(line.termination == "proxy:response_head" && line.status == 503)
    bed.checkLog(requests: 1)
  }

  /// `shutdown_delay`: load balancers are told first; until it is over, all is served.
  @Test func leavingIsAnnouncedBeforeItBegins() throws {
    let bed = try EngineBed(
      "location / { return 200 x; } location = /up { health; }", top: "shutdown_delay 5s;")
    func ask(at seconds: UInt64, _ target: String) -> ClientID {
      bed.client(after: .seconds(seconds), [.send(get(target)), .awaitResponse])
    }
    let early = bed.client([
      .send(get("/up")), .awaitResponse, .pause(.seconds(4)), .send(get()), .awaitResponse,
    ])
    let checked = ask(at: 3, "/up")
    let served = ask(at: 3, "/")
    let late = ask(at: 8, "/")
    bed.world.schedule(after: .seconds(2)) { $0.post(.drain) }
    bed.run(for: .seconds(6))
    #expect(!bed.hasStopped)
    #expect(bed.run() == .quiet)
    #expect(bed.hasStopped)
    #expect(bed.record(early).messages.map(\.status) == [200, 200])
    #expect(bed.record(checked).messages.map(\.status) == [503])
    #expect(bed.record(served).messages.map(\.status) == [200])
    for client in [early, checked, served] {
      #expect(bed.record(client).messages.last?.asksToClose == true)
    }
    #expect(bed.record(late).messages.isEmpty)
  }

  @Test func stoppingCutsTheDelayShort() throws {
    let bed = try EngineBed("location / { health; }", top: "shutdown_delay 1h;")
    bed.world.post(.drain)
    bed.run(for: .seconds(1))
    #expect(!bed.hasStopped)
    bed.end(.stop)
    #expect(bed.run() == .quiet)
  }

  /// Stopping ends everything in one turn: each exchange with its line, in whatever phase it is.
  @Test func stoppingEndsEverythingAtOnce() throws {
    let bed = try EngineBed()
    var behaviour = BackendBehaviour()
    behaviour.onHead = { request in
      switch request.message.target {
      case "/begun": [.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), .awaitEnd]
      case "/tunnel":
        [.send("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), .awaitEnd]
      default: [.awaitEnd]
      }
    }
    bed.backend(behaviour)
    bed.client([.send("GET / HT"), .awaitEnd])
    bed.client([.send(get("/silent")), .awaitEnd])
    bed.client([.send(get("/begun")), .awaitEnd])
    bed.client([.send(post("", "/body").replacing("Length: 0", with: "Length: 9")), .awaitEnd])
    bed.client([
      .send(get("/tunnel", "Connection: upgrade\r\nUpgrade: x\r\n")), .awaitEnd,
    ])
    bed.client([.awaitEnd])
    bed.run(for: .seconds(1))
    #expect(bed.exchangeCount == 5)
    bed.end(.stop)
    #expect(bed.run() == .quiet)
    #expect(bed.ends.allSatisfy { $0.termination.hasPrefix("proxy:") })
    bed.checkLog(requests: 5)
  }

  /// A request that was read behind another one, and not begun yet, has its line, too.
  @Test func stoppingReportsWhatWaitsForItsTurn() throws {
    let bed = try EngineBed("location / { return 204; }")
    bed.client([.send(get("/one") + get("/two")), .awaitEnd])
    _ = bed.world.run {
      bed.turn()
      if bed.lines().count == 1 && !bed.hasStopped { bed.world.post(.stop) }
    }
    #expect(bed.hasStopped)
    #expect(bed.lines().map { $0["uri"] } == ["/one", "/two"])
    #expect(bed.ends.last?.termination == "proxy:request_head")
  }

  /// A request whose head has come in part when the worker stops has a line with that part.
  @Test(arguments: ["G", "GET /half HTTP/1.1\r\nHo"])
  func stoppingReportsHalfAHead(_ head: String) throws {
    let bed = try EngineBed()
    bed.client([.send(head), .awaitEnd])
    bed.run(for: .seconds(1))
    bed.end(.stop)
    bed.checkLog(requests: 1)
    #expect(bed.ends.first?["uri"] == (head.contains("/half") ? "/half" : nil))
    #expect(bed.ends.first?.termination == "proxy:request_head")
  }

  /// A second signal does not wait for the first one.
  @Test func stoppingCutsDrainingShort() throws {
    let bed = try EngineBed()
    bed.backend(BackendBehaviour())
    bed.client([.send(get()), .awaitEnd])
    bed.run(for: .seconds(1))
    bed.world.post(.drain)
    bed.run(for: .seconds(1))
    #expect(!bed.hasStopped)
    bed.end(.stop)
    #expect(bed.run() == .quiet)
    bed.checkLog(requests: 1)
  }

  /// An idle worker does nothing: it waits without a single wake-up of its own.
  @Test func anIdleWorkerSleeps() throws {
    let bed = try EngineBed()
    let before = bed.world.calls.waits
    bed.run(for: .seconds(3600))
    #expect(bed.world.calls.waits - before <= 2)
    bed.finish(requests: 0)
  }
}
