import Basics
import HTTP
import Testing

/// What is never passed on: trailer fields, protocols and bytes of targets.
@Suite struct RefusedFieldTests {
  @Test(arguments: [
    "Authorization", "authorization", "AUTHORIZATION", "Proxy-Authorization", "Proxy_Authorization",
    "Cookie", "Set-Cookie", "WWW-Authenticate", "Content-Length", "Content-Encoding",
    "Content-Range", "content_type", "Transfer-Encoding", "Host", "TE", "Trailer", "Connection",
    "HTTP2-Settings", "If-Match", "If-None-Match", "Range", "Expect", "Max-Forwards", "Pragma",
    "Cache-Control", "Age", "Date", "Expires", "Location", "Retry-After", "Vary", "Via",
    "Forwarded", "X-Real-IP", "Access-Control-Allow-Origin", "Accept-Encoding", "Origin",
  ])
  func noTrailerHolds(name: String) {
    #expect(isForbidden(name))
  }

  @Test(arguments: [
    "", "X", "X-Checksum", "ETag", "Last-Modified", "Server-Timing", "Digest", "Repr-Digest",
    "Content-Digest", "Signature", "grpc-status", "Grpc-Message", "Iffy", "Contents", "Hosts",
    "Authentication-Info",
  ])
  func aTrailerMayHold(name: String) {
    #expect(!isForbidden(name))
  }

  @Test func noCaseAndNoLengthSlipsPast() {
    for name in FieldName.allCases where name.isHopByHop {
      #expect(isForbidden("\(name.canonicalName)"))
    }
    #expect(!isForbidden(String(repeating: "a", count: 5_000)))
  }

  @Test(arguments: [
    ("websocket", true), ("WebSocket", true), ("chat/2", true), ("websocket, chat", true),
    (" , websocket ,", true), ("IRC/6.9,\tRTA/x11", true), ("tlsx", true),
    ("", false), (" , ", false), ("h2c", false), ("H2C", false), ("h2", false), ("h2c-14", false),
    ("websocket, h2c", false), ("h2c,websocket", false), ("TLS/1.0", false), ("tls/1.3", false),
    ("TLS", false), ("websocket,TLS/1.2", false), ("HTTP/2.0", false), ("http/3", false),
    ("websocket h2c", false), ("\"h2c\"", false), ("websocket;h2c", false), ("a/b/c", false),
  ])
  func tellsWhatMayBeSwitchedTo(value: String, passes: Bool) {
    let mayPass = UpgradeProtocols.mayPass(value.octets.span)
    #expect(mayPass == passes)
  }

  @Test(arguments: [
    ("websocket", "websocket", true), ("websocket", "WebSocket", true),
    ("chat/2, websocket", "websocket", true), ("a, b", "b, a", true),
    ("websocket", "chat", false), ("websocket", "", false), ("websocket", ",", false),
    ("websocket", "websocket, h2c", false), ("websocket", "h2c", false), ("chat/2", "chat", false),
    ("chat/2", "chat/3", false), ("websocket", "websocket2", false), ("ab", "a", false),
    ("a, b, c, d, e", "a, b, c, d", true), ("a, b, c, d, e", "a, b, c, d, e", false),
  ])
  func tellsWhatWasOffered(offered: String, switched: String, isOffer: Bool) {
    let found = UpgradeProtocols.isOffer(offered.octets.span, of: switched.octets.span)
    #expect(found == isOffer)
  }

  @Test(arguments: [
    ("/", "/"), ("/a%e9?b", "/a%e9?b"), ("/\u{e9}", "/%E9"), ("/\u{c3}\u{a9}/x", "/%C3%A9/x"),
    ("\u{80}\u{ff}\u{7f}", "%80%FF\u{7f}"),
  ])
  func encodesWhatIsNotASCII(text: String, encoded: String) {
    let result = written { ASCIITarget.append(text.octets.span, into: &$0) }
    #expect(result == encoded)
  }

  /// Wherever the byte stands, and whatever stands before and behind the target.
  @Test func findsWhatIsNotASCII() {
    for count in 1...40 {
      var head = [0xff] + [UInt8](repeating: 0x61, count: count) + " HTTP/1.1\r\n".octets + [0xff]
      let target = ByteRange(start: 1, count: count)
      #expect(isASCII(head, target))
      for index in 1...count {
        head[index] = 0x80
        #expect(!isASCII(head, target))
        head[index] = 0x7e
      }
    }
  }

  @Test(arguments: ["Authorization", "authorization", "Proxy-Authorization"])
  func refusesASecondLine(name: String) throws {
    for version in ["1.1", "1.0"] {
      let line = "\(name): Basic YTpi\r\n"
      let begin = "GET / HTTP/\(version)\r\nHost: a\r\n"
      #expect(fault(of: begin + line + "\r\n") == nil)
      #expect(fault(of: begin + line + "X: y\r\n" + line + "\r\n") == .repeatedAuthorization)
      #expect(fault(of: begin + line + "\(name):\r\n\r\n") == .repeatedAuthorization)
    }
  }

  @Test func oneOfEachPasses() {
    let fields = "Authorization: a\r\nProxy-Authorization: b\r\n"
    #expect(fault(of: "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n") == nil)
  }

  private func isForbidden(_ name: String) -> Bool {
    let bytes = name.octets
    return TrailerRule.forbids(bytes.span)
  }

  private func isASCII(_ head: [UInt8], _ target: ByteRange) -> Bool {
    ASCIITarget.isASCII(head.span, target)
  }

  private func fault(of text: String) -> HTTP1Error.Kind? {
    var head = RequestHead()
    do throws(HTTP1Error) {
      let isComplete = try head.parse(text.octets.span, limits: wideLimits)
      #expect(isComplete)
      return nil
    } catch {
      return error.kind
    }
  }
}
