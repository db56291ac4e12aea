import Basics
import Scenarios
import Simulation
import Testing

/// What a backend sees of a request: the target, the fields, and who is said to have sent it.
struct RequestRewriteTests {
  /// Sends requests one after another and returns what the backend saw of them.
  private func seen(
    by server: String, top: String = "", _ requests: [String]
  ) throws -> [WireMessage] {
    let bed = try EngineBed(server, top: top)
    let backend = bed.backend()
    bed.client(requests.flatMap { [.send($0), .awaitResponse] as [PeerAction] })
    bed.finish(requests: requests.count)
    return bed.world.requests(of: backend)
  }

  /// The URI of `proxy_pass` takes the place of the location's prefix, and what follows is encoded
  /// again; without one the path stays as it was sent.
  @Test(arguments: [
    ("http://10.0.0.1:8000/new/", "/old/a%20b/../c%2Fd?x=%20", "/new/c/d?x=%20"),
    ("http://10.0.0.1:8000/new/", "/old/%7e", "/new/~"),
    ("http://10.0.0.1:8000/", "/old/", "/"),
    ("http://10.0.0.1:8000", "/old/a%20b/../c", "/old/a%20b/../c"),
    ("http://10.0.0.1:8000", "http://a/old/x?y=1", "/old/x?y=1"),
  ])
  func pathsAreMapped(pass: String, target: String, expected: String) throws {
    let requests = try seen(by: "location /old/ { proxy_pass \(pass); }", [get(target)])
    #expect(requests.map(\.target) == [expected])
  }

  /// The forms of a target that name no path.
  @Test(arguments: [
    ("GET http://a HTTP/1.1", "/"), ("GET http://a?x=1 HTTP/1.1", "/?x=1"),
    ("OPTIONS * HTTP/1.1", "*"),
  ])
  func targetsWithoutPath(line: String, expected: String) throws {
    let requests = try seen(by: EngineBed.proxy, ["\(line)\r\nHost: a\r\n\r\n"])
    #expect(requests.map(\.target) == [expected])
  }

  /// A backend that is given the client's Host gets that of an absolute target before the field's
  /// (RFC 9112 section 3.2.2).
  @Test func anAbsoluteTargetNamesTheHost() throws {
    let conf = "location / { proxy_set_header Host $host; proxy_pass http://10.0.0.1:8000; }"
    let line = "GET http://named.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n"
    #expect(try seen(by: conf, [line]).first?.values(of: "host") == ["named.example"])
    let kept = "location / { proxy_pass http://10.0.0.1:8000; }"
    #expect(try seen(by: kept, [line]).first?.values(of: "host").count == 1)
  }

  /// `proxy_set_header` replaces a field of any name, a name that Waybill knows or not; an empty
  /// value takes it away.
  @Test func fieldsAreAssigned() throws {
    let conf = """
      location / {
        proxy_set_header X-Own "v $request_method"; proxy_set_header Accept text/plain;
        proxy_set_header X-Gone ""; proxy_set_header Cookie ""; proxy_set_header X-Empty $arg_none;
        proxy_pass http://10.0.0.1:8000;
      }
      """
    let fields = """
      x-own: theirs\r\nAccept: */*\r\nX-Gone: 1\r\nCookie: a\r\nX-Empty: 2\r\nX-Kept: 3\r\n
      """
    let request = try #require(try seen(by: conf, [get("/", fields)]).first)
    #expect(request.values(of: "x-own") == ["v GET"])
    #expect(request.values(of: "accept") == ["text/plain"])
    #expect(request.values(of: "x-gone").isEmpty && request.values(of: "cookie").isEmpty)
    #expect(request.values(of: "x-empty").isEmpty)
    #expect(request.values(of: "x-kept") == ["3"])
  }

  /// Fields that Connection lists end here; Host can't be taken away so.
  @Test func whatConnectionListsIsNotPassed() throws {
    let fields = "Connection: X-Hop, host, keep-alive\r\nX-Hop: 1\r\nX-End: 2\r\n"
    let request = try #require(try seen(by: EngineBed.proxy, [get("/", fields)]).first)
    #expect(request.values(of: "x-hop").isEmpty && request.values(of: "connection").isEmpty)
    #expect(request.values(of: "x-end") == ["2"])
    #expect(request.values(of: "host").count == 1)
  }

  /// Only a proxy that is trusted may say for whom it speaks.
  @Test func forwardedFieldsNeedTrust() throws {
    let fields = """
      X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\nX-Forwarded-Host: h\r\n\
      X-Forwarded-Proto: https\r\nX-Real-IP: 9.9.9.9\r\nForwarded: for=1.2.3.4\r\n
      """
    let foreign = try #require(try seen(by: EngineBed.proxy, [get("/", fields)]).first)
    #expect(!foreign.values(of: "x-forwarded-for").joined().contains("1.2.3.4"))
    #expect(!foreign.values(of: "x-real-ip").contains("9.9.9.9"))
    let trusting = "set_real_ip_from 0.0.0.0/0;" + EngineBed.proxy
    let trusted = try #require(try seen(by: trusting, [get("/", fields)]).first)
    let chain = trusted.values(of: "x-forwarded-for").joined(separator: ", ")
    #expect(chain.hasPrefix("1.2.3.4, 5.6.7.8"))
  }

  /// The twin of a field that Waybill answers for would be the same to a CGI-style backend.
  @Test(arguments: ["X_Request_ID: evil", "X_Forwarded_For: 1.2.3.4", "Transfer_Encoding: chunked"])
  func twinsAreDropped(line: String) throws {
    let request = try #require(try seen(by: EngineBed.proxy, [get("/", line + "\r\n")]).first)
    #expect(request.fields.allSatisfy { !$0.name.contains("_") })
  }

  /// The balancer's key is a template over the request: the same key, the same peer.
  @Test func aHashChoosesThePeer() throws {
    let top = "upstream app { hash $arg_user; server 10.0.0.1:8000; server 10.0.0.2:8000; }"
    let bed = try EngineBed("location / { proxy_pass http://app; }", top: top)
    let second = Location.ipv4(10, 0, 0, 2, port: 8000)
    let backends = [bed.backend(), bed.backend(at: second)]
    let targets = (0..<24).map { "/?user=\($0 % 8)" }
    bed.client(targets.flatMap { [.send(get($0)), .awaitResponse] as [PeerAction] })
    bed.finish(requests: targets.count)
    let seen = backends.map { Set(bed.world.requests(of: $0).map(\.target)) }
    #expect(seen[0].isDisjoint(with: seen[1]) && !seen[0].isEmpty && !seen[1].isEmpty)
  }

  /// A head that rewriting makes larger than any backend would take is an answer, not a crash.
  @Test func aHeadThatGrowsTooLargeIsRefused() throws {
    let assigned = (0..<40).map { "proxy_set_header X-\($0) $http_x_long;" }.joined()
    let bed = try EngineBed("location / { \(assigned) proxy_pass http://10.0.0.1:8000; }")
    let backend = bed.backend()
    let client = bed.client([
      .send(get("/", "X-Long: \(filler(7_000))\r\n")), .awaitResponse, .send(get()), .awaitResponse,
    ])
    bed.finish(requests: nil)
    #expect(bed.record(client).messages.first?.status == 500)
    #expect(bed.ends.first?["error"] == "proxy_internal_error")
    #expect(!bed.world.requests(of: backend).contains { $0.value(of: "x-1") != nil })
    #expect(bed.errors.contains { $0.contains("larger than the limit") })
  }
}
