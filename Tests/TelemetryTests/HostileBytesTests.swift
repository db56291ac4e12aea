import Basics
import HTTP
import Properties
import Telemetry
import Testing

/// Whatever bytes a client sends, a line stays one valid line and nothing of them is lost.
@Suite struct HostileBytesTests {
  static let everyByte = Array(UInt8.min...UInt8.max)

  /// Each byte alone, at each place within a word, in everything that the client controls.
  @Test(arguments: 0..<18)
  func everyByteInJSON(_ padding: Int) throws {
    for byte in HostileBytesTests.everyByte {
      let value = Array(repeating: UInt8(ascii: "a"), count: padding) + [byte] + [0x62, 0x63]
      let line = try parsed(hostile(value).jsonLine())
      // Bytes that are no UTF-8 come back as the code point of the same number.
      let expected = String(value.map { Character(Unicode.Scalar($0)) })
      for key in ["uri", "host", "user_agent", "referer", "client_request_id", "method"] {
        #expect(line[key]?.text.map { Array($0.unicodeScalars) } == Array(expected.unicodeScalars))
      }
    }
  }

  @Test func allBytesAtOnce() throws {
    let line = try parsed(hostile(HostileBytesTests.everyByte).jsonLine())
    #expect(line["uri"]?.text?.unicodeScalars.map(\.value) == (0...255).map { $0 })
  }

  @Test(
    arguments: [
      // What is well-formed stays; the rest is escaped byte by byte (Unicode 16 table 3-7).
      ([0xc3, 0xa9], "é"), ([0xe2, 0x82, 0xac], "€"), ([0xf0, 0x9f, 0x98, 0x80], "😀"),
      ([0xed, 0x9f, 0xbf], "\u{d7ff}"), ([0xef, 0xbf, 0xbf], "\u{ffff}"),
      ([0xf4, 0x8f, 0xbf, 0xbf], "\u{10ffff}"), ([0xe0, 0xa0, 0x80], "\u{800}"),
      ([0xf0, 0x90, 0x80, 0x80], "\u{10000}"), ([0xf1, 0x80, 0x80, 0x80], "\u{40000}"),
      ([0xc0, 0xaf], "\\u00C0\\u00AF"), ([0xc1, 0xbf], "\\u00C1\\u00BF"),
      ([0xe0, 0x9f, 0xbf], "\\u00E0\\u009F\\u00BF"), ([0xed, 0xa0, 0x80], "\\u00ED\\u00A0\\u0080"),
      ([0xf0, 0x8f, 0xbf, 0xbf], "\\u00F0\\u008F\\u00BF\\u00BF"),
      ([0xf4, 0x90, 0x80, 0x80], "\\u00F4\\u0090\\u0080\\u0080"),
      ([0xf5, 0x80, 0x80, 0x80], "\\u00F5\\u0080\\u0080\\u0080"),
      ([0xc3], "\\u00C3"), ([0xe2, 0x82], "\\u00E2\\u0082"), ([0xc3, 0x41], "\\u00C3A"),
      ([0xe2, 0x82, 0x41], "\\u00E2\\u0082A"), ([0xf0, 0x9f, 0x98], "\\u00F0\\u009F\\u0098"),
      ([0xc2, 0x9b], "\\u009B"), ([0xc2, 0x85], "\\u0085"), ([0xe2, 0x80, 0xa8], "\\u2028"),
      ([0xe2, 0x80, 0xa9], "\\u2029"), ([0xe2, 0x80, 0xae], "\\u202E"), ([0xd8, 0x9c], "\\u061C"),
      ([0xef, 0xbb, 0xbf], "\\uFEFF"), ([0xf3, 0xa0, 0x80, 0x81], "\\uDB40\\uDC01"),
      ([0x1b], "\\u001B"), ([0xc2, 0xa0], "\u{a0}"),
      ([0x80], "\\u0080"), ([0x09, 0x0a, 0x7f], "\\u0009\\u000A\\u007F"),
      ([0x22, 0x5c], "\\\"\\\\"),
    ] as [([UInt8], String)])
  func jsonEscape(_ bytes: [UInt8], _ expected: String) {
    for padding in 0..<9 {
      let clean = Array(repeating: UInt8(ascii: "x"), count: padding)
      let written = collect { $0.appendEscaped((clean + bytes + clean).span, .json) }
      #expect(string(written) == string(clean) + expected + string(clean))
    }
  }

  /// The two other escapings, for each byte.
  @Test func textEscapes() {
    for byte in HostileBytesTests.everyByte {
      let hexadecimal =
        "\\x" + String(byte / 16, radix: 16, uppercase: true)
        + String(byte % 16, radix: 16, uppercase: true)
      let isControl = byte < 0x20 || byte == 0x7f
      let isPlain = !isControl && byte < 0x80 && byte != 0x22 && byte != 0x5c
      let standard = collect { $0.appendEscaped([byte].span, .standard) }
      #expect(standard == (isPlain ? [byte] : Array(hexadecimal.utf8)))
      let none = collect { $0.appendEscaped([byte].span, .none) }
      #expect(
        none == (isControl || (0x80...0x9f).contains(byte) ? Array(hexadecimal.utf8) : [byte]))
    }
    let lines = collect { $0.appendEscaped(Array("é\u{2028}".utf8).span, .none) }
    #expect(string(lines) == "é\\xE2\\x80\\xA8")
  }

  /// Random bytes everywhere: each format writes exactly one line, and JSON parses.
  @Test func randomBytes() throws {
    var random = SplitMix(state: 1)
    var compiler = TemplateCompiler(arena: Arena(), hostname: "m")
    let combined = try #require(LogFormat(builtIn: "combined", compiler: &compiler))
    for _ in 0..<2_000 {
      let exchange = hostile(random.bytes(atMost: 80))
      _ = try parsed(exchange.jsonLine())
      for format in [LogFormat(kind: .verbose), LogFormat(kind: .simple), combined] {
        let line = exchange.line(format)
        #expect(line.allSatisfy { $0 == 0x0a || ($0 >= 0x20 && $0 < 0x7f) })
        #expect(line.filter { $0 == 0x0a }.count == 1 && line.last == 0x0a)
      }
    }
  }

  /// The same when no request line could be read from them.
  @Test func randomBytesWithoutRequestLine() throws {
    var random = SplitMix(state: 2)
    for _ in 0..<500 {
      let exchange = Exchange()
      exchange.bytes = random.bytes(atMost: 60)
      _ = try parsed(exchange.jsonLine())
      let line = exchange.line(LogFormat(kind: .verbose))
      #expect(line.filter { $0 == 0x0a }.count == 1 && line.last == 0x0a)
    }
  }

  /// No value ends a field line, whatever it holds.
  @Test func fieldValues() throws {
    var compiler = TemplateCompiler(arena: Arena(), hostname: "m")
    let template = try compiler.compile("<$uri>")
    let exchange = Exchange("GET", "/")
    exchange.path = HostileBytesTests.everyByte
    let value = exchange.value(of: template)
    #expect(value.unicodeScalars.allSatisfy { $0 == "\t" || $0.value >= 0x20 && $0.value != 0x7f })
    exchange.path = Array("a\r\nb\0c\td".utf8)
    #expect(exchange.value(of: template) == "<a  b c\td>")
  }

  private func hostile(_ value: [UInt8]) -> Exchange {
    let exchange = Exchange(
      "GET", value, fields: [("Host", value), ("User-Agent", value), ("Referer", value)])
    exchange.quoteTargetAsMethod()
    exchange.record.clientRequestID.assign(value.span)
    exchange.record.upstreamRequestID.assign(value.span)
    exchange.record.status = 200
    return exchange
  }

  private func parsed(_ line: [UInt8]) throws -> StrictJSON {
    #expect(line.filter { $0 == 0x0a }.count == 1 && line.last == 0x0a)
    return try StrictJSON.parse(Array(line.dropLast()))
  }
}

/// Random numbers from a seed, so that a failure repeats.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  mutating func bytes(atMost most: Int) -> [UInt8] {
    (0..<Int(next() % UInt64(most + 1))).map { _ in UInt8(truncatingIfNeeded: next()) }
  }
}
