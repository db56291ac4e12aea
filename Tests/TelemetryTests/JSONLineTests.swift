import Basics
import HTTP
import Policy
import Properties
import Telemetry
import Testing

@Suite struct JSONLineTests {
  /// The line of a plain request, byte for byte: keys, order, digits.
  @Test func plainRequest() {
    let exchange = Exchange(
      "GET", "/a?b=c",
      fields: [("Host", "example.org:8080"), ("User-Agent", "curl/8"), ("Referer", "http://r/")])
    exchange.setID("3f0c")
    exchange.record.contentBytesOut = 123
    exchange.answer(200, by: "127.0.0.1:8001")
    #expect(
      string(exchange.jsonLine()) == #"{"time":"2026-11-22T21:58:36.124690Z","level":"INFO","#
        + #""request_id":"3f0c","id_source":"generated","client":"127.0.0.1:5000","#
        + #""connection":7,"connection_request":3,"method":"GET","scheme":"http","#
        + #""host":"example.org:8080","uri":"/a?b=c","protocol":"HTTP/1.1","status":200,"#
        + #""bytes_in":0,"bytes_out":123,"duration":0.001234,"upstream":"127.0.0.1:8001","#
        + #""upstream_status":200,"upstream_connect":0.000000,"upstream_first_byte":0.000900,"#
        + #""upstream_duration":0.001000,"user_agent":"curl/8","referer":"http://r/"}"# + "\n")
  }

  /// Every key there is, in SPEC's order, and no other.
  @Test func allKeysInOrder() throws {
    let line = try parsed(fullExchange())
    #expect(
      line.members.map(\.key) == [
        "time", "level", "event", "request_id", "id_source", "client_request_id",
        "upstream_request_id", "client", "connection", "connection_request", "method", "scheme",
        "host", "uri", "protocol", "status", "bytes_in", "bytes_out", "duration", "upstream",
        "upstream_status", "upstream_connect", "upstream_first_byte", "upstream_duration",
        "tries", "termination", "error", "user_agent", "referer",
      ])
    #expect(line["event"] == .string("upgrade"))
    #expect(line["termination"] == .string("upstream:response_body"))
    #expect(line["error"] == .string("http_response_incomplete"))
    #expect(line["scheme"] == .string("https"))
  }

  @Test func triesAreListed() throws {
    #expect(
      try parsed(fullExchange())["tries"]
        == .array([
          .object([
            .init(key: "address", value: .string("10.0.0.1:80")),
            .init(key: "error", value: .string("connection_refused")),
            .init(key: "seconds", value: .number("0.000150")),
          ]),
          .object([
            .init(key: "address", value: .string("10.0.0.2:80")),
            .init(key: "status", value: .number("200")),
            .init(key: "seconds", value: .number("2.000000")),
          ]),
        ]))
  }

  /// A trace's numbers stand behind the tries; each of these has a span of its own.
  @Test func tracesAreTold() throws {
    let exchange = fullExchange()
    exchange.record.trace = RequestTrace(traceBits: (0xA, 0xB), spanBits: (0xC, 0xD))
    exchange.record.parts = .trace
    let line = try parsed(exchange)
    let keys = ["tries", "trace_id", "span_id", "sampled", "upstream_span_id", "termination"]
    #expect(line.members.map(\.key).filter(keys.contains) == keys)
    #expect(line["trace_id"] == .string("000000000000000a000000000000000b"))
    #expect(line["span_id"] == .string("000000000000000c"))
    #expect(line["sampled"] == .literal("false"))
    guard case .array(let tries)? = line["tries"],
      case .object(let first)? = tries.first, case .object(let last)? = tries.last
    else {
      Issue.record("no tries")
      return
    }
    #expect(first.map(\.key) == ["address", "span_id", "error", "seconds"])
    let spans = [first, last].map { members in members.first { $0.key == "span_id" }?.value }
    #expect(spans[0] != spans[1])
    #expect(spans[1] == line["upstream_span_id"])
  }

  /// A parent is told; the client's own field only when it was not continued.
  @Test func parentsAreTold() throws {
    let value = "00-0000000000000000000000000000000f-000000000000000e-01"
    let exchange = Exchange("GET", "/", fields: [("traceparent", value), ("TraceParent", "\"x\"")])
    exchange.record.trace = RequestTrace(traceBits: (1, 2), spanBits: (3, 4))
    exchange.record.parts = [.trace, .authorization]
    exchange.record.authorizationStatus = 204
    let refused = try parsed(exchange)
    #expect(refused["client_traceparent"] == .string("\(value), \"x\""))
    #expect(refused["parent_id"] == nil && refused["upstream_span_id"] == nil)
    #expect(refused["auth_status"] == .number("204"))
    let parent = TraceParent(parsing: Array(value.utf8).span)
    exchange.record.trace.continueTrace(of: try #require(parent))
    exchange.record.trace.setSampled(true)
    let continued = try parsed(exchange)
    #expect(continued["client_traceparent"] == nil)
    #expect(continued["parent_id"] == .string("000000000000000e"))
    #expect(continued["trace_id"] == .string("0000000000000000000000000000000f"))
    #expect(continued["sampled"] == .literal("true"))
  }

  /// More tries than the record holds must not read beyond it.
  @Test func moreTriesThanAreKept() throws {
    let exchange = Exchange("GET", "/")
    for _ in 0..<16 {
      exchange.addTry("p", status: 0, error: .connectionTimeout, microseconds: 1)
    }
    exchange.record.tryCount = 20
    guard case .array(let tries)? = try parsed(exchange)["tries"] else {
      Issue.record("no tries")
      return
    }
    #expect(tries.count == 16)
  }

  /// A request of which not even the request line came has no keys of it.
  @Test func requestLineNeverRead() throws {
    let exchange = Exchange()
    exchange.bytes = Array("\u{16}\u{3}garbage".utf8)
    exchange.record.status = 400
    exchange.record.error = .httpRequestError
    exchange.record.termination = Termination(.client, .requestHead)
    #expect(
      try parsed(exchange).members.map(\.key) == [
        "time", "level", "client", "connection", "connection_request", "scheme", "status",
        "bytes_in", "bytes_out", "duration", "termination", "error",
      ])
  }

  /// A head whose buffer is gone reads as absent; the line is still written.
  @Test func rangesBeyondTheBytes() throws {
    let exchange = Exchange("GET", "/a?b", fields: [("Host", "h"), ("User-Agent", "u")])
    exchange.bytes = []
    let line = try parsed(exchange)
    #expect(line["uri"] == nil && line["method"] == nil && line["user_agent"] == nil)
    #expect(line["protocol"] == .string("HTTP/1.1"))
  }

  @Test func unmeasuredTimesAreAbsent() throws {
    let exchange = Exchange("GET", "/")
    exchange.record.tryCount = 1
    exchange.record.upstream = exchange.arena.freeze("unix:/tmp/\"s\"")
    let line = try parsed(exchange)
    #expect(line["upstream"] == .string("unix:/tmp/\"s\""))
    for key in ["upstream_status", "upstream_connect", "upstream_first_byte", "tries"] {
      #expect(line[key] == nil)
    }
  }

  @Test(
    arguments: [
      (200, .nobody, "INFO"), (101, .nobody, "INFO"), (302, .nobody, "INFO"),
      (400, .client, "WARN"), (404, .nobody, "WARN"), (499, .client, "ERROR"),
      (500, .nobody, "ERROR"), (502, .upstream, "ERROR"), (200, .client, "ERROR"),
      (200, .upstream, "ERROR"), (0, .proxy, "ERROR"), (0, .nobody, "INFO"),
    ] as [(UInt16, Termination.Party, String)])
  func level(_ status: UInt16, _ party: Termination.Party, _ expected: String) throws {
    let exchange = Exchange("GET", "/")
    exchange.record.status = status
    exchange.record.termination = Termination(party, .responseBody)
    #expect(try parsed(exchange)["level"] == .string(expected))
  }

  @Test(
    arguments: [
      (.none, nil), (.generated, "generated"), (.client, "client"), (.invalid, "invalid"),
      (.duplicate, "duplicate"), (.untrusted, "untrusted"),
    ] as [(RequestIDSource, String?)])
  func idSource(_ source: RequestIDSource, _ name: String?) throws {
    let exchange = Exchange("GET", "/")
    exchange.record.idSource = source
    #expect(try parsed(exchange)["id_source"]?.text == name)
  }

  @Test(
    arguments: [
      (0, "0.000000"), (999, "0.000000"), (1_000, "0.000001"), (999_999_999, "0.999999"),
      (1_000_000_000, "1.000000"), (3_600_000_000_000, "3600.000000"),
      (9_999_999_999_999, "9999.999999"),
    ] as [(UInt64, String)])
  func duration(_ nanoseconds: UInt64, _ expected: String) throws {
    let exchange = Exchange("GET", "/")
    exchange.record.duration = Interval(nanoseconds: nanoseconds)
    #expect(try parsed(exchange)["duration"] == .number(expected))
  }

  @Test(arguments: [0, 1, 9, 10, 99_999_999, 100_000_000, 123_456_789_012, UInt64.max])
  func counts(_ count: UInt64) throws {
    let exchange = Exchange("GET", "/")
    exchange.record.contentBytesIn = count
    #expect(try parsed(exchange)["bytes_in"] == .number(String(count)))
  }

  /// A line that does not fit says so, at whatever byte the room ends, and writes nothing beyond.
  @Test func overflow() {
    let exchange = fullExchange()
    let whole = exchange.jsonLine()
    let (head, path, captured) = (exchange.bytes, exchange.path, exchange.captured)
    for capacity in 1..<whole.count {
      let bytes = ExchangeBytes(head: head.span, path: path.span, captured: captured.span)
      _ = collect(capacity: capacity) { writer in
        LogFormat(kind: .json).write(
          &exchange.record, head: &exchange.head, bytes: bytes, into: &writer)
        #expect(writer.overflowed)
        #expect(writer.count <= capacity)
      }
    }
  }

  private func fullExchange() -> Exchange {
    let exchange = Exchange(
      "POST", "/upload", fields: [("Host", "h"), ("User-Agent", "u"), ("Referer", "r")])
    exchange.setID("id")
    exchange.answer(200, by: "10.0.0.2:80")
    exchange.record.tryCount = 0
    exchange.addTry("10.0.0.1:80", status: 0, error: .connectionRefused, microseconds: 150)
    exchange.addTry("10.0.0.2:80", status: 200, error: .none, microseconds: 2_000_000)
    exchange.record.event = .upgrade
    exchange.record.isSecure = true
    exchange.record.clientRequestID.assign(Array("bad id".utf8).span)
    exchange.record.upstreamRequestID.assign(Array("other".utf8).span)
    exchange.record.termination = Termination(.upstream, .responseBody)
    exchange.record.error = .httpResponseIncomplete
    return exchange
  }

  private func parsed(_ exchange: Exchange) throws -> StrictJSON {
    let line = exchange.jsonLine()
    #expect(line.last == UInt8(ascii: "\n"))
    return try StrictJSON.parse(Array(line.dropLast()))
  }
}
