import Basics
import Platform
import Scenarios
import Simulation
import Testing

/// Requests that go on in another location, whatever the pieces that their bytes come in.
struct InternalRedirectTests {
  private static let server = """
    root /files;
    location /try/ { try_files $uri @backend; }
    location /page/ { error_page 404 = /found.txt; }
    location /down/ { proxy_pass http://10.0.0.9:1; error_page 502 = @backend; }
    location /accel/ { proxy_pass http://10.0.0.1:8000; }
    location /protected/ { internal; alias /files/; }
    location @backend { proxy_pass http://10.0.0.1:8000; }
    """

  private static func bed(faults: Faults = .none, seed: UInt64 = 1) throws -> EngineBed {
    let bed = EngineBed(try EngineBed.plan(server), seed: seed, faults: faults)
    bed.world.store(Array("found".utf8), at: "/files/found.txt")
    bed.world.store(Array("tried".utf8), at: "/files/try/a.txt")
    return bed
  }

  /// A request and its content, cut anywhere, reach the second backend whole.
  @Test func cutAnywhere() throws {
    let request = post("content", "/down/x?a=b")
    for cut in 1..<request.utf8.count {
      let bed = try Self.bed()
      let backend = bed.backend()
      let client = bed.client([
        .send(String(request.prefix(cut))), .pause(.milliseconds(5)),
        .send(String(request.dropFirst(cut))), .awaitResponse,
      ])
      bed.finish(requests: 1)
      #expect(bed.record(client).messages.first?.text == "content")
      let asked = bed.world.requests(of: backend)
      #expect(asked.map(\.startLine) == ["POST /down/x?a=b HTTP/1.1"])
      #expect(asked.map(\.text) == ["content"])
      #expect(bed.ends.first?["uri"] == "/down/x?a=b")
    }
  }

  /// Pipelined requests behind one that is redirected are served as they came.
  @Test(arguments: 1...10) func pipelined(_ seed: Int) throws {
    let bed = try Self.bed(faults: .fragmenting, seed: UInt64(seed))
    bed.backend()
    let requests = [
      get("/page/x"), post("one", "/try/none"), get("/try/a.txt"), get("/page/y"),
      post("two", "/down/z"), get("/found.txt"),
    ]
    let client = bed.client([.send(requests.joined())] + requests.map { _ in .awaitResponse })
    bed.finish(requests: 6)
    let texts = bed.record(client).messages.map(\.text)
    #expect(texts == ["found", "one", "tried", "found", "two", "found"])
  }

  /// A backend has Waybill send a file; its connection is kept when its response is over.
  @Test func accelRedirect() throws {
    let bed = try Self.bed()
    let answer =
      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Accel-Redirect: /protected/found.txt\r\n"
      + "Content-Type: text/own\r\n\r\n"
    let backend = bed.backend(.performing([.send(answer)]))
    let client = bed.client([
      .send(get("/accel/1")), .awaitResponse, .send(get("/accel/2")), .awaitResponse,
      .send(get("/protected/found.txt")), .awaitResponse,
    ])
    bed.finish(requests: 3)
    let messages = bed.record(client).messages
    #expect(messages.map(\.status) == [200, 200, 404])
    #expect(messages.prefix(2).map(\.text) == ["found", "found"])
    #expect(messages.first?.value(of: "content-type") == "text/own")
    #expect(messages.first?.value(of: "x-accel-redirect") == nil)
    #expect(bed.world.connections(of: backend).count == 1)
  }
}
