import Basics
import Engine
import Platform
import Policy
import Scenarios
import Simulation
import Telemetry
import Testing

/// What is counted besides what `checkMetrics` compares with the log of every case.
struct MetricsTests {
  private static let pages = """
    location / { proxy_pass http://10.0.0.1:8000; }
    location = /metrics { metrics; }
    location = /status { status; }
    """

  /// Connections are counted where they are, busy and idle ones apart.
  @Test func connectionsUnderWay() throws {
    let bed = try EngineBed()
    var behaviour = BackendBehaviour.echo
    let echo = behaviour.onMessage
    behaviour.onMessage = { $0.message.target == "/slow" ? [.awaitEnd] : echo($0) }
    bed.backend(behaviour)
    bed.client([.send(get()), .awaitResponse, .awaitEnd])
    bed.client(after: .milliseconds(10), [.send(get()), .awaitResponse, .awaitEnd])
    bed.client(after: .milliseconds(20), [.send(get("/slow")), .awaitEnd])
    bed.client([.awaitEnd])
    bed.run(for: .seconds(1))
    // The worker publishes at the end of its turns.
    bed.turn()
    let samples = MetricSamples(bed.metrics)
    #expect(samples.sum("waybill_client_connections", ["state": "active"]) == 1)
    #expect(samples.sum("waybill_client_connections", ["state": "idle"]) == 3)
    #expect(samples.sum("waybill_http_requests_in_flight", ["worker": "0"]) == 1)
    #expect(samples.sum("waybill_client_connections_accepted_total") == 4)
    let upstream = ["upstream": "10.0.0.1:8000"]
    #expect(samples.sum("waybill_upstream_connections", upstream) == 1)
    #expect(samples.sum("waybill_upstream_connections", ["state": "active"]) == 1)
    #expect(samples.sum("waybill_upstream_connections_opened_total", upstream) == 1)
    #expect(samples.sum("waybill_upstream_connect_duration_seconds_count", upstream) == 1)
    #expect(samples.sum("waybill_upstream_first_byte_duration_seconds_count", upstream) == 2)
    #expect(samples.sum("waybill_worker_turn_duration_seconds_count") > 3)
    bed.end(.stop)
    bed.checkLog(requests: 3)
  }

  /// The idle connection of the pool is counted as one.
  @Test func pooledConnections() throws {
    let bed = try EngineBed()
    bed.backend()
    bed.client([.send(get()), .awaitResponse, .awaitEnd])
    bed.run(for: .seconds(1))
    let samples = MetricSamples(bed.metrics)
    #expect(samples.sum("waybill_upstream_connections", ["state": "idle"]) == 1)
    #expect(samples.sum("waybill_upstream_connections", ["state": "active"]) == 0)
    bed.end(.stop)
    bed.checkLog(requests: 1)
  }

  /// Tries that fail, the peer that is taken out, and the second try that succeeds.
  @Test func failedTries() throws {
    let bed = try EngineBed(
      "location / { proxy_pass http://app; }",
      top: "upstream app { server 10.0.0.9:8000; server 10.0.0.1:8000; }")
    bed.backend()
    bed.client([.send(get()), .awaitResponse])
    bed.finish(requests: 1)
    let samples = MetricSamples(bed.metrics)
    let upstream = ["upstream": "app"]
    #expect(samples.sum("waybill_upstream_tries_total", upstream) == 2)
    #expect(samples.sum("waybill_upstream_retries_total", upstream) == 1)
    #expect(
      samples.sum("waybill_upstream_failed_tries_total", ["error": "connection_refused"]) == 1)
    #expect(samples.sum("waybill_upstream_peer_suspensions_total", upstream) == 1)
  }

  /// A slow request leads from its bucket to its ID; who replaces it must be a second younger.
  @Test func exemplars() throws {
    let bed = try EngineBed()
    bed.backend(.performing([.pause(.milliseconds(700)), .send(ok("slow"))]))
    for (index, delay) in [0, 100, 1_500].enumerated() {
      bed.client(
        after: .milliseconds(UInt64(delay)),
        [.send(get("/", "X-Request-ID: slow-\(index)\r\n")), .awaitResponse])
    }
    let long = String(repeating: "x", count: 119)
    bed.client(
      after: .seconds(9),
      [
        .send(get("/", "X-Request-ID: \(long)\r\n")), .awaitResponse,
      ])
    bed.run(for: .milliseconds(1_000))
    #expect(exemplars(bed) == ["slow-0"])
    bed.run(for: .seconds(4))
    #expect(exemplars(bed) == ["slow-2"])
    bed.finish(requests: 4)
    // An exemplar has no room for such an ID, and part of it would find nothing.
    #expect(exemplars(bed) == ["slow-2"])
  }

  private func exemplars(_ bed: EngineBed) -> [String] {
    let samples = MetricSamples(bed.metrics)
      .found("waybill_http_request_duration_seconds_bucket")
    return samples.filter { $0.labels["le"] == "1.0" }.compactMap(\.exemplar?.id)
  }

  // MARK: The page

  @Test func formatsByAccept() throws {
    let bed = try EngineBed(Self.pages)
    let openMetrics = "Accept: application/openmetrics-text\r\n"
    let client = bed.client([
      .send(get("/metrics")), .awaitResponse, .send(get("/metrics", openMetrics)),
      .awaitResponse, .send(get("/status", openMetrics)), .awaitResponse,
    ])
    bed.finish(requests: 3)
    let messages = bed.record(client).messages
    #expect(messages.map(\.status) == [200, 200, 200])
    let types = messages.map { $0.value(of: "content-type") ?? "" }
    #expect(
      types == [
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8", "application/json",
      ])
    #expect(messages[0].text.hasPrefix("# HELP waybill_build_info "))
    #expect(messages[1].text.hasSuffix("\n# EOF\n"))
    #expect(AccessLine(String(messages[2].text.dropLast())) != nil)
  }

  /// HEAD has the length and no content; other methods are refused, and the connection is kept.
  @Test func otherMethods() throws {
    let bed = try EngineBed(Self.pages)
    let client = bed.client([
      .send("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), .awaitMessage(isBodiless: true),
      .send(post("content", "/metrics")), .awaitResponse,
      .send("DELETE /status HTTP/1.1\r\nHost: a\r\n\r\n"), .awaitResponse,
      .send(get("/status")), .awaitResponse,
    ])
    bed.finish(requests: 4)
    let messages = bed.record(client).messages
    try #require(messages.map(\.status) == [200, 405, 405, 200])
    #expect(messages[0].value(of: "content-length").flatMap { Int($0) } ?? 0 > 1_000)
    #expect(messages[1].value(of: "allow") == "GET, HEAD" && messages[2].value(of: "allow") != nil)
    #expect(bed.ends[0].bytesOut == 0 && bed.ends[0].error.isEmpty)
    #expect(bed.ends[1].error == "http_request_denied")
  }

  /// A page larger than any buffer goes out whole, to a client that takes it in small pieces, too.
  @Test(arguments: [false, true])
  func largePages(isSlow: Bool) throws {
    var network = NetworkSettings()
    if isSlow { network.sendBuffer = 4_096 }
    let locations = (0..<250).map {
      "location /\($0)/ { proxy_pass http://10.0.1.1:8\($0); }"
    }
    let bed = try EngineBed(
      Self.pages + locations.joined(separator: "\n"), network: network)
    bed.idleTurns = 50
    let client = bed.client(
      (0..<250).flatMap { [.send(get("/\($0)/")), .awaitResponse] }
        + [.send(get("/metrics")), .awaitResponse])
    bed.finish(requests: 251)
    let text = try #require(bed.record(client).messages.last).text
    #expect(text.utf8.count > 5 * Limits.largeBufferBytes)
    #expect(text.utf8.count == bed.ends.last?.bytesOut)
    #expect(text.contains("upstream=\"10.0.1.1:8249\"") && text.hasSuffix("\n"))
  }

  // MARK: Several workers, and reloads

  /// Each worker's page is of all workers.
  @Test func workersAreSummed() throws {
    let plan = try EngineBed.plan(Self.pages)
    let metrics = Metrics(version: "1", startTime: 0)
    let share = (metrics, metrics.begin(plan, workers: 2))
    let beds = (0..<2).map {
      EngineBed(plan, workerCount: 2, number: $0, metrics: share)
    }
    for (bed, count) in zip(beds, [3, 5]) {
      bed.backend()
      bed.client((0..<count).flatMap { [.send(get("/\($0)")), .awaitResponse] })
      bed.finish(requests: nil)
    }
    let samples = MetricSamples(metrics)
    let name = "waybill_worker_requests_total"
    #expect(samples.sum(name, ["worker": "0"]) == 3 && samples.sum(name, ["worker": "1"]) == 5)
    #expect(samples.sum("waybill_http_requests_total", ["status_class": "2xx"]) == 8)
    #expect(samples.sum("waybill_upstream_tries_total") == 8)
    #expect(samples.sum("waybill_workers") == 2)
  }

  /// No counter goes back when another plan takes over, whether the old workers still run or not;
  /// what the new plan does not name any more is forgotten with them.
  @Test func generationsAreSummed() throws {
    let metrics = Metrics(version: "1", startTime: 0)
    let old = try EngineBed.plan(
      "server_name a; location / { proxy_pass http://10.0.0.1:8000; } location /x { return 204; }")
    let new = try EngineBed.plan("server_name a; location / { return 204; }")
    let first = metrics.begin(old, workers: 1)
    let bed = EngineBed(old, metrics: (metrics, first))
    bed.backend()
    bed.client([.send(get("/")), .awaitResponse, .send(get("/x")), .awaitResponse, .awaitEnd])
    bed.run(for: .seconds(1))
    let second = metrics.begin(new, workers: 2)
    let later = EngineBed(new, metrics: (metrics, second))
    later.client([.send(get("/")), .awaitResponse])
    later.finish(requests: nil)

    func check(requests: Double, kept: Double, clients: Double) {
      let samples = MetricSamples(metrics)
      #expect(samples.sum("waybill_http_requests_total") == requests)
      #expect(samples.sum("waybill_http_requests_total", ["upstream": "none"]) == kept)
      #expect(samples.sum("waybill_http_request_ids_total") == 3)
      #expect(samples.sum("waybill_client_connections") == clients)
      #expect(samples.sum("waybill_workers") == 2)
      #expect(samples.sum("waybill_worker_requests_total", ["worker": "0"]) == 3)
    }
    check(requests: 3, kept: 2, clients: 1)
    // Ends while its worker still has a client, as if that had been handed over.
    metrics.end(first)
    check(requests: 2, kept: 2, clients: 0)
    metrics.end(first)
    check(requests: 2, kept: 2, clients: 0)
    let third = metrics.begin(old, workers: 2)
    metrics.end(second)
    check(requests: 2, kept: 2, clients: 0)
    metrics.end(third)
    bed.end(.stop)
  }

  /// There is a cell for each value that a label can take.
  @Test func everyErrorHasItsPlace() {
    #expect(ErrorType.allCases.count == 27)
    #expect(ErrorType.allCases.allSatisfy { Int($0.rawValue) < 27 })
    #expect(RequestIDSource.untrusted.rawValue == 5 && Termination.Party.operator.rawValue == 4)
  }
}
