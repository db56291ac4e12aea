import Basics
import Telemetry
import Testing

@Suite struct ErrorLogLineTests {
  private let arena = Arena()

  @Test(
    arguments: [
      ("id", 7, "[req-id] *7 "), ("", 7, "[conn-7] "), ("id", 0, "[req-id] "), ("", 0, ""),
    ] as [(String, UInt64, String)])
  func tags(_ id: String, _ connection: UInt64, _ tag: String) {
    let line = collect { writer in
      let start = Self.line(id, connection)
      start.begin(into: &writer)
      writer.append("refused ")
      writer.appendEscaped(Array("a\nb".utf8).span, .standard)
      start.end(into: &writer)
    }
    #expect(string(line) == "WARN 2026-11-22 21:58:36.000001 upstream \(tag)refused a\\x0Ab\n")
  }

  private static func line(_ id: String, _ connection: UInt64) -> ErrorLogLine {
    var line = ErrorLogLine(level: .warn, clock: 1_795_384_716_000_001, module: "upstream")
    line.requestID.assign(Array(id.utf8).span)
    line.connection = connection
    return line
  }

  @Test func aTryNamesItsPeer() {
    let line = collect { writer in
      var line = Self.line("id", 7)
      line.peer = arena.freeze("10.0.0.1:8000")
      line.tryNumber = 2
      line.begin(into: &writer)
      writer.append("refused")
      line.end(into: &writer)
    }
    #expect(string(line).hasSuffix(" [req-id] *7 refused, peer 10.0.0.1:8000, try 2\n"))
  }

  @Test(
    arguments: [
      ("", 0, 0, ""), ("", 7, 0, ",\"connection\":7"),
      (
        "id", 7, 1,
        ",\"request_id\":\"id\",\"connection\":7,\"upstream\":\"10.0.0.1:8000\",\"try\":1"
      ),
    ] as [(String, UInt64, Int, String)])
  func objects(_ id: String, _ connection: UInt64, _ number: Int, _ members: String) {
    let bytes = collect { writer in
      var line = Self.line(id, connection)
      line.peer = arena.freeze("10.0.0.1:8000")
      line.tryNumber = number
      line.writeJSON(Array("a\"\n".utf8).span, into: &writer)
    }
    #expect(
      string(bytes) == """
        {"time":"2026-11-22T21:58:36.000001Z","level":"WARN","module":"upstream"\(members),\
        "message":"a\\"\\u000A"}\n
        """)
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
