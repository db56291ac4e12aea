import Basics
import HTTP
import Testing

/// Whatever bytes come, a parser answers: it neither traps nor takes more than it was given.
@Suite struct RandomInputTests {
  /// Bytes that the grammars care about come more often than others.
  private let alphabet: [UInt8] = Array(
    "\r\n\t :;,/.?#%[]@*=\"-_0123456789abcdefPROXYUNKTCH46q".utf8)

  private func bytes(_ random: inout RandomBytes) -> [UInt8] {
    (0..<random.next(below: 60)).map { _ in
      random.next(below: 8) == 0
        ? UInt8(random.next(below: 256)) : alphabet[random.next(below: alphabet.count)]
    }
  }

  @Test func parsersOfWholeValues() {
    var random = RandomBytes(seed: 1)
    let starts = ["", "PROXY ", "PROXY TCP6 ", "\r\n\r\n\u{0}\r\nQUIT\n", "[", "/", "unix:"]
    for _ in 0..<20_000 {
      let input = starts[random.next(below: starts.count)].octets + bytes(&random)
      _ = PeerAddress(parsing: input.span)
      _ = ContentNegotiation.preferred(accept: input.span)
      _ = FieldName(classifying: input.span)
      _ = PathNormalization.isNormal(input.span)
      if let normal = normalizedPath(input) { #expect(normal.count <= input.count) }
      if let header = try? ProxyHeader.parse(input.span) {
        #expect(header.byteCount <= input.count)
      }
    }
  }

  @Test func parsersOfMessages() {
    var random = RandomBytes(seed: 2)
    let starts = ["", "GET / HTTP/1.1\r\nHost: ", "HTTP/1.1 200 ", "GET http://", "CONNECT "]
    var request = RequestHead()
    var response = ResponseHead()
    var trailers = FieldSection()
    for _ in 0..<20_000 {
      let input = starts[random.next(below: starts.count)].octets + bytes(&random)
      request.reset()
      response.reset()
      if (try? request.parse(input)) == true { #expect(request.byteCount <= input.count) }
      if (try? response.parse(input)) == true { #expect(response.byteCount <= input.count) }
      if let consumed = try? trailers.parseTrailers(input.span, maximumBytes: 50) {
        #expect(consumed <= input.count)
      }
    }
  }

  @Test func chunks() throws {
    var random = RandomBytes(seed: 3)
    for _ in 0..<20_000 {
      var decoder = ChunkedDecoder()
      for _ in 0..<3 {
        var input = (random.next(below: 2) == 0 ? "5\r\n".octets : []) + bytes(&random)
        let count = input.count
        var span = input.mutableSpan
        guard let step = try? decoder.decode(&span, maximumLineBytes: 20) else { break }
        #expect(step.produced <= step.consumed && step.consumed <= count)
      }
    }
  }
}
