import Basics
import LogReading
import Testing

@Suite struct SearchTests {
  /// Every needle at every place of texts of every length, against the plain way.
  @Test func needlesAreFoundWhereverTheyStand() {
    for needle in ["a", "ab", "aa", "e62f", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"] {
      let bytes = Array(needle.utf8)
      let search = ByteNeedle(bytes)
      for length in 0..<150 {
        #expect(search.next(in: [UInt8](repeating: 0x2E, count: length).span, from: 0) == nil)
        guard length >= bytes.count else { continue }
        for place in [0, (length - bytes.count) / 2, length - bytes.count] {
          var text = [UInt8](repeating: bytes[0] ^ 1, count: length)
          text.replaceSubrange(place..<(place + bytes.count), with: bytes)
          #expect(search.next(in: text.span, from: 0) == place)
          #expect(search.next(in: text.span, from: place + 1) == nil)
        }
      }
    }
  }

  @Test(
    arguments: [
      ("[req-abc] x", IDMatch.exact), ("id=abc, x", .exact), ("abc", .exact), ("abc: x", .exact),
      ("\"abc\"", .exact), ("\"abc:9\"", .beginning(of: 1..<6)), ("\"abc said", .exact),
      ("abcd x", .beginning(of: 0..<4)), ("abc-1] x", .beginning(of: 0..<5)),
      ("xabc", .chance), ("1abc", .chance),
    ] as [(String, IDMatch)])
  func judges(line: String, match: IDMatch) throws {
    let bytes = Array(line.utf8)
    let found = ByteNeedle(Array("abc".utf8)).next(in: bytes.span, from: 0)
    let place = try #require(found)
    #expect(IDMatch(bytes.span, at: place, count: 3) == match)
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

  @Test func oneHitForALine() {
    let block = Array("abcd abc abc\n\nabc".utf8)
    var hits: [Bool] = []
    LineSearch(id: Array("abc".utf8)).forEachHit(in: block.span) { hits.append($0.isExact) }
    #expect(hits == [true, true])
  }
}
