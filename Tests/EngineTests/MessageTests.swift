import Basics
import Scenarios
import Simulation
import Testing

/// Requests and responses of every shape that HTTP/1.1 allows, on a healthy network.
struct MessageTests {
  /// The whole point of the proxy: without this the ID differs between client, backend and log.
  @Test func oneIDEverywhere() throws {
    let bed = try EngineBed()
    let backend = bed.backend()
    let client = bed.client([.send(get()), .awaitResponse])
    bed.finish(requests: 1)
    let answer = try #require(bed.record(client).messages.first)
    let id = try #require(answer.value(of: "x-request-id"))
    #expect(id.utf8.count == 36)
    #expect(answer.value(of: "x-seen-request-id") == id)
    #expect(bed.world.requests(of: backend).first?.value(of: "x-request-id") == id)
    #expect(bed.ends.first?.id == id)
    #expect(bed.ends.first?["id_source"] == "generated")
  }

  /// A client's own ID is kept, or support could not follow a request through a chain of services.
  @Test func theClientsIDIsKept() throws {
    let bed = try EngineBed()
    bed.backend()
    let client = bed.client([.send(get("/", "X-Request-ID: my-own.1\r\n")), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.first?.values(of: "x-request-id") == ["my-own.1"])
    #expect(bed.record(client).messages.first?.value(of: "x-seen-request-id") == "my-own.1")
    #expect(bed.ends.first?["id_source"] == "client")
  }

  /// Content reaches the backend and comes back whole, whatever buffer sizes it crosses.
  @Test(arguments: [0, 1, 100, 16 * 1024, 64 * 1024 + 1, 700_000])
  func contentPassesWhole(_ count: Int) throws {
    let bed = try EngineBed()
    let backend = bed.backend()
    let content = filler(count)
    let client = bed.client([.send(post(content)), .awaitResponse, .send(get()), .awaitResponse])
    bed.finish(requests: 2)
    #expect(bed.world.requests(of: backend).first?.text == content)
    let answer = bed.record(client).messages.first
    #expect(answer?.text == (count == 0 ? "POST / HTTP/1.1" : content))
    #expect(bed.ends.first?.bytesIn == count)
  }

  /// Kept-alive connections on both sides are reused; each request would cost two connects else.
  @Test func connectionsAreKept() throws {
    let bed = try EngineBed()
    let backend = bed.backend()
    let client = bed.client(
      (0..<5).flatMap { [.send(get("/\($0)")), .awaitResponse] })
    bed.finish(requests: 5)
    #expect(bed.record(client).messages.map(\.text) == (0..<5).map { "GET /\($0) HTTP/1.1" })
    #expect(bed.world.connections(of: backend).count == 1)
    #expect(bed.ends.map { $0["connection_request"] } == ["1", "2", "3", "4", "5"])
  }

  /// Pipelined requests are answered in order, each with its own ID and line.
  @Test func pipeliningIsServedInOrder() throws {
    let bed = try EngineBed()
    bed.backend()
    let requests = [get("/1"), post("two", "/2"), get("/3"), post(filler(40_000), "/4"), get("/5")]
    let client = bed.client([.send(requests.joined())] + requests.map { _ in .awaitResponse })
    bed.finish(requests: 5)
    let texts = bed.record(client).messages.map(\.text)
    #expect(
      texts == [
        "GET /1 HTTP/1.1", "two", "GET /3 HTTP/1.1", filler(40_000), "GET /5 HTTP/1.1",
      ])
    #expect(Set(bed.ends.map(\.id)).count == 5)
  }

  /// Chunks are decoded and framed anew, so that both sides agree on where the message ends. A
  /// trailer passes, but not one of the ID's name: the backend would see a second ID.
  @Test func chunksAndTrailersPassToTheBackend() throws {
    let bed = try EngineBed()
    let backend = bed.backend()
    bed.client([
      .send(chunkedHead() + "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n"),
      .send("X-Check: 1\r\nX-Request-ID: other\r\nX_Request_ID: twin\r\nHost: evil\r\n\r\n"),
      .awaitResponse,
    ])
    bed.finish(requests: 1)
    let seen = try #require(bed.world.requests(of: backend).first)
    #expect(seen.isChunked && seen.text == "hello world")
    #expect(seen.trailers.map { "\($0.name): \($0.value)" } == ["X-Check: 1"])
    #expect(bed.ends.first?.bytesIn == 11)
  }

  /// The same in the other direction.
  @Test func chunksAndTrailersPassToTheClient() throws {
    let bed = try EngineBed()
    bed.backend(
      .answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n"
          + "X-Check: 1\r\nX-Request-ID: other\r\n\r\n"))
    let client = bed.client([.send(get()), .awaitResponse, .send(get()), .awaitResponse])
    bed.finish(requests: 2)
    let answers = bed.record(client).messages
    #expect(answers.map(\.text) == ["abcde", "abcde"])
    #expect(answers.map(\.isChunked) == [true, true])
    #expect(answers.first?.trailers.map { "\($0.name): \($0.value)" } == ["X-Check: 1"])
  }

  /// Responses without content end with their head; waiting for content would hang the connection.
  @Test(
    arguments: [
      ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
      ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
      ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: \"1\"\r\n\r\n"),
      ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ])
  func bodilessResponsesEndWithTheirHead(method: String, response: String) throws {
    let bed = try EngineBed()
    let backend = bed.backend(.answering(response))
    let request = "\(method) / HTTP/1.1\r\nHost: a\r\n\r\n"
    let client = bed.client([
      .send(request), .awaitMessage(isBodiless: true),
      .send(request), .awaitMessage(isBodiless: true),
    ])
    bed.finish(requests: 2)
    #expect(bed.record(client).ending == .completed)
    let hasLength = response.contains("1000")
    #expect(
      bed.record(client).messages.map { $0.value(of: "content-length") }
        == Array(repeating: hasLength ? "1000" : nil, count: 2))
    #expect(bed.world.connections(of: backend).count == 1)
  }

  /// Interim responses pass, each with the ID; to an HTTP/1.0 client, who knows none, they do not.
  @Test(arguments: ["1.1", "1.0"])
  func interimResponsesPass(_ version: String) throws {
    let bed = try EngineBed()
    bed.backend(
      .answering(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
          + ok("done")))
    let client = bed.client([.send("GET / HTTP/\(version)\r\nHost: a\r\n\r\n"), .awaitResponse])
    bed.finish(requests: 1)
    let statuses = bed.record(client).messages.map(\.status)
    #expect(statuses == (version == "1.1" ? [103, 102, 200] : [200]))
    #expect(bed.record(client).finalMessages.first?.text == "done")
  }

  /// `Expect: 100-continue` goes end to end: the client sends nothing until the backend wants it.
  @Test func expectationsAreMetByTheBackend() throws {
    let bed = try EngineBed()
    let backend = bed.backend()
    let request = post("", "/", "Expect: 100-continue\r\n").replacing(
      "Length: 0", with: "Length: 3")
    let client = bed.client([.send(request), .awaitBytes(30), .send("abc"), .awaitResponse])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.status) == [100, 200])
    #expect(bed.world.requests(of: backend).first?.text == "abc")
    #expect(bed.record(client).text.hasPrefix("HTTP/1.1 100 Continue\r\n"))
  }

  /// A response that starts before the request has ended is forwarded at once.
  @Test func anEarlyResponseIsForwarded() throws {
    let bed = try EngineBed()
    var behaviour = BackendBehaviour()
    behaviour.onHead = { _ in [.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")] }
    bed.backend(behaviour)
    let client = bed.client([
      .send(post("", "/").replacing("Length: 0", with: "Length: 100")), .awaitResponse,
      .awaitEnd,
    ])
    bed.finish(requests: 1)
    let answer = bed.record(client).messages.first
    #expect(answer?.status == 413 && answer?.text == "no" && answer?.asksToClose == true)
  }

  /// Content that only the connection's end delimits gets chunks, so that a cut would show, and the
  /// client's connection is kept.
  @Test func closeDelimitedContentIsChunked() throws {
    let bed = try EngineBed()
    let text = filler(100_000)
    bed.backend(.performing([.send("HTTP/1.1 200 OK\r\n\r\n" + text), .close]))
    let client = bed.client([.send(get()), .awaitResponse, .send(get()), .awaitResponse])
    bed.finish(requests: 2)
    #expect(bed.record(client).messages.map { $0.isChunked && $0.text == text } == [true, true])
  }

  /// An HTTP/1.0 client gets what it understands: no chunks, and the end of the connection as the
  /// end.
  @Test func oldClientsAreServed() throws {
    let bed = try EngineBed()
    bed.backend(
      .answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"))
    let client = bed.client([.send("GET / HTTP/1.0\r\n\r\n"), .awaitResponse])
    bed.finish(requests: 1)
    let answer = bed.record(client).messages.first
    #expect(answer?.isChunked == false && answer?.text == "abc")
    #expect(bed.ends.first?["protocol"] == "HTTP/1.0")
  }

  /// HTTP/1.0 has no expectations: what a client sends as one must not become one on the way, or
  /// the backend would refuse it or wait.
  @Test(arguments: ["100-continue", "something-else"])
  func expectationsOfHTTP10AreDropped(_ expectation: String) throws {
    let bed = try EngineBed()
    let backend = bed.backend()
    let client = bed.client([
      .send("GET / HTTP/1.0\r\nExpect: \(expectation)\r\n\r\n"), .awaitResponse,
    ])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.first?.status == 200)
    #expect(bed.world.requests(of: backend).first?.values(of: "expect") == [])
  }

  /// An HTTP/1.0 client that asks for it keeps its connection.
  @Test func oldClientsMayKeepTheirConnection() throws {
    let bed = try EngineBed()
    bed.backend()
    let request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    let client = bed.client([.send(request), .awaitResponse, .send(request), .awaitResponse])
    bed.finish(requests: 2)
    #expect(
      bed.record(client).messages.map { $0.value(of: "connection") } == [
        "keep-alive", "keep-alive",
      ])
  }

  /// A client that has ended its stream still gets its answer (`printf ... | nc`), and the line
  /// says 200.
  @Test func aHalfClosedClientIsAnswered() throws {
    let bed = try EngineBed()
    bed.backend()
    let client = bed.client([
      .send(post("abc")), .finishSending, .awaitResponse, .awaitEnd,
    ])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.first?.text == "abc")
    #expect(bed.ends.first?.status == 200 && bed.ends.first?.termination == "")
  }

  /// What can't be parsed has an ID and a line all the same, and the connection ends.
  @Test(
    arguments: [
      ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400), ("NONSENSE\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
      (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400
      ),
      ("GET /\(filler(9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ])
  func malformedRequestsAreRefused(request: String, status: Int) throws {
    let bed = try EngineBed()
    let backend = bed.backend()
    let client = bed.client([.send(request), .awaitResponse, .awaitEnd])
    bed.finish(requests: 1)
    #expect(bed.record(client).messages.map(\.status) == [status])
    #expect(bed.world.connections(of: backend).isEmpty)
    #expect(bed.ends.first?.termination == "client:request_head")
  }
}
