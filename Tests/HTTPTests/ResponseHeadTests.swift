import Basics
import HTTP
import Testing

private func parse(_ text: String) -> Outcome {
  responseOutcome(text.octets, ends: [text.octets.count])
}

/// A head that can be handed on.
private final class Parsed {
  var value = ResponseHead()
}

private func parsed(_ text: String) throws -> (Parsed, [UInt8]) {
  let head = Parsed()
  let bytes = text.octets
  let isComplete = try head.value.parse(bytes)
  try #require(isComplete)
  return (head, bytes)
}

@Suite struct ResponseHeadTests {
  @Test(arguments: [
    ("HTTP/1.1 200 OK", UInt16(200), "OK"), ("HTTP/1.1 404 Not Found", 404, "Not Found"),
    ("HTTP/1.1 200", 200, ""), ("HTTP/1.1 200 ", 200, ""), ("HTTP/1.0 999 a\tb", 999, "a\tb"),
    ("HTTP/1.3 100 \u{E4}", 100, "\u{FFFD}"),
  ])
  func readsStatusLines(line: String, status: UInt16, reason: String) throws {
    let (head, bytes) = try parsed(line + "\r\nServer: x\r\n\r\n")
    #expect(head.value.status == status)
    #expect(head.value.reason.text(in: bytes) == reason)
    #expect(head.value.fields.count == 1)
    #expect(head.value.byteCount == bytes.count)
    #expect(head.value.version == (line.hasPrefix("HTTP/1.0") ? .http10 : .http11))
  }

  @Test(arguments: [
    ("HTTP/1.1 99 x", HTTP1Error.Kind.malformedStatusLine),
    ("HTTP/1.1 099 x", .malformedStatusLine), ("HTTP/1.1 2000", .malformedStatusLine),
    ("HTTP/1.1 20x OK", .malformedStatusLine), ("HTTP/1.1  200 OK", .malformedStatusLine),
    ("HTTP/1.1\t200 OK", .malformedStatusLine), ("HTTP/1.1 200\tOK", .malformedStatusLine),
    ("HTTP/1.1", .malformedStatusLine), ("", .malformedStatusLine),
    ("ICY 200 OK", .malformedStatusLine), ("http/1.1 200 OK", .malformedStatusLine),
    ("HTTP/1.x 200 OK", .malformedStatusLine), ("HTTP/1.1 200 O\u{0}K", .malformedStatusLine),
    ("HTTP/2.0 200 OK", .unsupportedVersion), ("HTTP/1.1 200 OK\n", .bareLineEnd),
    ("HTTP/1.1 200 OK\r", .bareLineEnd), ("HTTP/1.1 200 OK\r\nX : 1", .whitespaceBeforeColon),
    ("HTTP/1.1 200 OK\r\n X: 1", .obsoleteFolding),
    ("HTTP/1.1 200 OK\r\nX: a\r\n b", .obsoleteFolding),
    ("HTTP/1.1 200 OK\r\nX: a\u{8}", .invalidFieldValue),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1", .invalidContentLength),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2", .invalidContentLength),
    ("HTTP/1.1 200 OK\r\nContent-Length: x", .invalidContentLength),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", .conflictingFraming),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip", .invalidTransferEncoding),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked", .unsupportedTransferEncoding),
    ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked", .invalidTransferEncoding),
  ])
  func refuses(lines: String, kind: HTTP1Error.Kind) {
    #expect(parse(lines + "\r\n\r\n").error == kind)
  }

  @Test(arguments: [
    ("200", "Content-Length: 5", Method.get, ContentFraming.length(5)),
    ("200", "Content-Length: 5", .head, .none), ("204", "Content-Length: 5", .get, .none),
    ("304", "Content-Length: 5", .get, .none), ("101", "X: 1", .get, .none),
    ("200", "Transfer-Encoding: chunked", .get, .chunked),
    ("200", "Transfer-Encoding: chunked", .head, .none), ("200", "X: 1", .post, .untilClose),
  ])
  func tellsFraming(
    status: String, line: String, method: Method, framing: ContentFraming
  ) throws {
    let (head, _) = try parsed("HTTP/1.1 \(status) x\r\n\(line)\r\n\r\n")
    #expect(head.value.framing(for: method) == framing)
  }

  @Test func tellsInterimResponses() throws {
    for (status, isInterim) in [(100, true), (103, true), (101, false), (200, false)] {
      #expect(try parsed("HTTP/1.1 \(status) x\r\n\r\n").0.value.isInterim == isInterim)
    }
  }

  @Test func tellsPersistence() throws {
    #expect(try parsed("HTTP/1.1 200 OK\r\n\r\n").0.value.keepsAlive == true)
    #expect(try parsed("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").0.value.keepsAlive == false)
    #expect(try parsed("HTTP/1.0 200 OK\r\n\r\n").0.value.keepsAlive == false)
    #expect(
      try parsed("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n").0.value.keepsAlive == true)
  }

  @Test func resetForgetsEverything() throws {
    var head = ResponseHead()
    let first = "HTTP/1.0 404 x\r\nConnection: close\r\nContent-Length: 3\r\n\r\n".octets
    #expect(try head.parse(first))
    head.reset()
    let bytes = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n".octets
    #expect(try head.parse(bytes))
    #expect(head.facts(bytes) == responseOutcome(bytes, ends: [bytes.count]).facts)
  }
}
