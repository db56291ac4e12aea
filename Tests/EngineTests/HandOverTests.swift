import Basics
import Platform
import Scenarios
import Simulation
import Testing

/// What a worker does whose place another process has taken.
struct HandOverTests {
  /// Nobody who is connected is closed with a request on the way: each is served once more.
  @Test func whoIsConnectedIsServedOnceMore() throws {
    let bed = try EngineBed()
    bed.backend()
    let kept = bed.client([
      .send(get("/1")), .awaitResponse, .pause(.seconds(3)), .send(get("/2")), .awaitResponse,
      .awaitEnd,
    ])
    let fresh = bed.client([.pause(.seconds(4)), .send(get("/3")), .awaitResponse, .awaitEnd])
    let silent = bed.client([.awaitEnd])
    bed.run(for: .seconds(1))
    bed.world.post(.handOver)
    bed.run(for: .milliseconds(10))
    #expect(bed.connectionCount == 3)
    let late = bed.client([.send(get()), .awaitResponse])
    #expect(bed.run() == .quiet)
    #expect(bed.record(kept).messages.map(\.status) == [200, 200])
    #expect(bed.record(kept).messages.map(\.asksToClose) == [false, true])
    #expect(bed.record(fresh).messages.map(\.status) == [200])
    #expect(bed.record(late).ending == .refused)
    #expect(bed.hasStopped)
    let end = try #require(bed.record(silent).endedAt)
    let begin = try #require(bed.record(silent).openedAt)
    #expect(end - begin > .milliseconds(5_900) && end - begin < .milliseconds(6_100))
    bed.checkLog(requests: 3)
  }

  /// Load balancers must not turn away from the new process because the old one answers them.
  @Test func healthChecksSucceed() throws {
    let bed = try EngineBed("location / { health; }")
    let checked = bed.client([
      .send(get()), .awaitResponse, .pause(.seconds(2)), .send(get()), .awaitResponse,
    ])
    bed.run(for: .seconds(1))
    bed.world.post(.handOver)
    #expect(bed.run() == .quiet)
    #expect(bed.record(checked).messages.map(\.status) == [200, 200])
    #expect(bed.hasStopped)
  }

  /// What runs has the `shutdown_timeout`, counted from the hand-over.
  @Test(arguments: [2, 30] as [UInt64])
  func whatRunsHasATime(seconds: UInt64) throws {
    let bed = try EngineBed(top: "shutdown_timeout \(seconds)s;")
    bed.backend(BackendBehaviour())
    bed.client([.send(get()), .awaitResponse])
    bed.run(for: .seconds(1))
    bed.world.post(.handOver)
    bed.run(for: .milliseconds(seconds * 1_000 - 10))
    #expect(!bed.hasStopped)
    bed.run(for: .milliseconds(20))
    #expect(bed.hasStopped)
    #expect(bed.run() == .quiet)
    #expect(bed.ends.first?.termination == "proxy:response_head")
    bed.checkLog(requests: 1)
  }

  /// Told to end besides, it waits for idle clients no longer, and for what runs no longer either.
  @Test func anOrderToEndClosesIdleConnections() throws {
    let bed = try EngineBed(top: "shutdown_timeout 20s;")
    bed.backend(BackendBehaviour())
    let idle = bed.client([.awaitEnd])
    bed.client([.send(get()), .awaitResponse])
    bed.run(for: .seconds(1))
    bed.world.post(.handOver)
    bed.run(for: .seconds(2))
    #expect(!bed.record(idle).hasEnd)
    bed.world.post(.drain)
    bed.run(for: .milliseconds(10))
    #expect(bed.record(idle).hasEnd && !bed.hasStopped)
    bed.run(for: .milliseconds(18_100))
    #expect(bed.hasStopped)
    #expect(bed.run() == .quiet)
  }

  /// With nothing to finish it ends at once, connections to backends notwithstanding.
  @Test func withoutClientsItEndsAtOnce() throws {
    let bed = try EngineBed()
    bed.backend()
    bed.client([.send(get()), .awaitResponse, .close])
    bed.run(for: .seconds(1))
    #expect(bed.connectionCount == 1)
    bed.world.post(.handOver)
    bed.run(for: .milliseconds(10))
    #expect(bed.hasStopped)
  }

  /// A worker that has taken over sockets of several may have two for one `listen`.
  @Test func aListenMayHaveSeveralSockets() throws {
    let doors = [frontDoor, .ipv4(127, 0, 0, 1, port: 81)]
    let bed = EngineBed(try EngineBed.plan("location / { return 204; }"), doors: doors)
    let clients = doors.map { bed.client(at: $0, [.send(get()), .awaitResponse, .close]) }
    #expect(bed.run() == .quiet)
    for client in clients { #expect(bed.record(client).messages.map(\.status) == [204]) }
    bed.end()
    bed.checkLog(requests: 2)
  }
}
