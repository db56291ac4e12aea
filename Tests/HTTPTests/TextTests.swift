import Basics
import HTTP
import Testing

@Suite struct ContentNegotiationTests {
  @Test(arguments: [
    ("", ErrorBodyFormat.text), ("*/*", .text), ("image/png", .text), ("text/plain", .text),
    ("application/json", .json), ("APPLICATION/JSON; charset=utf-8", .json),
    ("application/problem+json", .json), ("application/*", .json), ("text/html", .html),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", .html),
    ("application/json, text/plain, */*", .json), ("*/*, text/html", .html),
    ("text/html;q=0.5, application/json;q=0.9", .json), ("text/html; q=0.3, */*;q=0.2", .html),
    ("text/html;q=0", .text), ("text/html;q=0.001", .html),
    ("text/html;level=1;Q=0.2,text/*", .text),
    ("application/json;q=oops", .json), ("application/json;q=0.0001", .json), (",,;q=1", .text),
    ("+json", .text), ("text/html;q=1.000, application/json;q=0.999", .html),
  ])
  func prefers(accept: String, format: ErrorBodyFormat) {
    let preferred = ContentNegotiation.preferred(accept: accept.octets.span)
    #expect(preferred == format)
  }
}

@Suite struct IMFDateTests {
  @Test(arguments: [
    (UInt64(0), "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
    (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
    (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
    (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
    (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    (.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
  ])
  func writes(seconds: UInt64, date: String) {
    let text = written { IMFDate.write(secondsSince1970: seconds, into: &$0) }
    #expect(text == date)
    #expect(date.utf8.count == IMFDate.byteCount)
  }

  /// Every day of 500 years follows the one before, as the calendar's plain rules have it.
  @Test func countsEveryDay() {
    var (year, month, day) = (1970, 1, 1)
    for number in 0..<182_621 {
      let date = CivilDate(daysSince1970: number)
      guard date.year == year && date.month == month && date.day == day else {
        Issue.record("day \(number) is \(date), not \(year)-\(month)-\(day)")
        return
      }
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
      day += 1
      if day > lengths[month - 1] { (month, day) = (month + 1, 1) }
      if month > 12 { (year, month) = (year + 1, 1) }
    }
  }
}

@Suite struct StatusCodeTests {
  @Test(arguments: [
    (UInt16(200), "HTTP/1.1 200 OK\r\n"), (404, "HTTP/1.1 404 Not Found\r\n"),
    (101, "HTTP/1.1 101 Switching Protocols\r\n"), (308, "HTTP/1.1 308 Permanent Redirect\r\n"),
    (502, "HTTP/1.1 502 Bad Gateway\r\n"), (299, "HTTP/1.1 299 \r\n"), (999, "HTTP/1.1 999 \r\n"),
  ])
  func writesStatusLines(status: UInt16, line: String) {
    let text = written { $0.appendStatusLine(status: status) }
    #expect(text == line)
  }

  /// Every code that Waybill answers with has a phrase.
  @Test func namesItsOwnCodes() {
    for status: UInt16 in [
      400, 404, 408, 411, 413, 414, 417, 421, 431, 500, 501, 502, 503, 504, 505,
    ] {
      #expect(StatusCode.reason(status).utf8CodeUnitCount > 0)
    }
  }

  @Test func errorsHaveStatusAndReason() {
    let statuses: [HTTP1Error.Kind: UInt16] = [
      .targetTooLong: 414, .headTooLarge: 431, .tooManyFields: 431, .unsupportedVersion: 505,
      .unsupportedTransferEncoding: 501, .unsupportedExpectation: 417,
    ]
    for kind in HTTP1Error.Kind.allCases {
      let error = HTTP1Error(kind, at: 3)
      #expect(error.requestStatus == statuses[kind] ?? 400)
      #expect(error.reason.utf8CodeUnitCount > 10)
      #expect(error.offset == 3)
    }
  }

  /// What is serialised is parsed back as it was.
  @Test func parsesWhatItWrites() throws {
    let text = written { writer in
      writer.appendStatusLine(status: 404)
      writer.appendField("Content-Length", "5")
      writer.appendField("X-Some".octets.span, "some value".octets.span)
      writer.append("\r\n")
    }
    var head = ResponseHead()
    #expect(try head.parse(text.octets))
    #expect(head.status == 404 && head.contentLength == 5)
    #expect(head.fields[1].value.text(in: text.octets) == "some value")
  }

  @Test func onlySafeMethodsAndTheirLikeAreIdempotent() {
    let idempotent: [Method] = [.get, .head, .put, .delete, .options, .trace]
    for method in idempotent { #expect(method.isIdempotent) }
    for method: Method in [.post, .connect, .patch, .other] { #expect(!method.isIdempotent) }
  }
}
