import Basics
import HTTP
import Telemetry
import Testing

@Suite struct TextLineTests {
  @Test func verbose() {
    #expect(
      line(.verbose, of: plain())
        == "INFO 2026-11-22 21:58:36.124690 access [req-3f0c] GET /path HTTP/1.1 -> 200 123 bytes"
        + " in 0.001234 s from 127.0.0.1:5000 via 127.0.0.1:8001\n")
  }

  @Test func simple() {
    #expect(
      line(.simple, of: plain())
        == "INFO GET /path HTTP/1.1 -> 200 123 bytes in 0.001234 s from 127.0.0.1:5000"
        + " via 127.0.0.1:8001 [req-3f0c]\n")
  }

  /// What failed, how often and why stands at the end; without an ID the connection is named.
  @Test func failure() {
    let exchange = plain()
    exchange.record.requestID.removeAll()
    exchange.record.status = 502
    exchange.record.tryCount = 2
    exchange.record.termination = Termination(.upstream, .connect)
    exchange.record.error = .connectionRefused
    #expect(
      line(.verbose, of: exchange)
        == "ERROR 2026-11-22 21:58:36.124690 access [conn-7] GET /path HTTP/1.1 -> 502 123 bytes"
        + " in 0.001234 s from 127.0.0.1:5000 via 127.0.0.1:8001 tries=2"
        + " termination=upstream:connect error=connection_refused\n")
  }

  @Test func upgrade() {
    let exchange = plain()
    exchange.record.status = 101
    exchange.record.event = .upgrade
    #expect(line(.simple, of: exchange).contains("-> 101 upgrade 123 bytes"))
  }

  /// A line that could not be read is quoted as far as it came.
  @Test(arguments: [
    ("", "(no request)"), ("\r\n\r\n", "(no request)"), ("\r\nGE\u{1}T /\r\nHost: h", "GE\\x01T /"),
    ("\u{16}\u{3}\"", "\\x16\\x03\\x22"),
  ])
  func requestLineNeverRead(_ bytes: String, _ expected: String) {
    let exchange = Exchange()
    exchange.bytes = Array(bytes.utf8)
    #expect(
      line(.simple, of: exchange)
        == "INFO \(expected) -> (no status) 0 bytes in 0.001234 s from 127.0.0.1:5000 [conn-7]\n")
  }

  /// nginx's combined with the ID at its end, in the words of nginx's documentation.
  @Test func combined() throws {
    var exchange = plain()
    #expect(
      try combinedLine(of: exchange)
        == "127.0.0.1 - - [22/Nov/2026:21:58:36 +0000] \"GET /path HTTP/1.1\" 200 123 \"-\""
        + " \"a\\x22b\""
        + " \"3f0c\"\n")
    exchange = Exchange()
    #expect(
      try combinedLine(of: exchange)
        == "127.0.0.1 - - [22/Nov/2026:21:58:36 +0000] \"-\" 000 0 \"-\" \"-\" \"-\"\n")
  }

  @Test func builtInNames() {
    var compiler = TemplateCompiler(arena: Arena(), hostname: "m")
    for name in LogFormat.builtInNames {
      #expect(LogFormat(builtIn: name, compiler: &compiler) != nil)
    }
    #expect(LogFormat(builtIn: "common", compiler: &compiler) == nil)
  }

  private func plain() -> Exchange {
    let exchange = Exchange("GET", "/path", fields: [("User-Agent", "a\"b")])
    exchange.setID("3f0c")
    exchange.record.contentBytesOut = 123
    exchange.answer(200, by: "127.0.0.1:8001")
    return exchange
  }

  private func line(_ kind: LogFormat.Kind, of exchange: Exchange) -> String {
    string(exchange.line(LogFormat(kind: kind)))
  }

  private func combinedLine(of exchange: Exchange) throws -> String {
    var compiler = TemplateCompiler(arena: exchange.arena, hostname: "m")
    return string(
      exchange.line(try #require(LogFormat(builtIn: "combined", compiler: &compiler))))
  }
}
