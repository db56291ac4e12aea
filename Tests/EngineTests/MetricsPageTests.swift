import Basics
import Engine
import Platform
import Policy
import Scenarios
import Simulation
import Telemetry
import Testing

/// Pages with more rows than a turn has room for, and what may happen until they are complete.
struct MetricsPageTests {
  private static let count = 250

  /// A worker that has counted something under each of `count` pairs of server and upstream.
  private func bed() throws -> EngineBed {
    let locations = (0..<Self.count).map {
      "location /\($0)/ { proxy_pass http://10.0.1.1:8\($0); }"
    }
    let bed = try EngineBed(
      "location = /metrics { metrics; } location = /status { status; }"
        + "location = /x { return 204; }" + locations.joined(separator: "\n"), isAsked: true)
    bed.idleTurns = 200
    bed.client((0..<Self.count).flatMap { [.send(get("/\($0)/")), .awaitResponse] })
    bed.run(for: .seconds(60))
    #expect(bed.ends.count == Self.count && bed.exchangeCount == 0)
    return bed
  }

  /// Goes on until a page is being composed.
  private func runIntoPage(_ bed: EngineBed, pages: Int = 1) {
    for _ in 0..<1_000 where bed.exchangeCount < pages { bed.turn() }
    #expect(bed.exchangeCount == pages)
  }

  /// The lines that nothing but the first requests has changed.
  private func steadyLines(_ text: some StringProtocol) -> [Substring] {
    String(text).split(separator: "\n").filter { $0.contains("upstream=\"10.0.1.1:8") }
  }

  /// The page is what one would be that is written at once, and whoever asks meanwhile is served.
  @Test func othersAreServedMeanwhile() throws {
    let bed = try bed()
    let scraper = bed.client([.send(get("/metrics")), .awaitResponse])
    runIntoPage(bed)
    bed.client([.send(get("/x")), .awaitResponse])
    bed.finish(requests: Self.count + 2)
    #expect(bed.ends.suffix(2).map(\.status) == [204, 200])
    let page = try #require(bed.record(scraper).messages.last).text
    let whole = String(decoding: bed.metrics.page(.prometheus), as: UTF8.self)
    #expect(steadyLines(page).count > 30 * Self.count)
    #expect(steadyLines(page) == steadyLines(whole))
    let families = page.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }
    #expect(families.count == MetricFamily.all.count)
  }

  /// A turn has room for so many rows, however many pages are under way: those of two pages take
  /// twice as many turns.
  @Test(arguments: [1, 2, 5])
  func turnsAreShort(pages: Int) throws {
    let bed = try bed()
    let scrapers = (0..<pages).map { _ in
      bed.client([.send(get("/metrics")), .awaitResponse])
    }
    var turns = 0
    while bed.ends.count < Self.count + pages && turns < 100_000 {
      bed.turn()
      turns += 1
    }
    // Each pair has a row to be summed and four to be written, each upstream one and eight.
    let rows = Self.count * (1 + 4 + 1 + 8)
    #expect(turns >= pages * rows / Limits.metricRowsPerTurn)
    bed.finish(requests: Self.count + pages)
    for scraper in scrapers {
      let page = try #require(bed.record(scraper).messages.last).text
      #expect(steadyLines(page).count > 30 * Self.count)
    }
  }

  @Test func headAndStatusTogether() throws {
    let bed = try bed()
    let head = bed.client([
      .send("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), .awaitMessage(isBodiless: true),
    ])
    let status = bed.client([.send(get("/status")), .awaitResponse])
    runIntoPage(bed, pages: 2)
    bed.finish(requests: Self.count + 2)
    let first = try #require(bed.record(head).messages.last)
    #expect(first.value(of: "content-length").flatMap { Int($0) } ?? 0 > 100_000)
    #expect(bed.ends.filter { $0.status == 200 }.map(\.bytesOut).min() == 0)
    let second = try #require(bed.record(status).messages.last).text
    #expect(AccessLine(String(second.dropLast())) != nil)
  }

  /// A client that leaves takes its page with it; the other one gets its own.
  @Test func aClientLeaves() throws {
    let bed = try bed()
    let leaver = bed.client([
      .send(get("/metrics")), .pause(Interval(nanoseconds: 120_000)), .reset,
    ])
    let other = bed.client([.send(get("/metrics")), .awaitResponse])
    runIntoPage(bed, pages: 2)
    bed.finish(requests: Self.count + 2)
    #expect(bed.record(leaver).messages.isEmpty)
    #expect(bed.ends.suffix(2).map(\.status) == [499, 200])
    #expect(bed.record(other).messages.last?.text.hasSuffix("\n") == true)
  }

  /// Who has ended its own stream is answered, as with a page that is complete at once.
  @Test func aHalfClosedClientGetsItsPage() throws {
    let bed = try bed()
    let client = bed.client([.send(get("/metrics")), .finishSending, .awaitResponse, .awaitEnd])
    bed.finish(requests: Self.count + 1)
    #expect(bed.ends.last?.status == 200)
    #expect(bed.record(client).messages.last?.text.hasSuffix("\n") == true)
  }

  /// What ends a worker while a page is being composed: told to stop, it sends 503; told to finish,
  /// it finishes.
  @Test(arguments: [(WorkerCommands.stop, 503), (.drain, 200), (.handOver, 200)])
  func aWorkerEnds(command: WorkerCommands, status: Int) throws {
    let bed = try bed()
    bed.client([.send(get("/metrics")), .awaitEnd])
    runIntoPage(bed)
    bed.end(command)
    bed.checkLog(requests: Self.count + 1)
    #expect(bed.ends.last?.status == status)
  }

  /// An operator who ends the request is obeyed.
  @Test func anOperatorAborts() throws {
    let bed = try bed()
    bed.client([.send(get("/metrics")), .awaitResponse])
    runIntoPage(bed)
    // It came on the second connection.
    #expect(bed.desk?.ask(.abort(connection: 2, request: 1)) == true)
    bed.world.post(.answer)
    bed.finish(requests: Self.count + 1)
    #expect(bed.desk?.answer(withinMilliseconds: 0)?.count == 1)
    #expect(bed.ends.last?.status == 503)
    #expect(bed.ends.last?.termination == "operator:response_head")
  }
}
