import Basics
import HTTP
import Testing

@Suite struct FieldSectionTests {
  @Test func findsLinesInOrder() throws {
    var head = RequestHead()
    let bytes = "GET / HTTP/1.1\r\nVia: 1\r\nHost: a\r\nVIA: 2\r\n\r\n".octets
    #expect(try head.parse(bytes))
    #expect(head.fields.firstIndex(of: .via) == 0)
    #expect(head.fields.firstIndex(of: .via, from: 1) == 2)
    #expect(head.fields.firstIndex(of: .via, from: 3) == nil)
    #expect(head.fields.firstIndex(of: .cookie) == nil)
  }

  @Test func holdsAsManyLinesAsItsCapacity() {
    var section = FieldSection()
    let line = FieldLine(name: .empty, value: .empty, known: .via)
    let fits = (0...FieldSection.capacity).map { _ in section.append(line) }
    #expect(fits.firstIndex(of: false) == FieldSection.capacity)
    #expect(section.count == FieldSection.capacity)
    section.removeAll()
    #expect(section.firstIndex(of: .via) == nil)
  }

  @Test(arguments: [
    ("X-Secret", true), ("x-secret", true), ("close", true), ("X-Other", true), ("X-Sec", false),
    ("X-Secret, close", false), ("", false),
  ])
  func tellsWhatConnectionLists(name: String, isListed: Bool) throws {
    var head = RequestHead()
    let bytes = """
      GET / HTTP/1.1\r\nHost: a\r\nConnection: close ,\tX-SECRET,,\r\nConnection: x-other\r\n\r\n
      """.octets
    #expect(try head.parse(bytes))
    guard !name.isEmpty, !name.contains(",") else { return }
    var trailers = FieldSection()
    let lines = "X-A: 1\r\n\(name): 1\r\nX-Secre: 2\r\n\(name.uppercased()): 3\r\n\r\n".octets
    #expect(try trailers.parseTrailers(lines.span, maximumBytes: 1000) == lines.count)
    var listed = ListedLines()
    listed.find(in: trailers, lines.span, listedBy: head.fields, bytes.span)
    let found = (0..<4).map { listed.contains($0) }
    #expect(found == [false, isListed, false, isListed])
  }

  /// Of any lines and any listed names the same are found as by comparing each with each.
  @Test func findsWhatComparingAllWouldFind() throws {
    var state: UInt64 = 1
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1
      return Int(state >> 33) % bound
    }
    var listed = ListedLines()
    for round in 0..<200 {
      func name() -> String {
        String((0...random(4)).map { _ in "aAbB-".randomElement(at: random(5)) })
      }
      let names = (0..<(1 + random(126))).map { _ in name() }
      let options = (0..<random(20)).map { _ in name() }
      let text = "GET / HTTP/1.1\r\nHost: a\r\nConnection: \(options.joined(separator: ","))\r\n"
      let bytes = (text + "\r\n").octets
      let lines = (names.map { "\($0): \r\n" }.joined() + "\r\n").octets
      var head = RequestHead()
      #expect(try head.parse(bytes))
      var section = FieldSection()
      #expect(try section.parseTrailers(lines.span, maximumBytes: 10_000) == lines.count)
      listed.find(in: section, lines.span, listedBy: head.fields, bytes.span)
      let wanted = Set(options.map { $0.lowercased() })
      for (index, name) in names.enumerated() {
        let isListed = listed.contains(index)
        #expect(isListed == wanted.contains(name.lowercased()), "round \(round)")
      }
    }
  }

  /// As many lines as a section holds, all of them listed, then one of none.
  @Test func findsAllOfAFullSection() throws {
    let names = (0..<FieldSection.capacity - 2).map { "x\($0)" }
    let lines = names.map { "\($0): v\r\n" }.joined()
    let listing = names.joined(separator: ",")
    let bytes = "GET / HTTP/1.1\r\nHost: a\r\nConnection: \(listing)\r\n\(lines)\r\n".octets
    let limits = HeadLimits(
      maximumLineBytes: 10_000, maximumHeadBytes: 100_000,
      maximumFieldCount: FieldSection.capacity)
    var head = RequestHead()
    #expect(try head.parse(bytes.span, limits: limits))
    #expect(head.fields.count == FieldSection.capacity)
    var listed = ListedLines()
    listed.find(in: head.fields, bytes.span, listedBy: head.fields, bytes.span)
    let found = (0..<FieldSection.capacity).map { listed.contains($0) }
    #expect(found == [false, false] + names.map { _ in true })
    listed.removeAll()
    let isListed = listed.contains(5)
    #expect(!isListed)
  }

  @Test func staysSmall() {
    #expect(MemoryLayout<FieldLine>.stride == 16)
    #expect(MemoryLayout<RequestHead>.size <= 2_304)
  }
}

@Suite struct TrailerTests {
  private func parse(_ text: String, maximumBytes: Int = 100) -> (Int?, Int, HTTP1Error.Kind?) {
    var section = FieldSection()
    do throws(HTTP1Error) {
      let consumed = try section.parseTrailers(text.octets.span, maximumBytes: maximumBytes)
      return (consumed, section.count, nil)
    } catch {
      return (nil, section.count, error.kind)
    }
  }

  @Test func readsASection() throws {
    var section = FieldSection()
    let bytes = "X-Sum: abc\r\nVia: 1\r\n\r\nGET".octets
    let consumed = try section.parseTrailers(bytes.span, maximumBytes: 100)
    #expect(consumed == bytes.count - 3)
    #expect(section.count == 2)
    #expect(section[0].value.text(in: bytes) == "abc")
    #expect(section[1].known == .via)
  }

  @Test func readsAnEmptySection() {
    #expect(parse("\r\nrest") == (2, 0, nil))
  }

  @Test func awaitsTheEnd() {
    for text in ["", "\r", "X", "X: a", "X: a\r", "X: a\r\n", "X: a\r\n\r"] {
      let (consumed, _, error) = parse(text)
      #expect(consumed == nil && error == nil, "\(text)")
    }
  }

  @Test(arguments: [
    "\n", "\rX", "X\r\n", "X : a\r\n", " X: a\r\n", "X: a\n", "X: \u{0}\r\n", ": a\r\n",
    "X: a\r\n b\r\n",
  ])
  func refuses(text: String) {
    #expect(parse(text + "\r\n").2 == .invalidTrailer)
  }

  @Test func boundsItsSize() {
    #expect(parse("X: abcde\r\n\r\n", maximumBytes: 12).0 == 12)
    #expect(parse("X: abcde\r\n\r\n", maximumBytes: 11).2 == .invalidTrailer)
    #expect(parse("X: abcdefgh", maximumBytes: 11).2 == .invalidTrailer)
    let many = String(repeating: "A:\r\n", count: 129) + "\r\n"
    #expect(parse(many, maximumBytes: 10_000).2 == .invalidTrailer)
  }
}

extension String {
  fileprivate func randomElement(at offset: Int) -> Character {
    self[index(startIndex, offsetBy: offset)]
  }
}
