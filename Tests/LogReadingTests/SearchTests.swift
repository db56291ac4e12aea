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
      ("\"abc\"", .exact), ("\"abc:9\"", .beginning(of: 1..<6)), ("\"abc said", .exact),
      ("abcd x", .beginning(of: 0..<4)), ("abc-1] x", .beginning(of: 0..<5)),
      ("xabc", .chance), ("1abc", .chance),
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

  @Test func oneHitForALine() {
    let block = Array("abcd abc abc\n\nabc".utf8)
    var hits: [Bool] = []
    LineSearch(id: Array("abc".utf8)).forEachHit(in: block.span) { hits.append($0.isExact) }
    #expect(hits == [true, true])
  }
}
