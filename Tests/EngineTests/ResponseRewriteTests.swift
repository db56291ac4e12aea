import Basics
import Scenarios
import Simulation
import Testing

/// What a client sees of a response: fields added, hidden, merged, and kept for the log.
struct ResponseRewriteTests {
  /// A bed whose backend gives every request this response.
  private func bed(_ server: String, top: String = "", answer: String) throws -> EngineBed {
    let bed = try EngineBed(server, top: top)
    bed.backend(.answering(answer))
    return bed
  }

  private func response(
    _ server: String, top: String = "", answer: String, to request: String = get()
  ) throws -> WireMessage {
    let bed = try bed(server, top: top, answer: answer)
    let client = bed.client([.send(request), .awaitResponse])
    bed.finish(requests: 1)
    return try #require(bed.record(client).messages.first)
  }

  /// Fields that Connection lists, and those that `proxy_hide_header` names, end here.
  @Test func fieldsAreHidden() throws {
    let conf = "proxy_hide_header X-Secret; proxy_hide_header Server;" + EngineBed.proxy
    let answer = ok(
      "a", "Connection: X-Hop\r\nX-Hop: 1\r\nx-secret: 2\r\nServer: s\r\nX-Shown: 3\r\n")
    let message = try response(conf, answer: answer)
    #expect(message.values(of: "x-hop").isEmpty && message.values(of: "x-secret").isEmpty)
    #expect(message.values(of: "server").isEmpty)
    #expect(message.values(of: "x-shown") == ["3"])
  }

  /// `add_header` is for the statuses that nginx names, `always` for all; no value, no field.
  @Test(arguments: [(200, ["1"]), (404, [])])
  func fieldsAreAdded(status: Int, added: [String]) throws {
    let conf = """
      add_header X-Good 1; add_header X-All always-$request_method always;
      add_header X-None $arg_none always;
      """
    let answer = "HTTP/1.1 \(status) Word\r\nContent-Length: 0\r\n\r\n"
    let message = try response(conf + EngineBed.proxy, answer: answer)
    #expect(message.values(of: "x-good") == added)
    #expect(message.values(of: "x-all") == ["always-GET"])
    #expect(message.values(of: "x-none").isEmpty)
  }

  /// A backend's own copy of the ID never reaches the client; one that differs is in the log.
  @Test(arguments: [("X-Request-ID", "theirs-1", "theirs-1"), ("X_Request_ID", "theirs-2", nil)])
  func theBackendsIDIsNoted(name: String, value: String, noted: String?) throws {
    let bed = try bed(EngineBed.proxy, answer: ok("a", "\(name): \(value)\r\nX-Request-Id: b\r\n"))
    let client = bed.client([.send(get("/", "X-Request-ID: mine-1\r\n")), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.first?.values(of: "x-request-id") == ["mine-1"])
    #expect(bed.ends.first?["upstream_request_id"] == noted ?? "b")
  }

  /// A backend that repeats the ID as it got it differs in nothing.
  @Test func theSameIDIsNotNoted() throws {
    let bed = try bed(EngineBed.proxy, answer: ok("a", "X-Request-ID: mine-1\r\n"))
    bed.client([.send(get("/", "X-Request-ID: mine-1\r\n")), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.ends.first?["upstream_request_id"] == nil)
  }

  /// What a log format asks for of a response's fields is kept until the line is written.
  @Test func responseFieldsAreLogged() throws {
    let top = """
      log_format own escape=none
        '$upstream_http_x_mine|$sent_http_x_mine|$sent_http_content_length|'
        '$upstream_http_none|$uri';
      access_log /log json; access_log /own own; access_log /some own if=$arg_logged;
      """
    let conf = "add_header X-Mine two always; proxy_hide_header X-Mine;" + EngineBed.proxy
    let bed = try bed(conf, top: top, answer: ok("abc", "X-Mine: one\r\n"))
    bed.client([
      .send(get("/first")), .awaitResponse, .send(get("/second?logged=1")), .awaitResponse,
      .send(get("/third?logged=0")), .awaitResponse,
    ])
    bed.finish(requests: 3)
    let lines = ["first", "second", "third"].map { "one|two|3||/\($0)" }
    #expect(bed.world.logs.lines(of: "/own") == lines)
    #expect(bed.world.logs.lines(of: "/some").count == 1)
  }

  /// An answer of Waybill's own can name a place, in which variables stand for the request.
  @Test func aRedirectNamesAPlace() throws {
    let conf = "return 308 https://$host$request_uri;"
    let message = try response(conf, answer: "", to: get("/a?b=1"))
    #expect(message.status == 308)
    #expect(message.values(of: "location") == ["https://a/a?b=1"])
  }

  /// 444 is nginx's way of saying nothing at all; the line is there nevertheless.
  @Test func nothingIsSaidWhenAskedSo() throws {
    let bed = try EngineBed("return 444;")
    let client = bed.client([.send(get()), .awaitEnd])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.isEmpty)
    #expect(bed.ends.first?.status == 444)
  }
}
