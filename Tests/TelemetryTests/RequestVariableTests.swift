import Basics
import HTTP
import Policy
import Telemetry
import Testing

/// The variables whose value depends on more than one place: lists, names, fallbacks.
@Suite struct RequestVariableTests {
  @Test(arguments: [
    ("/?a=1&b=2", "b", "2"), ("/?a=1&b=2", "c", "-"), ("/?A=1", "a", "1"), ("/?aa=1&a=2", "a", "2"),
    ("/?a=", "a", ""), ("/?a", "a", "-"), ("/?a&a=3", "a", "3"), ("/?a=1&a=2", "a", "1"),
    ("/?xa=1", "a", "-"), ("/?a=%41&", "a", "%41"), ("/", "a", "-"), ("/?a=b=c", "a", "b=c"),
    ("/?&&a=1", "a", "1"), ("/? a=1", "a", "-"),
  ])
  func argument(_ target: String, _ name: String, _ expected: String) throws {
    try check("$arg_\(name)", Exchange("GET", target), expected)
  }

  @Test(
    arguments: [
      (["a=1; b=2"], "b", "2"), (["a=1;b=2"], "b", "2"), (["a=1", "b=2"], "b", "2"),
      (["B=2"], "b", "2"), (["ab=1; b=2"], "b", "2"), (["a=1; b"], "b", "-"), ([], "b", "-"),
      (["b=x y\"z"], "b", "x y\\x22z"), (["b="], "b", ""), (["  b=1"], "b", "1"),
    ] as [([String], String, String)])
  func cookie(_ lines: [String], _ name: String, _ expected: String) throws {
    try check(
      "$cookie_\(name)", Exchange("GET", "/", fields: lines.map { ("Cookie", $0) }), expected)
  }

  /// Lines of one name are joined; dashes and capitals are what underscores and small letters ask
  /// for. A field with an underscore is ignored by default.
  @Test(arguments: [
    ("$http_x_foo", "1, 2"), ("$http_X_FOO", "1, 2"), ("$http_cookie", "a=1; b=2"),
    ("$http_x_fo", "-"), ("$http_empty", ""), ("$http_x_under", "-"),
  ])
  func requestField(_ text: String, _ expected: String) throws {
    let exchange = Exchange(
      "GET", "/",
      fields: [
        ("X-Foo", "1"), ("Cookie", "a=1"), ("x-foo", "2"), ("Cookie", "b=2"), ("Empty", ""),
        ("X_Under", "3"),
      ])
    try check(text, exchange, expected)
  }

  @Test(arguments: [
    ("EXAMPLE.org", "example.org"), ("example.org:80", "example.org"),
    (
      String(repeating: "A", count: 64) + "." + String(repeating: "B", count: 63),
      String(repeating: "a", count: 64) + "." + String(repeating: "b", count: 63)
    ),
    (String(repeating: "A", count: 64), String(repeating: "a", count: 64)),
  ])
  func host(_ field: String, _ expected: String) throws {
    try check("$host", Exchange("GET", "/", fields: [("Host", field)]), expected)
  }

  @Test func hostFallsBackToTheServersName() throws {
    let exchange = Exchange("GET", "/")
    exchange.record.serverName = exchange.arena.freeze("fallback")
    try check("$host", exchange, "fallback")
  }

  @Test(arguments: [
    ("Basic YW5uOnNlY3JldA==", "ann"), ("basic   YW5uOnNlY3JldA==", "ann"),
    ("BASIC YW5uOg==", "ann"), ("Basic YW5u", "-"), ("Basic OnNlY3JldA==", "-"), ("Basic", "-"),
    ("Basic ", "-"), ("Basic !!!!", "-"), ("Bearer YW5uOnNlY3JldA==", "-"),
    ("Basic dcO8OnA=", "u\\xC3\\xBC"), ("Basic YSJiOnA=", "a\\x22b"), ("Basic +/8=", "-"),
    ("Basic +/86", "\\xFB\\xFF"), ("Basicx YW5uOg==", "-"),
  ])
  func remoteUser(_ field: String, _ expected: String) throws {
    try check("$remote_user", Exchange("GET", "/", fields: [("Authorization", field)]), expected)
  }

  /// A user name is only shown: a long one is cut.
  @Test func longUserNameIsCut() throws {
    // "QUFB" is "AAA".
    let field = "Basic " + String(repeating: "QUFB", count: 200) + "Og=="
    try check(
      "$remote_user", Exchange("GET", "/", fields: [("Authorization", field)]),
      String(repeating: "A", count: 256))
  }

  @Test(
    arguments: [
      ([], "127.0.0.1"), (["1.1.1.1"], "1.1.1.1, 127.0.0.1"),
      (["1.1.1.1, 2.2.2.2", "3.3.3.3"], "1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1"),
    ] as [([String], String)])
  func forwardedFor(_ lines: [String], _ expected: String) throws {
    let fields = lines.map { (name: "X-Forwarded-For", value: $0) }
    try check("$proxy_add_x_forwarded_for", Exchange("GET", "/", fields: fields), expected)
  }

  @Test(arguments: [("/", "[][]"), ("/?", "[][]"), ("/?a", "[?][a]")])
  func isArguments(_ target: String, _ expected: String) throws {
    let exchange = Exchange("GET", target)
    #expect(exchange.value(of: try compile("[$is_args][$args]", exchange)) == expected)
  }

  /// A unix socket has a name for its address and no port.
  @Test func unixSocket() throws {
    let exchange = Exchange("GET", "/")
    exchange.record.client = .unix
    try check("$remote_addr|$remote_port", exchange, "unix:|")
  }

  /// Lists of nginx's form, one element for each try.
  @Test(arguments: [
    ("$upstream_addr", "10.0.0.1:80, unix:/b, 10.0.0.2:80"), ("$upstream_status", "502, 502, 200"),
    ("$upstream_response_time", "0.015, -, 0.001"), ("$upstream_connect_time", "-, -, 0.000"),
    ("$upstream_header_time", "-, -, 0.000"), ("$tries", "3"),
  ])
  func severalTries(_ text: String, _ expected: String) throws {
    let exchange = Exchange("GET", "/")
    exchange.answer(200, by: "10.0.0.2:80")
    exchange.record.tryCount = 0
    exchange.addTry("10.0.0.1:80", status: 502, error: .none, microseconds: 15_000)
    exchange.addTry("unix:/b", status: 0, error: .connectionRefused, microseconds: 0)
    exchange.record.tries[1].duration = .endless
    exchange.addTry("10.0.0.2:80", status: 200, error: .none, microseconds: 1_000)
    try check(text, exchange, expected)
  }

  /// A single try that got no answer.
  @Test func failedTry() throws {
    let exchange = Exchange("GET", "/")
    exchange.record.tryCount = 1
    exchange.record.upstream = exchange.arena.freeze("10.0.0.1:80")
    try check(
      "$upstream_addr $upstream_status $upstream_connect_time", exchange, "10.0.0.1:80 - -")
  }

  /// Slots that hold nothing, and a record whose captures were never cleared.
  @Test func capturedFields() throws {
    let exchange = Exchange("GET", "/")
    exchange.captured = Array("abc".utf8)
    exchange.record.captures[0] = ByteRange(start: 0, count: 3)
    try check("$sent_http_a", exchange, "-")
    exchange.record.hasCaptures = true
    try check("$sent_http_a", exchange, "abc")
    try check("$sent_http_a $sent_http_b", exchange, "abc -")
    exchange.record.captures[0] = ByteRange(start: 2, count: 2)
    try check("$sent_http_a", exchange, "-")
  }

  /// `if=`: empty and `0` are false, all else is true, whatever its length.
  @Test(arguments: [
    ("", false), ("0", false), ("$error", false), ("$tries", false), ("$error$tries", false),
    ("1", true), ("00", true), ("0.0", true), ("-", true), ("$request_uri", true),
    ("$status", true),
  ])
  func condition(_ text: String, _ expected: Bool) throws {
    let exchange = Exchange("GET", "/longer/than/any/scratch/space?of=two&bytes")
    #expect(exchange.isTrue(try compile(text, exchange)) == expected)
  }

  /// The escape modes of `log_format`, around the same value.
  @Test(
    arguments: [
      (.standard, "\\x22a\\x5Cb\\x22 -"), (.json, "\\\"a\\\\b\\\" "), (.none, "\"a\\b\" "),
    ] as [(LogEscape, String)])
  func escapes(_ escape: LogEscape, _ expected: String) throws {
    let exchange = Exchange("GET", "/", fields: [("X", "\"a\\b\"")])
    let template = try compile("$http_x $http_y", exchange)
    #expect(exchange.value(of: template, escape: escape) == expected)
    let format = LogFormat(kind: .template, template: template, escape: escape)
    #expect(string(exchange.line(format)) == expected + "\n")
  }

  private func check(_ text: String, _ exchange: Exchange, _ expected: String) throws {
    #expect(exchange.value(of: try compile(text, exchange), escape: .standard) == expected)
  }

  private func compile(_ text: String, _ exchange: Exchange) throws -> Template {
    var compiler = TemplateCompiler(arena: exchange.arena, hostname: "machine")
    return try compiler.compile(text)
  }
}
