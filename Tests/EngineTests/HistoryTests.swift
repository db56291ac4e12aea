import Basics
import Scenarios
import Simulation
import Testing

/// The history of a request in the error log, and who gets one.
struct HistoryTests {
  private func histories(_ bed: EngineBed) -> [String] {
    bed.errors.filter { $0.contains(" history ") }
  }

  /// What failed, where and when: each try, in order, on one line with the request's ID.
  @Test func aFailedRequestTellsItsHistory() throws {
    let top = "upstream app { server 10.0.0.1:8000; server 10.0.0.2:8000; }"
    let bed = try EngineBed(
      "proxy_read_timeout 3s; location / { proxy_pass http://app; }", top: top)
    bed.backend(.connecting([.refused]))
    bed.backend(at: .ipv4(10, 0, 0, 2, port: 8000), .performing([.awaitEnd]))
    bed.client([.send(get("/", "X-Request-ID: my-own.1\r\n")), .awaitResponse])
    bed.finish(requests: 1)
    let line = try #require(histories(bed).first)
    #expect(histories(bed).count == 1)
    #expect(line.hasPrefix("ERROR ") && line.contains(" history [req-my-own.1] *1 +0.000000 head"))
    let steps = [
      "head of 51 bytes", "try 1: connecting to 10.0.0.1:8000", "connection_refused",
      "try 2: connecting to 10.0.0.2:8000", "connected", "request sent, ", "+3.",
      "http_response_timeout", "own response 504", "end +3.",
      "status 504 by upstream in response_head, peer 10.0.0.2:8000, try 2",
    ]
    var rest = line[...]
    for step in steps {
      let place = try #require(rest.firstRange(of: step), "\(step) in \(line)")
      rest = rest[place.upperBound...]
    }
  }

  /// A request that ended well has none, unless somebody asked: then whatever the log's level.
  @Test(arguments: [
    ("", "", false), ("slow_log 1s;", "", false), ("slow_log 10ms;", "", true),
    ("slow_log off;", "", false),
    ("debug_request 192.0.2.0/24;", "", true), ("debug_request 10.0.0.0/8;", "", false),
    ("debug_request some-id my-id;", "X-Request-ID: my-id\r\n", true),
    ("debug_request my-id;", "X-Request-ID: my-id-2\r\n", false),
    ("request_id generate; debug_request my-id;", "X-Request-ID: my-id\r\n", true),
    ("debug_request 192.0.2.0/24; error_log /error crit;", "", true),
  ])
  func historiesAreToldOnDemand(conf: String, fields: String, isTold: Bool) throws {
    let bed = try EngineBed(conf + EngineBed.proxy)
    bed.backend(.performing([.pause(.milliseconds(50)), .send(ok("a"))]))
    bed.client([.send(get("/", fields)), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.ends.first?.status == 200)
    #expect(histories(bed).isEmpty != isTold)
    #expect(histories(bed).allSatisfy { $0.hasPrefix("WARN ") })
    #expect(histories(bed).allSatisfy { $0.contains("response 200, end +0.05") })
  }

  /// A client that leaves is everyday life: told from `info` on, which the bed's log has.
  @Test func aClientThatLeftIsInformation() throws {
    let bed = try EngineBed()
    bed.backend(.performing([.pause(.seconds(2)), .send(ok("a"))]))
    bed.client([.send(get()), .pause(.seconds(1)), .reset])
    bed.finish(requests: 1)
    let line = try #require(histories(bed).first)
    #expect(line.hasPrefix("INFO ") && line.contains("the client disconnected, end +1."))
  }

  /// A slow reader and a tunnel leave their traces.
  @Test func slownessAndTunnelsAreNoted() throws {
    let bed = try EngineBed("debug_request 0.0.0.0/0;" + EngineBed.proxy)
    bed.backend()
    bed.client([
      .stopReading, .send(post(filler(900_000))), .pause(.seconds(1)), .startReading,
      .awaitResponse,
    ])
    bed.client([
      .send(get("/tunnel", "Connection: upgrade\r\nUpgrade: echo\r\n")), .awaitResponse,
      .finishSending, .awaitEnd,
    ])
    bed.finish(requests: 2)
    #expect(histories(bed).contains { $0.contains("the client has stopped reading") })
    #expect(histories(bed).contains { $0.contains("response 101, ") && $0.contains("tunnel open") })
  }

  /// `error_log ... json`: the same as an object for machines.
  @Test func errorsCanBeObjects() throws {
    let bed = try EngineBed("error_log /objects error json; error_log /error;" + EngineBed.proxy)
    bed.client([.send(get("/", "X-Request-ID: mine\r\n")), .awaitResponse])
    bed.finish(requests: 1)
    let objects = bed.lines(of: "/objects")
    #expect(objects.count == bed.errors.count && objects.count >= 2)
    for object in objects {
      #expect(object["request_id"] == "mine" && object["connection"] == "1")
      #expect(object["upstream"] == "10.0.0.1:8000" && object["try"] == "1")
      #expect(object["level"] == "ERROR" && object["message"] != nil)
    }
    #expect(objects.map { $0["module"] }.contains("history"))
  }
}
