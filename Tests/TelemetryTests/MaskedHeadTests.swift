import Basics
import Telemetry
import Testing

/// Secrets of a head do not reach a memory that people look into, however malformed it is.
struct MaskedHeadTests {
  private func masked(_ head: String, limit: Int = 4096) -> String {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 65_536) { memory in
      var writer = ByteWriter(memory)
      writer.appendMasked(head: Array(head.utf8).span, limit: limit)
      return String(decoding: writer.written, as: UTF8.self)
        .replacing("\\u000D\\u000A", with: "|").replacing("\\u000D", with: "<CR>")
        .replacing("\\u000A", with: "<LF>")
    }
  }

  /// What is no secret passes, escaped as a JSON string.
  @Test func otherFieldsAreShown() {
    let head = "GET /\"x HTTP/1.1\r\nHost: a\r\nX-Cookie: b\r\nCookies: c\r\n\r\n"
    #expect(masked(head) == "GET /\\\"x HTTP/1.1|Host: a|X-Cookie: b|Cookies: c||")
  }

  /// The four names in any case; the line and what follows it stay.
  @Test(arguments: ["Authorization", "proxy-authorization", "COOKIE", "Set-Cookie"])
  func secretsAreMasked(name: String) {
    #expect(
      masked("GET / HTTP/1.1\r\n\(name): s3cret\r\nHost: a\r\n\r\n")
        == "GET / HTTP/1.1|\(name): ***|Host: a||")
  }

  /// Malformed heads are what is kept, so no fault may uncover a value.
  @Test(arguments: [
    "A: b\r\nCookie : s3cret\r\n", "A: b\r\nCookie:s3cret\r\n", "A: b\r\n\tCookie: s3cret\r\n",
    "A: b\nCookie: s3cret\n", "A: b\rCookie: s3cret\r\n", "Cookie: a\rs3cret\r\nB: c\r\n",
    "Cookie: a\r\n s3cret\r\n\ts3cret\r\nB: c\r\n", "Cookie\u{1}: s3cret\r\n",
    "Cookie: s3cret", "Cookie:\r\n s3cret\r\n", "\r\nAuthorization: s3cret\r\n",
    "Cookie:\rs3cret\r\n",
    "Cookie\t\t: s3cret\r\nCookie: s3cret\r\n",
  ])
  func malformedLinesUncoverNothing(head: String) {
    let text = masked(head)
    #expect(!text.contains("s3cret"), "\(text)")
    #expect(text.contains("***") && text.contains("Cookie") || text.contains("Authorization"))
  }

  /// A masked line ends where it ended: line numbers stay right.
  @Test func linesKeepTheirNumbers() {
    #expect(masked("G\r\nCookie: a\r\n b\r\nC: d\r\n") == "G|Cookie: ***|***|C: d|")
  }

  /// The limit holds for what is written, not for what comes.
  @Test func longHeadsAreCut() {
    let text = masked(String(repeating: "\u{1}", count: 5000), limit: 600)
    #expect(text.utf8.count <= 600 && text.hasPrefix("\\u0001"))
    #expect(masked(String(repeating: "a", count: 50), limit: 0).isEmpty)
  }
}
