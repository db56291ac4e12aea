import Testing

@testable import Simulation

/// The peers' own parser finds messages however they are framed and cut.
struct MessageReaderTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var kind: MessageReader.Kind
    var wire: String
    var startLine: String
    var content: String
    var rest = ""
    var endsWithStream = false
    var testDescription: String { startLine }
  }

  static let response = MessageReader.Kind.response(isBodiless: false)
  static let cases = [
    Case(
      kind: .request, wire: "GET / HTTP/1.1\r\nA: b\r\n\r\nGET", startLine: "GET / HTTP/1.1",
      content: "", rest: "GET"),
    Case(
      kind: .request, wire: "\r\nPUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcd",
      startLine: "PUT / HTTP/1.1", content: "abc", rest: "d"),
    Case(
      kind: .request,
      wire: "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789"
        + "\r\n0\r\nT: u\r\n\r\n+", startLine: "POST / HTTP/1.1", content: "abc0123456789",
      rest: "+"),
    Case(
      kind: response, wire: "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n+",
      startLine: "HTTP/1.1 204 No", content: "", rest: "+"),
    Case(
      kind: response, wire: "HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n",
      startLine: "HTTP/1.1 304 Same", content: ""),
    Case(
      kind: .response(isBodiless: true), wire: "HTTP/1.1 200 H\r\nContent-Length: 5\r\n\r\n",
      startLine: "HTTP/1.1 200 H", content: ""),
    Case(
      kind: response, wire: "HTTP/1.0 200 OK\n\nuntil the end", startLine: "HTTP/1.0 200 OK",
      content: "until the end", endsWithStream: true),
    Case(
      kind: response, wire: "HTTP/1.1 200 Z\r\nContent-Length: 0\r\n\r\n",
      startLine: "HTTP/1.1 200 Z", content: ""),
  ]

  @Test(arguments: cases, [1, 2, 3, 7, 1000])
  func framing(_ example: Case, _ pieceSize: Int) {
    let bytes = Array(example.wire.utf8)
    var reader = MessageReader(example.kind)
    var position = 0
    for end in stride(from: pieceSize, to: bytes.count + pieceSize, by: pieceSize) {
      reader.consume(Array(bytes.prefix(end)), from: &position)
    }
    #expect(reader.message.isComplete == !example.endsWithStream)
    if example.endsWithStream { reader.end() }
    #expect(reader.message.isComplete)
    #expect(reader.message.startLine == example.startLine)
    #expect(reader.message.text == example.content)
    #expect(String(decoding: bytes[position...], as: UTF8.self) == example.rest)
  }

  @Test func trailersAndFieldsAreKeptApart() {
    let wire = "POST / HTTP/1.1\r\nA:  b \t\r\na: c\r\nbad\r\nTransfer-Encoding: chunked\r\n\r\n"
    var reader = MessageReader(.request)
    var position = 0
    reader.consume(Array((wire + "0\r\nT: u\r\n\r\n").utf8), from: &position)
    #expect(reader.message.values(of: "A") == ["b", "c"])
    #expect(reader.message.trailers == [.init(name: "T", value: "u")])
    #expect(reader.message.isChunked)
  }

  @Test(arguments: ["", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\nx"])
  func whatHasNotEndedIsNotComplete(_ wire: String) {
    var reader = MessageReader(.request)
    var position = 0
    reader.consume(Array(wire.utf8), from: &position)
    reader.end()
    #expect(!reader.message.isComplete)
    #expect(reader.hasBegun == !wire.isEmpty)
  }

  @Test(arguments: [
    ("HTTP/1.1 200 OK", [], false), ("HTTP/1.0 200 OK", [], true),
    ("HTTP/1.1 200 OK", ["Close"], true), ("GET / HTTP/1.0", ["Keep-Alive"], false),
  ])
  func closing(_ startLine: String, _ options: [String], _ closes: Bool) {
    var message = WireMessage()
    message.startLine = startLine
    message.fields = options.map { WireMessage.Field(name: "Connection", value: $0) }
    #expect(message.asksToClose == closes)
  }
}
