import Basics
import HTTP
import Policy
import Telemetry
import Testing

/// Each variable with its value and what a log writes when there is none (nginx's rules).
@Suite struct VariableTests {
  struct Case: Sendable {
    let text: String
    /// Of the full exchange.
    let value: String
    /// Of an exchange of which nothing came, with `-` for absent.
    let absent: String

    init(_ text: String, _ value: String, absent: String) {
      self.text = text
      self.value = value
      self.absent = absent
    }
  }

  static let cases = [
    Case("text", "text", absent: "text"),
    Case("$arg_q", "1", absent: "-"),
    Case("$cookie_session", "s1", absent: "-"),
    Case("$http_x_custom", "v", absent: "-"),
    Case("$sent_http_etag", "e1", absent: "-"),
    Case("$upstream_http_etag", "e1", absent: "-"),
    Case("$args", "q=1&r=%20", absent: "-"),
    Case("$query_string", "q=1&r=%20", absent: "-"),
    Case("$body_bytes_sent", "123", absent: "0"),
    Case("$bytes_in", "45", absent: "0"),
    Case("$bytes_out", "123", absent: "0"),
    Case("$bytes_sent", "323", absent: "0"),
    Case("$client_request_id", "bad id", absent: "-"),
    Case("$connection", "7", absent: "7"),
    Case("$connection_requests", "3", absent: "3"),
    Case("$content_length", "45", absent: "-"),
    Case("$content_type", "text/plain", absent: "-"),
    Case("$event", "-", absent: "-"),
    Case("$error", "http_response_incomplete", absent: "-"),
    Case("$host", "example.org", absent: ""),
    Case("$hostname", "machine", absent: "machine"),
    Case("$id_source", "invalid", absent: "-"),
    Case("$is_args", "?", absent: ""),
    Case("$level", "ERROR", absent: "INFO"),
    Case("$msec", "1795384716.124", absent: "1795384716.124"),
    Case("$pipe", ".", absent: "."),
    Case("$pid", "4242", absent: "0"), Case("$gen", "3", absent: "0"),
    Case("$proxy_add_x_forwarded_for", "1.1.1.1, 127.0.0.1", absent: "127.0.0.1"),
    Case("$limit_conn_status", "REJECTED", absent: "-"),
    Case("$gzip_ratio", "3.33", absent: "-"),
    Case("$brotli_ratio", "-", absent: "-"),
    Case("$grpc_status", "14", absent: "-"),
    Case("$limit_req_status", "DELAYED", absent: "-"),
    Case("$proxy_host", "backend", absent: "-"),
    Case("$remote_addr", "127.0.0.1", absent: "127.0.0.1"),
    Case("$remote_port", "5000", absent: "5000"),
    Case("$remote_user", "ann", absent: "-"),
    Case("$proxy_protocol_addr", "192.0.2.4", absent: "-"),
    Case("$proxy_protocol_port", "99", absent: "-"),
    Case("$realip_remote_addr", "10.9.8.7", absent: "127.0.0.1"),
    Case("$realip_remote_port", "6000", absent: "5000"),
    Case("$request", "POST /a/b?q=1&r=%20 HTTP/1.1", absent: "-"),
    Case("$request_completion", "", absent: ""),
    Case("$request_id", "3f0c", absent: "-"),
    Case("$request_length", "400", absent: "0"),
    Case("$request_method", "POST", absent: "-"),
    Case("$request_time", "0.001", absent: "0.001"),
    Case("$request_uri", "/a/b?q=1&r=%20", absent: "-"),
    Case("$scheme", "https", absent: "http"),
    Case("$server_addr", "127.0.0.1", absent: "127.0.0.1"),
    Case("$server_name", "example.org", absent: ""),
    Case("$server_port", "8080", absent: "8080"),
    Case("$server_protocol", "HTTP/1.1", absent: "-"),
    Case("$ssl_cipher", "TLS_AES_128_GCM_SHA256", absent: "-"),
    Case("$ssl_client_cert", "a/b", absent: "-"),
    Case("$ssl_client_escaped_cert", "a%2Fb%0A", absent: "-"),
    Case("$ssl_client_raw_cert", "a/b", absent: "-"),
    // Of nothing that was a certificate.
    Case(
      "$ssl_client_fingerprint", "da39a3ee5e6b4b0d3255bfef95601890afd80709", absent: "-"),
    Case("$ssl_client_serial", "", absent: "-"),
    Case("$ssl_client_i_dn", "CN=Authority", absent: "-"),
    Case("$ssl_client_s_dn", "CN=alice", absent: "-"),
    Case("$ssl_client_verify", "FAILED:expired", absent: "-"),
    Case("$ssl_protocol", "TLSv1.3", absent: "-"),
    Case("$ssl_server_name", "example.org", absent: "-"),
    Case("$ssl_session_reused", "r", absent: "-"),
    Case("$status", "200", absent: "000"),
    Case("$termination", "upstream:response_body", absent: "-"),
    Case("$time_iso8601", "2026-11-22T22:58:36+01:00", absent: "2026-11-22T21:58:36+00:00"),
    Case(
      "$date_gmt", "Sunday, 22-Nov-2026 21:58:36 GMT", absent: "Sunday, 22-Nov-2026 21:58:36 GMT"),
    Case(
      "$date_local", "Sunday, 22-Nov-2026 22:58:36 +0100",
      absent: "Sunday, 22-Nov-2026 21:58:36 UTC"),
    Case("$time_local", "22/Nov/2026:22:58:36 +0100", absent: "22/Nov/2026:21:58:36 +0000"),
    Case("$time_rfc3339", "2026-11-22T21:58:36.124690Z", absent: "2026-11-22T21:58:36.124690Z"),
    Case("$tries", "1", absent: "0"),
    Case("$upstream_addr", "10.0.0.2:80", absent: "-"),
    Case("$upstream_connect_time", "0.000", absent: "-"),
    Case("$upstream_header_time", "0.000", absent: "-"),
    Case("$upstream_request_id", "other", absent: "-"),
    Case("$upstream_response_time", "0.001", absent: "-"),
    Case("$upstream_status", "200", absent: "-"),
    Case("$upstream_cache_status", "-", absent: "-"),
    Case("$otel_trace_id", "0000000000000007000000000000000b", absent: "-"),
    Case("$otel_span_id", "00000000000000aa", absent: "-"),
    Case("$otel_parent_id", "00000000000000bb", absent: "-"),
    Case("$otel_parent_sampled", "1", absent: "-"),
    Case("$https", "on", absent: ""),
    Case("$uri", "/a/b", absent: "-"),
    Case("$document_uri", "/a/b", absent: "-"),
  ]

  @Test(arguments: VariableTests.cases)
  func value(_ variable: Case) throws {
    let exchange = fullExchange()
    let template = try compile(variable.text, exchange)
    #expect(exchange.value(of: template, escape: .standard) == variable.value)
    let absentAsNothing = variable.value == "-" ? "" : variable.value
    #expect(exchange.value(of: template) == absentAsNothing)
    #expect(exchange.value(of: template, escape: .json) == absentAsNothing)
  }

  @Test(arguments: VariableTests.cases)
  func absence(_ variable: Case) throws {
    let exchange = Exchange()
    let template = try compile(variable.text, exchange)
    let absentAsNothing = variable.absent == "-" ? "" : variable.absent
    #expect(exchange.value(of: template, escape: .standard) == variable.absent)
    #expect(exchange.value(of: template, escape: .none) == absentAsNothing)
    #expect(exchange.value(of: template) == absentAsNothing)
  }

  /// The bytes of the address, which each form escapes in its own way.
  @Test func binaryAddress() throws {
    let exchange = Exchange()
    let template = try compile("$binary_remote_addr", exchange)
    exchange.record.client = PeerAddress(family: .ipv4, high: 0, low: 0x4142_4344, port: 1)
    #expect(exchange.value(of: template, escape: .standard) == "ABCD")
    exchange.record.client = PeerAddress(
      family: .ipv6, high: 0x4142_4344_4546_4748, low: 0x6162_6364_6566_6768, port: 1)
    #expect(exchange.value(of: template) == "ABCDEFGHabcdefgh")
    exchange.record.client = .unix
    #expect(exchange.value(of: template) == "")
    exchange.record.client = PeerAddress(family: .ipv4, high: 0, low: 0xFF00_0102, port: 1)
    #expect(exchange.value(of: template, escape: .standard) == "\\xFF\\x00\\x01\\x02")
  }

  /// What page scripts are told.
  @Test func serverTiming() {
    let exchange = fullExchange()
    exchange.record.trace.setSampled(true)
    func value(_ variable: Variable) -> String {
      exchange.value(of: Template(parts: exchange.arena.freeze([TemplatePart(variable)])))
    }
    let trace = "0000000000000007000000000000000b"
    #expect(
      value(.serverTiming)
        == "request_id;desc=\"3f0c\", traceparent;desc=\"00-\(trace)-00000000000000aa-03\"")
    exchange.record.requestID.removeAll()
    #expect(value(.serverTiming) == "traceparent;desc=\"00-\(trace)-00000000000000aa-03\"")
    exchange.record.parts = []
    #expect(value(.serverTiming) == "")
  }

  /// No variable is without a case above; groups have a test of their own.
  @Test func everyVariableHasACase() throws {
    let arena = Arena()
    var compiler = TemplateCompiler(arena: arena, hostname: "")
    var seen: Set<Variable> = [.hostname, .group, .own, .binaryRemoteAddress]
    seen.insert(.serverTiming)
    for variable in VariableTests.cases {
      let template = try compiler.compile(variable.text)
      for index in template.parts.indices { seen.insert(template.parts[index].variable) }
    }
    #expect(seen == Set(Variable.allCases))
  }

  /// A reset record says what a new one says, whatever it held.
  @Test func resetForgetsEverything() throws {
    let used = fullExchange()
    used.record.event = .upgrade
    for index in 0..<2 {
      if index == 1 { used.addTry("p", status: 0, error: .connectionRefused, microseconds: 1) }
      used.record.reset()
      used.head = RequestHead()
      used.bytes = []
      let new = Exchange()
      new.record = ExchangeRecord()
      #expect(used.jsonLine() == new.jsonLine())
      for variable in VariableTests.cases {
        let template = try compile(variable.text, new)
        #expect(
          used.value(of: template, escape: .standard) == new.value(of: template, escape: .standard))
      }
      #expect(!used.record.hasCaptures && used.record.captures[0].isEmpty)
    }
  }

  /// The bytes of an address are escaped but in a key.
  @Test func bytesOfAnAddress() throws {
    let exchange = Exchange()
    let template = try compile("$binary_remote_addr", exchange)
    #expect(exchange.value(of: template, escape: .standard) == "\\x7F\\x00\\x00\\x01")
    exchange.record.client = PeerAddress(
      family: .ipv6, high: 0x2001_0DB8_0000_0000, low: 0x4142, port: 1)
    let escaped = exchange.value(of: template, escape: .standard)
    #expect(escaped == " \\x01\\x0D\\xB8" + String(repeating: "\\x00", count: 10) + "AB")
    let (head, path, captured) = (exchange.bytes, exchange.path, exchange.captured)
    let key = collect(capacity: 64) { writer in
      let bytes = ExchangeBytes(head: head.span, path: path.span, captured: captured.span)
      template.writeKey(exchange.record, head: exchange.head, bytes: bytes, into: &writer)
    }
    #expect(key == [0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x41, 0x42])
  }

  /// Before its end an exchange has only the time at which it began.
  @Test func timeBeforeTheEnd() throws {
    let exchange = Exchange()
    exchange.record.endTime = 0
    #expect(exchange.value(of: try compile("$msec", exchange)) == "1795384716.123")
  }

  /// As OpenSSL says them of the same certificate.
  @Test func factsOfACertificate() throws {
    let exchange = Exchange()
    exchange.computed = Array(
      """
      -----BEGIN CERTIFICATE-----
      MIIBGzCBzqADAgECAgMA86EwBQYDK2VwMAwxCjAIBgNVBAMMAWEwHhcNMjYxMTMw
      MjAyMDM4WhcNMjYxMjAxMjAyMDM4WjAMMQowCAYDVQQDDAFhMCowBQYDK2VwAyEA
      7Y8c1f18NjjTF0SzA7x4qkoHH6owzbn+sXlfVrU3dc2jUzBRMB0GA1UdDgQWBBTb
      MZPaJUceSoXpTqlcypd0s4KFejAfBgNVHSMEGDAWgBTbMZPaJUceSoXpTqlcypd0
      s4KFejAPBgNVHRMBAf8EBTADAQH/MAUGAytlcANBACo1WEBrsfSZW2w7Wpe+/ylG
      FeszrJNm9i6+AuOe12KTjO3LKxRgpNb59whafb7oA2OhI+4gzs01Q8utrSqmVwk=
      -----END CERTIFICATE-----

      """.utf8)
    exchange.record.isSecure = true
    exchange.record.hasCaptures = true
    exchange.record.certificate = ByteRange(start: 0, count: exchange.computed.count)
    #expect(exchange.value(of: try compile("$ssl_client_serial", exchange)) == "F3A1")
    #expect(
      exchange.value(of: try compile("$ssl_client_fingerprint", exchange))
        == "fd86e37741533cd6c09da2628dfe518d81f70502")
  }

  private func fullExchange() -> Exchange {
    let exchange = Exchange(
      "POST", "/a/b?q=1&r=%20",
      fields: [
        ("Host", "Example.ORG:8080"), ("Cookie", "a=b; session=s1"), ("X-Custom", "v"),
        ("Content-Length", "45"), ("Content-Type", "text/plain"),
        ("X-Forwarded-For", "1.1.1.1"), ("authorization", "Basic YW5uOnNlY3JldA=="),
      ])
    exchange.setID("3f0c")
    exchange.answer(200, by: "10.0.0.2:80")
    exchange.captured = Array("xe1a/b\n".utf8)
    exchange.computed = Array("a/b\n".utf8)
    exchange.record.certificate = ByteRange(start: 0, count: 4)
    exchange.record.limitRequestStatus = .delayed
    exchange.record.noteCompression(.gzip, from: 1000, to: 300)
    exchange.record.limitConnectionStatus = .rejected
    exchange.record.grpcStatus = 14
    exchange.record.captures[0] = ByteRange(start: 1, count: 2)
    exchange.record.hasCaptures = true
    exchange.record.idSource = .invalid
    exchange.record.clientRequestID.assign(Array("bad id".utf8).span)
    exchange.record.upstreamRequestID.assign(Array("other".utf8).span)
    exchange.record.contentBytesIn = 45
    exchange.record.contentBytesOut = 123
    exchange.record.bytesSent = 323
    exchange.record.requestBytes = 400
    exchange.record.processID = 4242
    exchange.record.generation = 3
    exchange.record.isSecure = true
    exchange.record.secure.version.assign(Array("TLSv1.3".utf8).span)
    exchange.record.secure.cipher.assign(Array("TLS_AES_128_GCM_SHA256".utf8).span)
    exchange.record.secure.serverName.assign(Array("example.org".utf8).span)
    exchange.record.secure.isResumed = true
    exchange.record.secure.certificate = .failed
    exchange.record.secure.failure.assign(Array("expired".utf8).span)
    exchange.record.secure.subject.assign(Array("CN=alice".utf8).span)
    exchange.record.secure.issuer.assign(Array("CN=Authority".utf8).span)
    exchange.record.trace = RequestTrace(traceBits: (1, 2), spanBits: (0xAA, 3))
    exchange.record.trace.continueTrace(
      of: TraceParent(
        traceID: TraceID(high: 7, low: 11), spanID: 0xBB, flags: [.sampled, .random]))
    exchange.record.parts = .trace
    exchange.record.utcOffset = 3_600
    exchange.record.announcedClient = PeerAddress(
      family: .ipv4, high: 0, low: 0xc000_0204, port: 99)
    exchange.record.hasAnnouncedClient = true
    exchange.record.socketPeer = PeerAddress(family: .ipv4, high: 0, low: 0x0a09_0807, port: 6000)
    exchange.record.serverName = exchange.arena.freeze("example.org")
    exchange.record.proxyHost = exchange.arena.freeze("backend")
    exchange.record.termination = Termination(.upstream, .responseBody)
    exchange.record.error = .httpResponseIncomplete
    return exchange
  }

  private func compile(_ text: String, _ exchange: Exchange) throws -> Template {
    var compiler = TemplateCompiler(arena: exchange.arena, hostname: "machine")
    return try compiler.compile(text)
  }
}
