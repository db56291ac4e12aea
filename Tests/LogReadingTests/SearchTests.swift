import Basics
import LogReading
import Testing

@Suite struct SearchTests {
  private func place(of needle: ByteNeedle, in text: [UInt8], from start: Int = 0) -> Int? {
    needle.next(in: text.span, from: start)
  }

  private func judge(_ line: String, id: String) -> IDMatch? {
    let bytes = Array(line.utf8)
    return place(of: ByteNeedle(Array(id.utf8)), in: bytes).map {
      IDMatch(bytes.span, at: $0, count: id.utf8.count)
    }
  }

  /// Every needle at every place of texts of every length, against the plain way.
  @Test func needlesAreFoundWhereverTheyStand() {
    for needle in ["a", "ab", "aa", "e62f", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"] {
      let bytes = Array(needle.utf8)
      let search = ByteNeedle(bytes)
      for length in 0..<150 {
        #expect(place(of: search, in: [UInt8](repeating: 0x2E, count: length)) == nil)
        guard length >= bytes.count else { continue }
        for start in [0, (length - bytes.count) / 2, length - bytes.count] {
          var text = [UInt8](repeating: bytes[0] ^ 1, count: length)
          text.replaceSubrange(start..<(start + bytes.count), with: bytes)
          #expect(place(of: search, in: text) == start)
          #expect(place(of: search, in: text, from: start + 1) == nil)
        }
      }
    }
  }

  @Test(
    arguments: [
      ("[req-abc] x", IDMatch.exact), ("id=abc, x", .exact), ("abc", .exact), ("abc: x", .exact),
      ("abc.", .exact), ("by abc. Then", .exact), ("abc...", .exact), ("/abc/ x", .exact),
      ("abc.1 x", .beginning(of: 0..<5)), ("abc:9 x", .beginning(of: 0..<5)),
      ("abc/d", .beginning(of: 0..<5)), ("abc+d", .beginning(of: 0..<5)),
      ("abc=", .beginning(of: 0..<4)), ("abc@d", .beginning(of: 0..<5)),
      ("abc~d", .beginning(of: 0..<5)), ("abc\\/d\"", .beginning(of: 0..<6)),
      ("abc%2Fd x", .beginning(of: 0..<7)), ("abc%20d", .exact),
      ("abc\\u002fd", .beginning(of: 0..<10)),
      ("x\\nabc", .exact), ("%20abc", .exact), ("\\u0022abc\\u0022", .exact), ("%41abc", .chance),
      ("\u{1B}[31mabc\u{1B}[0m", .exact),
      ("\"abc\"", .exact), ("\"abc:9\"", .beginning(of: 1..<6)), ("\"abc said", .exact),
      ("abcd x", .beginning(of: 0..<4)), ("abc-1] x", .beginning(of: 0..<5)),
      ("xabc", .chance), ("1abc", .chance),
      ("big-abc x", .chance), ("x.abc", .chance), ("x_abc", .chance), ("z/abc", .chance),
      ("x+abc", .chance), ("x@abc", .chance), ("x~abc", .chance), ("-abc", .chance),
      ("big%2Dabc", .chance), ("z\\/abc", .chance), ("a%2Fabc", .chance), ("x\\u002eabc", .chance),
      ("[req-big-abc] x", .chance), ("[req-x/abc] x", .chance), ("[req-=abc] x", .chance),
      ("[req-abc.] x", .beginning(of: 5..<9)), ("[req-abc: x]", .exact), ("req-abc x", .exact),
      ("request_id=abc x", .exact), ("X-Request-ID: abc", .exact), ("rid:abc", .exact),
      ("/orders/abc x", .exact), ("http://h:80/abc", .exact), ("path=/a/abc x", .exact),
      ("?a=b&id=abc", .exact), ("...abc", .exact), ("(abc)", .exact), ("<abc>", .exact),
      ("\"big-abc\"", .chance), ("\"z/abc\"", .chance), ("\"=abc\"", .chance),
      ("'big-abc'", .chance), ("'abc'", .exact), ("'abc.'", .beginning(of: 1..<5)),
      ("'abc'.", .exact), ("\\\"abc\\\"", .exact), ("\\\"big-abc\\\"", .chance),
      ("\"request_id\":\"abc x\"", .chance), ("\"id\": \"abc\"", .exact),
      ("\"message\":\"abc x\"", .exact), ("\"message\":\"x abc\"", .exact),
      ("\"request_id\":\"abc", .exact),
    ] as [(String, IDMatch)])
  func judges(line: String, match: IDMatch) {
    #expect(judge(line, id: "abc") == match)
  }

  /// An ID is a text, not a pattern.
  @Test func idsAreTakenLiterally() {
    let block = Array("x a.c\nx abc\r\nx a.cd\nxa.c".utf8)
    var hits: [String] = []
    LineSearch(id: Array("a.c".utf8)).forEachHit(in: block.span) { hit in
      hits.append(String(decoding: block[hit.line], as: UTF8.self) + (hit.isExact ? "!" : "?"))
    }
    #expect(hits == ["x a.c!", "x a.cd?"])
  }

  private func hits(_ text: String, id: String) -> [String] {
    let block = Array(text.utf8)
    var hits: [String] = []
    LineSearch(id: Array(id.utf8)).forEachHit(in: block.span) { hit in
      hits.append(String(decoding: hit.id, as: UTF8.self) + (hit.isExact ? "!" : "?"))
    }
    return hits
  }

  /// However its characters are escaped, once or twice, it is the same ID.
  @Test(
    arguments: [
      "ab/cd=", "ab\\/cd=", "ab\\u002Fcd\\u003d", "ab%2Fcd%3D", "ab%2fcd=", "ab\\x2fcd\\x3D",
      "ab\\\\/cd=", "ab\\\\u002fcd=",
    ])
  func escapedIDsAreFound(spelled: String) {
    #expect(
      hits("x \(spelled) y\n\"\(spelled)\"\nid=\(spelled)", id: "ab/cd=") == [
        "ab/cd=!", "ab/cd=!", "ab/cd=!",
      ])
    #expect(hits("x \(spelled)e", id: "ab/cd=") == ["ab/cd=e?"])
    #expect(hits("x\(spelled)", id: "ab/cd=") == [])
  }

  @Test(arguments: ["-", "_", ".", ":", "+", "/", "=", "@", "~"])
  func everySignMayBeEscaped(sign: String) {
    let hexadecimal = String(sign.utf8.first!, radix: 16)
    for escape in ["%", "\\u00", "\\x", "\\\\u00"] {
      let spelled = "abcd\(escape)\(hexadecimal)efghij"
      #expect(hits("{\"id\":\"\(spelled)\"}", id: "abcd\(sign)efghij") == ["abcd\(sign)efghij!"])
    }
  }

  /// What tells IDs from words: the tag of our own logs, or a name.
  @Test(
    arguments: [
      ("[req-7] x", true), ("id=7", true), ("\"request_id\":\"7\"", true), ("rid: 7", true),
      ("\"id\":7,", true), ("\"traceId\": 7", true), ("reqid=7", true), ("paid=7", false),
      ("\"connection\":7,", false), ("worker 7 x", false), ("GET /7 x", false),
      ("\"n\":\"7\"", false), ("n=7", false),
    ])
  func namedIDs(line: String, isNamed: Bool) {
    var named: [Bool] = []
    LineSearch(id: [0x37]).forEachHit(in: Array(line.utf8).span) { named.append($0.isNamed) }
    #expect(named == [isNamed])
  }

  @Test func aCutUUIDIsNoOtherOne() {
    let other = "e62fbf04-0000-4878-a78d-9aa6f94c"
    let ids = [SearchTests.uuid, String(SearchTests.uuid.prefix(32)), other].map { Array($0.utf8) }
    #expect(Set(IDForm.distinct(ids)) == [ids[0], ids[2]])
    #expect(IDForm.distinct([ids[1]]) == [ids[1]])
    let capitals = Array(SearchTests.uuid.uppercased().utf8)
    #expect(IDForm.distinct([ids[0], capitals, ids[1]]) == [capitals])
  }

  /// Zeros around a line are not of it.
  @Test func linesBetweenHoles() {
    let block = Array("\0\0\0x abc\0\nabc\0\0".utf8)
    var lines: [Range<Int>] = []
    LineSearch(id: Array("abc".utf8)).forEachHit(in: block.span) { lines.append($0.line) }
    #expect(lines == [3..<8, 10..<13])
    #expect(block.span.withoutHoles(0..<3).isEmpty && block.span.withoutHoles(2..<2).isEmpty)
  }

  static let uuid = "e62fbf04-db7d-4878-a78d-9aa6f94c31d5"

  @Test(
    arguments: [
      uuid, "E62FBF04-DB7D-4878-A78D-9AA6F94C31D5", "e62fbf04db7d4878a78d9aa6f94c31d5",
      "E62FBF04DB7D4878A78D9AA6F94C31D5", "e62fbf04-db7d-4878-a78d-9aa6f94c",
      "E62FBF04-DB7D-4878-A78D-9AA6F94C",
    ])
  func uuidsAreFoundHoweverWritten(spelled: String) {
    #expect(
      hits("[\(spelled)]\n\"\(spelled)\"", id: SearchTests.uuid) == ["\(spelled)!", "\(spelled)!"])
    let form = IDForm(Array(SearchTests.uuid.utf8))
    #expect(form.includes(IDForm(Array(spelled.utf8))))
    #expect(!hits("[\(SearchTests.uuid)]", id: spelled).isEmpty)
  }

  @Test func otherUUIDsAreNot() {
    #expect(hits("[e62fbf04-db7d-4878-a78d-9aa6f94c31d6]", id: SearchTests.uuid) == [])
    #expect(hits("[e62fbf04-db7d-4878-a78d-9aa6f94]", id: SearchTests.uuid) == [])
    #expect(hits("[\(SearchTests.uuid)]", id: "E62FBF04") == ["\(SearchTests.uuid)?"])
  }

  @Test func oneHitForALine() {
    let block = Array("abcd abc abc\n\nabc".utf8)
    var hits: [Bool] = []
    LineSearch(id: Array("abc".utf8)).forEachHit(in: block.span) { hits.append($0.isExact) }
    #expect(hits == [true, true])
  }
}
