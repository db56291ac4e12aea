import Basics
import HTTP
import Policy
import Properties
import Telemetry
import Testing

@Suite struct ErrorBodyTests {
  /// The statuses that Waybill answers itself: SPEC section 5.
  static let statuses: [UInt16] = [
    400, 404, 405, 408, 411, 413, 414, 417, 421, 431, 500, 501, 502, 503, 504, 505,
  ]

  @Test func json() {
    #expect(
      body(.json, 502, "3f-0c") == #"{"error":"Bad Gateway","status":502,"request_id":"3f-0c"}"#)
    #expect(body(.json, 502, "") == #"{"error":"Bad Gateway","status":502}"#)
  }

  @Test func text() {
    #expect(
      body(.text, 502, "3f-0c") == """
        502 Bad Gateway

        The backend server did not return a valid response.

        Request ID: 3f-0c

        """)
    #expect(!body(.text, 502, "").contains("Request ID"))
  }

  @Test func html() {
    let page = body(.html, 502, "3f-0c")
    #expect(page.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">\n"))
    #expect(page.contains("<title>502 Bad Gateway</title>"))
    #expect(page.contains("<h1>502 Bad Gateway</h1>"))
    #expect(page.contains("<p>Request ID: <code>3f-0c</code></p>"))
    #expect(page.hasSuffix("</html>\n"))
    #expect(!body(.html, 502, "").contains("<code>"))
  }

  /// Only errors are errors.
  @Test(arguments: [200, 204, 300, 301, 302, 303, 304, 307, 308, 399] as [UInt16])
  func noApologyBelow400(_ status: UInt16) {
    for format in [ErrorBodyFormat.json, .html, .text] {
      let text = body(format, status, "3f-0c")
      #expect(!text.contains("error") && !text.contains("wrong"), "\(text)")
    }
    #expect(
      body(.json, 301, "3f") == #"{"reason":"Moved Permanently","status":301,"request_id":"3f"}"#)
  }

  @Test func anExplanationTakesThePlaceOfTheStatusesOwn() {
    let sentence: StaticString = "The required TLS certificate was not sent."
    for format in [ErrorBodyFormat.json, .html, .text] {
      var memory = [UInt8](repeating: 0, count: 4096)
      let count = memory.withUnsafeMutableBufferPointer { bytes in
        var writer = ByteWriter(bytes)
        ErrorBody.write(
          format: format, status: 400, explanation: sentence, requestID: RequestID(),
          into: &writer)
        return writer.count
      }
      let text = String(decoding: memory[0..<count], as: UTF8.self)
      #expect(text.contains("The required TLS certificate was not sent."))
      #expect(!text.contains("could not be understood"))
    }
  }

  /// Elements are closed in the order in which they were opened.
  @Test(arguments: ErrorBodyTests.statuses)
  func htmlIsBalanced(_ status: UInt16) {
    var open: [Substring] = []
    for tag in body(.html, status, "id").split(separator: "<").dropFirst() {
      let name = tag.prefix { $0.isLetter || $0.isNumber || $0 == "/" }
      if name.first == "/" {
        #expect(open.popLast() == name.dropFirst())
      } else if !name.isEmpty && name != "meta" {
        open.append(name)
      }
    }
    #expect(open.isEmpty)
  }

  /// Each status has a reason and an explanation of its own.
  @Test func everyStatus() throws {
    var explanations: Set<Substring> = []
    for status in ErrorBodyTests.statuses {
      let lines = body(.text, status, "").split(separator: "\n")
      #expect(lines[0].count > "400 ".count)
      explanations.insert(lines[1])
      let value = try StrictJSON.parse(Array(body(.json, status, "id").utf8))
      #expect(value["status"] == .number(String(status)))
    }
    #expect(explanations.count == ErrorBodyTests.statuses.count)
  }

  /// An ID that holds what no valid one does can't break the body that carries it.
  @Test func hostileID() throws {
    let id = "<b>&\"\u{1}\u{7f}é"
    #expect(body(.html, 400, id).contains("<code>&lt;b&gt;&amp;&quot;????</code>"))
    #expect(body(.text, 400, id).hasSuffix("<b>&\\x22\\x01\\x7F\\xC3\\xA9\n"))
    #expect(try StrictJSON.parse(Array(body(.json, 400, id).utf8))["request_id"]?.text == id)
  }

  @Test func contentTypes() {
    #expect("\(ErrorBody.contentType(.json))" == "application/json")
    #expect("\(ErrorBody.contentType(.html))" == "text/html; charset=utf-8")
    #expect("\(ErrorBody.contentType(.text))" == "text/plain; charset=utf-8")
  }

  private func body(_ format: ErrorBodyFormat, _ status: UInt16, _ id: String) -> String {
    string(
      collect {
        ErrorBody.write(
          format: format, status: status, requestID: Array(id.utf8).span, into: &$0)
      })
  }
}
