import HTTP
import Testing

/// What a decoder made of all it was given.
private struct Decoded: Equatable {
  var content: [UInt8] = []
  var consumed = 0
  var end: ChunkedDecoder.End?
  var error: HTTP1Error.Kind?
}

/// Gives a decoder pieces of `size` bytes until it ends; `.trailers` is asked again with more.
private func decode(_ text: String, pieces size: Int = .max, maximumLine: Int = 50) -> Decoded {
  let bytes = text.octets
  var decoder = ChunkedDecoder()
  var result = Decoded()
  while result.consumed < bytes.count && result.end != .complete {
    let wanted = result.end == .trailers ? max(size, 2) : size
    let count = min(wanted, bytes.count - result.consumed)
    if result.end == .trailers && count < 2 { return result }
    var piece = Array(bytes[result.consumed..<(result.consumed + count)])
    var span = piece.mutableSpan
    do throws(HTTP1Error) {
      let step = try decoder.decode(&span, maximumLineBytes: maximumLine)
      #expect(step.consumed <= count && step.produced <= step.consumed)
      #expect(step.end != .more || step.consumed == count)
      result.end = step.end
      result.consumed += step.consumed
      result.content += piece.prefix(step.produced)
      if step.end == .trailers && count - step.consumed >= 2 { return result }
    } catch {
      result.error = error.kind
      return result
    }
  }
  return result
}

@Suite struct ChunkedDecoderTests {
  @Test(arguments: [
    ("5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
    ("0\r\n\r\n", ""), ("00000\r\n\r\n", ""),
    ("000000000000000A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
    ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
    ("1;name=\"a, b\"\r\nx\r\n0;last\r\n\r\n", "x"),
    ("1 ;\tname\r\nx\r\n0 \r\n\r\n", "x"),
    ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
  ])
  func decodes(text: String, content: String) {
    for size in [Int.max, 1, 2, 3, 5, 7] {
      let decoded = decode(text + "GET", pieces: size)
      #expect(decoded.content == content.octets)
      #expect(decoded.consumed == text.octets.count)
      #expect(decoded.end == .complete && decoded.error == nil)
    }
  }

  @Test func stopsBeforeTrailers() {
    for size in [Int.max, 1, 4] {
      let decoded = decode("1\r\nx\r\n0\r\nX: y\r\n\r\n", pieces: size)
      #expect(decoded.content == "x".octets)
      #expect(decoded.consumed == 9)
      #expect(decoded.end == .trailers)
    }
    #expect(decode("0\r\n").end == .trailers)
    #expect(decode("0\r\n\r").consumed == 3)
  }

  @Test(arguments: [
    "\r\n", "x\r\n", " 5\r\n", "-5\r\n", "+5\r\n", "0x5\r\n", ";a\r\n", "5\n", "5\rx",
    "5 5\r\n", "5,\r\n", "5;a\u{0}\r\n", "5;a\nb\r\n", "5;a\u{7F}\r\n", "5;a\rb",
    "8000000000000000\r\n", "ffffffffffffffff\r\n", "00000000000000001\r\n",
    "1\r\nxx\r\n", "1\r\nx\n", "1\r\nx\rx", "1\r\nx0\r\n", "5;\(String(repeating: "a", count: 50))",
    "5\(String(repeating: " ", count: 50))",
  ])
  func refuses(text: String) {
    for size in [Int.max, 1, 3] {
      #expect(decode(text, pieces: size).error == .invalidChunk)
    }
  }

  @Test func takesTheLargestSizeAndLongestLine() {
    #expect(decode("7fffffffffffffff\r\nabc").content == "abc".octets)
    #expect(decode("1;\(String(repeating: "a", count: 48))\r\nx").content == "x".octets)
    #expect(decode("1;\(String(repeating: "a", count: 49))\r\nx").error == .invalidChunk)
  }

  @Test func countsEachLineAnew() {
    let line = "1;\(String(repeating: "a", count: 40))\r\nx\r\n"
    #expect(decode(line + line + line + "0\r\n\r\n").content == "xxx".octets)
  }

  /// Many chunks of many sizes, in pieces of many sizes: content is conserved.
  @Test func conservesContent() {
    var random = RandomBytes(seed: 7)
    for _ in 0..<200 {
      var text = ""
      var content = ""
      for _ in 0..<random.next(below: 8) {
        let size = 1 + random.next(below: 40)
        let piece = (0..<size).map { _ in String(random.next(below: 10)) }.joined()
        text += String(size, radix: 16) + "\r\n" + piece + "\r\n"
        content += piece
      }
      text += "0\r\n\r\n"
      let decoded = decode(text + "next", pieces: 1 + random.next(below: 60))
      #expect(decoded.content == content.octets)
      #expect(decoded.consumed == text.utf8.count)
      #expect(decoded.end == .complete)
    }
  }

  @Test func doesNothingBehindTheEnd() throws {
    var decoder = ChunkedDecoder()
    var bytes = "0\r\n\r\nGET".octets
    var span = bytes.mutableSpan
    let last = try decoder.decode(&span, maximumLineBytes: 9)
    #expect(last.consumed == 5)
    let step = try decoder.decode(&span, maximumLineBytes: 9)
    #expect(step.consumed == 0 && step.produced == 0 && step.end == .complete)
  }
}
