import LogReading
import Testing

/// Records of several lines.
@Suite struct RecordTests {
  private let bounds = RecordBounds(time: LogTimeTests.time)

  /// The record around the line that has `ID`.
  private func record(_ text: String) -> String {
    let bytes = Array(text.utf8)
    var found: [String] = []
    LineSearch(id: Array("the-id-123".utf8)).forEachHit(in: bytes.span) { hit in
      let record = bounds.record(in: bytes.span, around: hit.line)
      found.append(String(decoding: bytes[record.range], as: UTF8.self))
    }
    return found.first ?? ""
  }

  static let stamp = "2026-11-23 00:49:18,386"
  static let python = """
    ERROR \(stamp) views [req-the-id-123] order failed
    Traceback (most recent call last):
      File "/srv/shop/views.py", line 12, in order
        order = orders[number]
                ~~~~~~^^^^^^^^
    KeyError: 7

    During handling of the above exception, another exception occurred:

    Traceback (most recent call last):
      File "/srv/shop/base.py", line 55, in inner
        response = get_response(request)
    shop.errors.Missing: order 7
    """
  static let java = """
    \(stamp) ERROR [http-1] Orders - [req-the-id-123] failed
    java.lang.IllegalStateException: order 7
    \tat shop.Orders.find(Orders.java:12)
    \tat shop.Web.handle(Web.java:34)
    Caused by: java.sql.SQLException: gone
    \tat shop.Database.ask(Database.java:56)
    \t... 2 more
    """
  static let ruby = """
    E, [2026-11-23T00:49:18.386294 #7] ERROR -- : [the-id-123] RuntimeError (order 7):

    app/models/order.rb:12:in `find'
    app/controllers/orders_controller.rb:5:in 'OrdersController#show'
    """
  static let go = """
    2026/11/23 00:49:18 http: panic serving 127.0.0.1:5 the-id-123: order 7
    goroutine 18 [running]:
    net/http.(*conn).serve.func1()
    \t/usr/lib/go/src/net/http/server.go:1868 +0xb9
    main.order({0x7f, 0xc0}, 0xc0)
    \t/srv/shop/main.go:12 +0x1d
    created by net/http.(*Server).Serve in goroutine 1
    \t/usr/lib/go/src/net/http/server.go:3086 +0x5cb
    """
  static let node = """
    [the-id-123] Error: order 7
        at find (/srv/shop/orders.js:12:11)
        at async /srv/shop/web.js:5:3 {
      code: 'GONE'
    }
    """
  static let object = """
    {
      "time": "2026-11-22T23:49:18.386Z",
      "request": {
        "request_id": "the-id-123",
        "path": "/"
      },
      "message": "order failed"
    }
    """

  @Test(
    arguments: [python, java, ruby, go, node, object],
    [
      "INFO \(stamp) views [req-other] next", "\(stamp) INFO [x] next", "INFO: next",
      "{\"a\":1}",
    ])
  func recordsAreWhole(text: String, next: String) {
    for end in ["\n", "\r\n"] {
      let wanted = text.replacing("\n", with: end)
      #expect(record("\(next)\(end)\(wanted)\(end)\(next)\(end)") == wanted)
      #expect(record(wanted + end) == wanted)
    }
  }

  /// The ID may be in any line of it.
  @Test(
    arguments: [
      python.replacing("[req-the-id-123] ", with: "") + " the-id-123",
      java.replacing("[req-the-id-123] ", with: "").replacing("gone", with: "gone the-id-123"),
      node.replacing("[the-id-123] ", with: "").replacing("'GONE'", with: "'the-id-123'"),
      "[\n  {\n    \"id\": \"other\"\n  },\n  " + object.replacing("\n", with: "\n  ") + ",\n  {",
    ])
  func theIDMayBeInAnyLine(text: String) {
    let isArray = text.hasPrefix("[")
    let wanted = isArray ? "  " + RecordTests.object.replacing("\n", with: "\n  ") + "," : text
    #expect(record("before\n\(text)\nINFO after\n") == wanted)
  }

  /// Lines that only stand next to each other.
  @Test(arguments: [
    ("the-id-123 a\nother b\n", "the-id-123 a"),
    ("INFO 2026-11-23 00:49:18 the-id-123\nINFO: no time\n", "INFO 2026-11-23 00:49:18 the-id-123"),
    (
      " INFO 2026-11-23 00:49:18 the-id-123\n WARN 2026-11-23 00:49:18 x\n",
      " INFO 2026-11-23 00:49:18 the-id-123"
    ),
    ("{\"id\":\"the-id-123\"}\n  indented\n", "{\"id\":\"the-id-123\"}"),
    ("  \"the-id-123\": no brace\n", "  \"the-id-123\": no brace"),
  ])
  func othersAreNot(text: String, wanted: String) {
    #expect(record(text) == wanted)
  }

  /// What reaches the end of a block may go on behind it, and the other way round.
  @Test func recordsInPiecesSaySo() {
    let bytes = Array(RecordTests.python.utf8)
    let first = bounds.record(in: bytes.span, around: 0..<(bytes.firstIndex(of: 10) ?? 0))
    #expect(first.mayGoOn && !first.mayBeginEarlier)
    let rest = Array("    raise the-id-123\nKeyError: 7\nINFO next\n".utf8)
    let last = bounds.record(in: rest.span, around: 0..<20)
    #expect(last.mayBeginEarlier && !last.mayGoOn && last.range == 0..<32)
  }

  /// Nobody can make a record endless.
  @Test func recordsAreBounded() {
    let line = Array("  x\n".utf8)
    let bytes = Array("head the-id-123\n".utf8) + (0..<150_000).flatMap { _ in line }
    let record = bounds.record(in: bytes.span, around: 0..<15)
    #expect(record.range.count > 200_000 && record.range.count < 300_000 && !record.mayGoOn)
    let last = bounds.record(in: bytes.span, around: (bytes.count - 4)..<(bytes.count - 1))
    #expect(last.range.count > 200_000 && last.range.count < 300_000 && !last.mayBeginEarlier)
  }
}
