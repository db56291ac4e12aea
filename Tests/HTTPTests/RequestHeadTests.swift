import Basics
import HTTP
import Testing

private func parse(_ text: String, limits: HeadLimits = wideLimits) -> Outcome {
  requestOutcome(text.octets, ends: [text.octets.count], limits: limits)
}

/// A head of a request line, a Host and more lines.
private func head(_ requestLine: String = "GET / HTTP/1.1", _ lines: String...) -> String {
  ([requestLine, "Host: a.example"] + lines + ["", ""]).joined(separator: "\r\n")
}

/// A head that can be handed on.
private final class Parsed {
  var value = RequestHead()
}

private func parsed(_ text: String) throws -> (Parsed, [UInt8]) {
  let head = Parsed()
  let bytes = text.octets
  let isComplete = try head.value.parse(bytes)
  try #require(isComplete)
  return (head, bytes)
}

private let connectionCases: [(String, ConnectionOptions, Bool)] = [
  ("close", .close, false), ("Keep-Alive", .keepAlive, true),
  ("CLOSE, x-y", [.close, .fieldNames], false),
  ("upgrade , keep-alive", [.upgrade, .keepAlive], true),
  ("", [], true), (",,", [], true), ("closed", .fieldNames, true),
  ("keep-alive\r\nConnection: close", [.keepAlive, .close], false),
]

@Suite struct RequestHeadTests {
  @Test func readsAllParts() throws {
    let text =
      "POST /a/b?c=d HTTP/1.1\r\nHost: example.com:8080\r\nX-One: \t two words \t\r\nX-None:\r\n"
      + "Content-Length: 12\r\n\r\nrest"
    let (head, bytes) = try parsed(text)
    #expect(head.value.method == .post)
    #expect(head.value.methodRange.text(in: bytes) == "POST")
    #expect(head.value.target.text(in: bytes) == "/a/b?c=d")
    #expect(head.value.path.text(in: bytes) == "/a/b")
    #expect(head.value.query.text(in: bytes) == "c=d")
    #expect(head.value.version == .http11)
    #expect(head.value.authority.text(in: bytes) == "example.com:8080")
    #expect(head.value.host.text(in: bytes) == "example.com")
    #expect(head.value.framing == .length(12))
    #expect(head.value.fields.count == 4)
    #expect(head.value.fields[1].name.text(in: bytes) == "X-One")
    #expect(head.value.fields[1].value.text(in: bytes) == "two words")
    #expect(head.value.fields[2].value.isEmpty)
    #expect(head.value.fields[3].known == .contentLength)
    #expect(head.value.byteCount == bytes.count - 4)
    #expect(head.value.keepsAlive == true)
  }

  @Test(arguments: [
    ("GET", Method.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
    ("OPTIONS", .options), ("TRACE", .trace), ("PATCH", .patch), ("get", .other),
    ("GETS", .other), ("XGET", .other), ("AAAAAAAAAAAAAGET", .other), ("M-SEARCH", .other),
    (String(repeating: "X", count: 32), .other),
  ])
  func tellsMethods(text: String, method: Method) throws {
    let (head, bytes) = try parsed(head("\(text) / HTTP/1.1"))
    #expect(head.value.method == method)
    #expect(head.value.methodRange.text(in: bytes) == text)
  }

  @Test(arguments: [
    ("GET / HTTP/1.1", TargetForm.origin, "/", "", false, "a.example", "a.example"),
    ("GET /? HTTP/1.1", .origin, "/", "", true, "a.example", "a.example"),
    ("GET /a?b?c HTTP/1.1", .origin, "/a", "b?c", true, "a.example", "a.example"),
    ("GET /\u{E4} HTTP/1.1", .origin, "/\u{FFFD}", "", false, "a.example", "a.example"),
    ("GET http://b.example/x?y HTTP/1.1", .absolute, "/x", "y", true, "b.example", "b.example"),
    ("GET HTTPS://b.example:1 HTTP/1.1", .absolute, "", "", false, "b.example:1", "b.example"),
    ("GET http://[::1]:8?q HTTP/1.1", .absolute, "", "q", true, "[::1]:8", "[::1]"),
    ("GET http://b.example?/x HTTP/1.1", .absolute, "", "/x", true, "b.example", "b.example"),
    ("GET http://b.example./x HTTP/1.1", .absolute, "/x", "", false, "b.example.", "b.example"),
    ("OPTIONS * HTTP/1.1", .asterisk, "", "", false, "a.example", "a.example"),
    ("CONNECT c.example:443 HTTP/1.1", .authority, "", "", false, "c.example:443", "c.example"),
  ])
  func tellsTargetForms(
    line: String, form: TargetForm, path: String, query: String, hasQuery: Bool,
    authority: String, host: String
  ) throws {
    let (head, bytes) = try parsed(head(line))
    #expect(head.value.targetForm == form)
    #expect(head.value.path.text(in: bytes) == path)
    #expect(head.value.query.text(in: bytes) == query)
    #expect(head.value.hasQuery == hasQuery)
    #expect(head.value.authority.text(in: bytes) == authority)
    #expect(head.value.host.text(in: bytes) == host)
  }

  @Test(arguments: [
    ("\u{16}\u{03}\u{01}", HTTP1Error.Kind.invalidMethod),
    ("G\u{0}T / HTTP/1.1", .invalidMethod),
    ("G(T / HTTP/1.1", .invalidMethod),
    ("G\u{E4}T / HTTP/1.1", .invalidMethod),
    ("\(String(repeating: "X", count: 33)) / HTTP/1.1", .invalidMethod),
    (" GET / HTTP/1.1", .malformedRequestLine),
    ("GET  / HTTP/1.1", .malformedRequestLine),
    ("GET /  HTTP/1.1", .malformedRequestLine),
    ("GET / HTTP/1.1 ", .malformedRequestLine),
    ("GET\t/ HTTP/1.1", .malformedRequestLine),
    ("GET /\tHTTP/1.1", .malformedRequestLine),
    ("GET / HTTP/1.1\t", .malformedRequestLine),
    ("GET", .malformedRequestLine),
    ("GET /", .malformedRequestLine),
    ("GET / ", .malformedRequestLine),
    ("GET / HTTP/1", .malformedRequestLine),
    ("GET / HTTP/1.", .malformedRequestLine),
    ("GET / HTTP/1.x", .malformedRequestLine),
    ("GET / HTTP/1.10", .malformedRequestLine),
    ("GET / http/1.1", .malformedRequestLine),
    ("GET / HTTPS/1.1", .malformedRequestLine),
    ("GET / XTTP/1.1", .malformedRequestLine),
    ("GET / HTTP/1.1\u{0}", .malformedRequestLine),
    ("GET / HTTP/2.0", .unsupportedVersion),
    ("PRI * HTTP/2.0", .unsupportedVersion),
    ("GET / HTTP/0.9", .unsupportedVersion),
    ("GET /\u{1} HTTP/1.1", .invalidTarget),
    ("GET /\u{7F} HTTP/1.1", .invalidTarget),
    ("GET /?\u{0} HTTP/1.1", .invalidTarget),
    ("GET /#a HTTP/1.1", .invalidTarget),
    ("GET /?a#b HTTP/1.1", .invalidTarget),
    ("GET a.example HTTP/1.1", .invalidTarget),
    ("GET * HTTP/1.1", .invalidTarget),
    ("OPTIONS ** HTTP/1.1", .invalidTarget),
    ("GET ftp://a.example/ HTTP/1.1", .invalidTarget),
    ("GET http:///a HTTP/1.1", .invalidTarget),
    ("GET http://?a HTTP/1.1", .invalidTarget),
    ("GET http://user@a.example/ HTTP/1.1", .invalidTarget),
    ("GET http://a\\b/ HTTP/1.1", .invalidTarget),
    ("GET http://a:70000/ HTTP/1.1", .invalidTarget),
    ("CONNECT / HTTP/1.1", .invalidTarget),
    ("CONNECT a.example HTTP/1.1", .invalidTarget),
    ("CONNECT a.example: HTTP/1.1", .invalidTarget),
    ("CONNECT a.example:1?q HTTP/1.1", .invalidTarget),
    ("CONNECT http://a.example:1 HTTP/1.1", .invalidTarget),
  ])
  func refusesRequestLines(line: String, kind: HTTP1Error.Kind) {
    #expect(parse(head(line)).error == kind)
  }

  @Test(arguments: [
    ("X Y: 1", HTTP1Error.Kind.whitespaceBeforeColon),
    ("X : 1", .whitespaceBeforeColon),
    ("X\t: 1", .whitespaceBeforeColon),
    (" X: 1", .obsoleteFolding),
    ("\tX: 1", .obsoleteFolding),
    (": 1", .invalidFieldName),
    ("X", .invalidFieldName),
    ("X\u{0}: 1", .invalidFieldName),
    ("X(Y): 1", .invalidFieldName),
    ("Long-enough-for-a-word/: 1", .invalidFieldName),
    ("X\u{7F}: 1", .invalidFieldName),
    ("X\u{E4}: 1", .invalidFieldName),
    ("Hos\u{E4}-name-with-words: 1", .invalidFieldName),
    ("X: a\u{0}b", .invalidFieldValue),
    ("X: \u{1}", .invalidFieldValue),
    ("X: long enough for a word\u{7F}", .invalidFieldValue),
    ("X: \u{1B}[0m", .invalidFieldValue),
    ("X: a\rb", .bareLineEnd),
    ("X: a\r\r", .bareLineEnd),
    ("X: a\nY: b", .bareLineEnd),
    ("\n", .bareLineEnd),
    ("\rX: 1", .bareLineEnd),
    ("Host: b.example", .invalidHost),
    ("Content-Length: 1\r\nContent-Length: 1", .invalidContentLength),
    ("Content-Length: 1\r\nContent-Length: 2", .invalidContentLength),
    ("Content-Length: 5, 5", .invalidContentLength),
    ("Content-Length: +5", .invalidContentLength),
    ("Content-Length: -5", .invalidContentLength),
    ("Content-Length: 0x5", .invalidContentLength),
    ("Content-Length: 5 5", .invalidContentLength),
    ("Content-Length: ", .invalidContentLength),
    ("Content-Length: 9223372036854775808", .invalidContentLength),
    ("Content-Length: 18446744073709551616", .invalidContentLength),
    ("Content-Length: 99999999999999999999999", .invalidContentLength),
    ("Transfer-Encoding: chunked\r\nContent-Length: 1", .conflictingFraming),
    ("Content-Length: 1\r\nTransfer-Encoding: chunked", .conflictingFraming),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .invalidTransferEncoding),
    ("Transfer-Encoding: chunked, chunked", .invalidTransferEncoding),
    ("Transfer-Encoding: chunked, gzip", .invalidTransferEncoding),
    ("Transfer-Encoding: gzip", .invalidTransferEncoding),
    ("Transfer-Encoding: identity", .invalidTransferEncoding),
    ("Transfer-Encoding: xchunked", .invalidTransferEncoding),
    ("Transfer-Encoding: chunked;q=1", .invalidTransferEncoding),
    ("Transfer-Encoding: \"chunked\"", .invalidTransferEncoding),
    ("Transfer-Encoding: , chunked", .invalidTransferEncoding),
    ("Transfer-Encoding: ", .invalidTransferEncoding),
    ("Transfer-Encoding: gzip, chunked", .unsupportedTransferEncoding),
    ("Transfer-Encoding: foo, CHUNKED", .unsupportedTransferEncoding),
    ("Expect: 200-ok", .unsupportedExpectation),
    ("Expect: ", .unsupportedExpectation),
    ("Expect: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1", .conflictingFraming),
  ])
  func refusesFieldLines(lines: String, kind: HTTP1Error.Kind) {
    #expect(parse(head("POST / HTTP/1.1", lines)).error == kind)
    #expect(parse("POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n").error == kind)
  }

  @Test func refusesBareLineEndsOfTheRequestLine() {
    #expect(parse("GET / HTTP/1.1\nHost: a\r\n\r\n").error == .bareLineEnd)
    #expect(parse("GET / HTTP/1.1\rHost: a\r\n\r\n").error == .bareLineEnd)
    #expect(parse("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").error == .bareLineEnd)
    #expect(parse("GET / HTTP/1.1\r\nHost: a\r\n\n").error == .bareLineEnd)
  }

  @Test(arguments: [
    "a", "a.b-c_d~e", "127.0.value.0.1", "127.0.value.0.1:80", "a:", "a:65535", "[::1]",
    "[::1]:443",
    "[2001:db8::1]", "%41b", "name-longer-than-one-word.example:8080", "a.", "a.:80",
    "name.longer.than.one.word.example.", "[::]", "[::ffff:192.0.2.1]:80", "[1:2:3:4:5:6:7::]",
    "[::2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:192.0.2.1]", "[::1]:", "[v1.a]",
    "[vF.a:b!~]:1", "[V12.x]", ".a",
  ])
  func acceptsHosts(host: String) {
    #expect(parse("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").isComplete)
  }

  @Test(arguments: [
    "", ":80", "a:65536", "a:080808", "a:8x", "a b", "a/b", "a\\b", "u@a", "[::1", "[]", "[:]x",
    "[::g]", "[::1]x", "::1", "a:1:2", "\u{E4}", "a\"b", "<a>", "name-longer-than-one-word/x",
    ".", "..", "a..", "a..b", "..a", ".:80", "name.longer.than.one..word.example",
    "name.longer.than.one.word.example..", "name.longer.than..one.word.example",
    "namelonger..thanoneword", "[ab..cd::1]", "[1::2::3]", "[12345::1]", "[1:2]", "[:::]",
    "[1:2:3:4:5:6:7:8::]", "[1:2:3:4::5:6:7:8]", "[1:2:3:4:5:6:7:8:9]", "[::1.2.3]",
    "[::1.2.3.256]", "[::01.2.3.4]", "[1.2.3.4]", "[::1.2.3.4:5]", "[fe80::1%25eth0]",
    "[fe80::1%eth0]", "[v.a]", "[v1.]", "[v1a]", "[vg.a]", "[v1.a%41]", "[v1.[]", "[::1]:65536",
    "[::1]:x", "[::1]:-1", "a:+1", "[1:]", "[:1]", "[1::2:]", "[a]",
  ])
  func refusesHosts(host: String) {
    #expect(parse("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").error == .invalidHost)
    #expect(parse("GET / HTTP/1.0\r\nHost: \(host)\r\n\r\n").error == .invalidHost)
  }

  @Test func wantsHostOn11Only() throws {
    #expect(parse("GET / HTTP/1.1\r\nX: 1\r\n\r\n").error == .invalidHost)
    #expect(parse("GET / HTTP/1.1\r\n\r\n").error == .invalidHost)
    #expect(parse("GET http://a/ HTTP/1.1\r\n\r\n").error == .invalidHost)
    #expect(parse("GET / HTTP/1.0\r\n\r\n").isComplete)
    #expect(parse("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n").error == .invalidHost)
  }

  @Test func reads10And1x() throws {
    let (old, _) = try parsed("GET / HTTP/1.0\r\n\r\n")
    #expect(old.value.version == .http10)
    #expect(old.value.keepsAlive == false)
    let (kept, _) = try parsed("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
    #expect(kept.value.keepsAlive == true)
    let (later, _) = try parsed(head("GET / HTTP/1.2"))
    #expect(later.value.version == .http11)
    let refused = parse("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")
    #expect(refused.error == .invalidTransferEncoding)
  }

  @Test(arguments: connectionCases)
  func readsConnection(value: String, options: ConnectionOptions, keepsAlive: Bool) throws {
    let (head, _) = try parsed(head("GET / HTTP/1.1", "Connection: \(value)"))
    #expect(head.value.connection == options)
    #expect(head.value.keepsAlive == keepsAlive)
  }

  @Test func readsExpectation() throws {
    let (asked, _) = try parsed(head("PUT / HTTP/1.1", "Expect: 100-Continue"))
    #expect(asked.value.expectsContinue == true)
    for value in ["100-continue", "anything"] {
      let (old, _) = try parsed("PUT / HTTP/1.0\r\nExpect: \(value)\r\n\r\n")
      #expect(old.value.expectsContinue == false)
    }
  }

  @Test func readsUpgrade() throws {
    let both = ["Upgrade: websocket", "Connection: keep-alive, Upgrade"]
    #expect(try parsed(head("GET / HTTP/1.1", both[0], both[1])).0.value.requestsUpgrade == true)
    #expect(try parsed(head("GET / HTTP/1.1", both[0])).0.value.requestsUpgrade == false)
    #expect(try parsed(head("GET / HTTP/1.1", both[1])).0.value.requestsUpgrade == false)
    #expect(try parsed(head("GET / HTTP/1.0", both[0], both[1])).0.value.requestsUpgrade == false)
  }

  @Test func readsFraming() throws {
    #expect(try parsed(head()).0.value.framing == .none)
    #expect(try parsed(head("PUT / HTTP/1.1", "Content-Length: 0")).0.value.framing == .length(0))
    let most = try parsed(head("PUT / HTTP/1.1", "Content-Length: 9223372036854775799")).0
    #expect(most.value.framing == .length(9_223_372_036_854_775_799))
    #expect(
      try parsed(head("PUT / HTTP/1.1", "Transfer-Encoding: Chunked")).0.value.framing == .chunked)
  }

  @Test func ignoresAFewEmptyLinesBefore() throws {
    for count in 0...4 {
      let text = String(repeating: "\r\n", count: count) + head()
      let (head, bytes) = try parsed(text)
      #expect(head.value.byteCount == bytes.count)
      #expect(head.value.path.text(in: bytes) == "/")
    }
    let text = String(repeating: "\r\n", count: 5) + head()
    #expect(parse(text).error == .malformedRequestLine)
  }

  @Test func takesObsoleteTextAndTabsInValues() throws {
    let value = "\u{80}\u{FF}\ta\u{E4}\u{E4}\u{E4}\u{E4}\u{E4}b"
    let (head, _) = try parsed(head("GET / HTTP/1.1", "X: \(value)"))
    #expect(head.value.fields[1].value.count == 10)
  }

  @Test func resetForgetsEverything() throws {
    var head = RequestHead()
    let lines = "Host: b\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"
    let first = "CONNECT a:1 HTTP/1.0\r\n\(lines)".octets
    #expect(try head.parse(first))
    head.reset()
    let bytes = "GET / HTTP/1.1\r\nHost: c\r\n\r\n".octets
    #expect(try head.parse(bytes))
    #expect(head.facts(bytes) == requestOutcome(bytes, ends: [bytes.count]).facts)
  }

  @Test func aCompleteHeadStaysComplete() throws {
    let (head, bytes) = try parsed(head())
    #expect(try head.value.parse(bytes))
    #expect(head.value.fields.count == 1)
  }
}
