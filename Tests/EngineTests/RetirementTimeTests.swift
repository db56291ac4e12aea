import Basics
import Platform
import Scenarios
import Simulation
import Testing

/// `worker_shutdown_timeout`: how long workers may take that others have replaced.
struct RetirementTimeTests {
  private static let timeout = "worker_shutdown_timeout 10s;"

  /// A request and a tunnel of a replaced worker are cut when its time is over, and say so; what
  /// the new one serves is not concerned, nor is a later generation.
  @Test func whatRunsIsCut() throws {
    let bed = try ReplacementBed(top: Self.timeout)
    bed.backend(
      .performing([.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), .awaitEnd]))
    bed.client([.send(get("/1")), .awaitResponse])
    bed.run(for: .seconds(1))
    try bed.replace(top: Self.timeout)
    bed.client([.send(get("/2")), .awaitResponse])
    bed.run(for: .seconds(4))
    try bed.replace(top: Self.timeout)
    bed.run(for: .milliseconds(5_900))
    #expect(bed.programs.map(\.hasStopped) == [false, false, false])
    bed.run(for: .milliseconds(200))
    #expect(bed.programs.map(\.hasStopped) == [true, false, false])
    bed.run(for: .milliseconds(4_100))
    #expect(bed.programs.map(\.hasStopped) == [true, true, false])
    #expect(bed.ends.map(\.termination) == ["proxy:response_body", "proxy:response_body"])
    #expect(bed.errors.count { $0.contains("ended by worker_shutdown_timeout") } == 2)
    bed.finish(requests: 2)
  }

  /// The time is that of the configuration that is replaced; 0 and none set no end.
  @Test(arguments: ["", "worker_shutdown_timeout 0;"])
  func noEndIsSet(top: String) throws {
    let bed = try ReplacementBed(top: top)
    bed.backend(.performing([.pause(.seconds(400)), .send(ok("late"))]))
    let client = bed.client([.send(get()), .awaitResponse])
    bed.run(for: .seconds(1))
    try bed.replace(top: Self.timeout)
    bed.run(for: .seconds(50))
    #expect(bed.programs.map(\.hasStopped) == [false, false])
    bed.world.post(.endRetired, to: bed.programs[1].number)
    bed.world.post(.endRetired, to: bed.programs[0].number)
    bed.run(for: .milliseconds(10))
    #expect(bed.programs.map(\.hasStopped) == [true, false])
    #expect(bed.record(client).messages.isEmpty)
    #expect(bed.errors.contains { $0.contains("ended early: too many earlier configurations") })
    bed.finish(requests: 1)
  }

  /// In a process whose place another has taken it holds instead of `shutdown_timeout`.
  @Test(arguments: [2, 50] as [UInt64])
  func itHoldsAfterAnUpgrade(seconds: UInt64) throws {
    let bed = try EngineBed(
      top: "shutdown_timeout 20s; worker_shutdown_timeout \(seconds)s;")
    bed.backend(BackendBehaviour())
    bed.client([.send(get()), .awaitResponse])
    bed.run(for: .seconds(1))
    bed.world.post(.handOver)
    bed.run(for: .milliseconds(seconds * 1_000 - 10))
    #expect(!bed.hasStopped)
    bed.run(for: .milliseconds(20))
    #expect(bed.hasStopped)
    #expect(bed.run() == .quiet)
    #expect(bed.errors.contains { $0.contains("ended by worker_shutdown_timeout") })
    bed.checkLog(requests: 1)
  }
}
