import Basics
import Telemetry
import Testing

@Suite struct ErrorLogLineTests {
  @Test(
    arguments: [
      ("id", 7, "[req-id] *7 "), ("", 7, "[conn-7] "), ("id", 0, "[req-id] "), ("", 0, ""),
    ] as [(String, UInt64, String)])
  func tags(_ id: String, _ connection: UInt64, _ tag: String) {
    let line = collect { writer in
      ErrorLogLine.begin(
        level: .warn, clock: 1_795_384_716_000_001, module: "upstream",
        requestID: Array(id.utf8).span, connection: connection, into: &writer)
      writer.append("refused ")
      writer.appendEscaped(Array("a\nb".utf8).span, .standard)
      ErrorLogLine.end(into: &writer)
    }
    #expect(string(line) == "WARN 2026-11-22 21:58:36.000001 upstream \(tag)refused a\\x0Ab\n")
  }

  @Test func levelsHaveNamesAndAnOrder() {
    let levels: [LogLevel] = [
      .debug, .info, .notice, .warn, .error, .critical, .alert, .emergency,
    ]
    #expect(levels.sorted() == levels)
    #expect(
      levels.map { "\($0.name)" }
        == ["DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "CRIT", "ALERT", "EMERG"])
  }
}
