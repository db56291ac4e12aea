import ContentStages
import Testing

/// `sub_filter`: what comes of content, however it is cut into pieces.
struct SubstitutionTests {
  @Test(
    arguments: [
      ([("a", "b")], "banana", "bbnana", "bbnbnb"),
      ([("AN", "<>")], "Banana bANdana", "B<>ana bANdana", "B<><>a b<>d<>a"),
      ([("abc", "")], "ababcabcab", "ababcab", "abab"),
      // Of two at one place the first in the file counts, however long.
      ([("ab", "1"), ("abc", "2")], "abcabc", "1c2", "1c1c"),
      ([("abc", "2"), ("ab", "1")], "abcabd", "21d", "21d"),
      // While the first might still follow at the end, nothing else is tried.
      ([("abcd", "2"), ("bc", "1")], "xabc", "xabc", "xabc"),
      ([("xyz", "long replacement "), ("q", "")], "xyxyzqxy", "xylong replacement xy", nil),
      ([("x", "1")], "", "", ""),
      ([("longer than all", "1")], "longer", "longer", nil),
    ] as [([(String, String)], String, String, String?)])
  func everyCut(
    _ pairs: [(String, String)], _ content: String, _ once: String, _ all: String?
  ) throws {
    let bytes = Array(content.utf8)
    for first in 0...bytes.count {
      for second in first...bytes.count {
        for room in [1, 2, 3, 64] {
          for end in [ContentEnd.more, .flush] {
            let cuts = [bytes[..<first], bytes[first..<second], bytes[second...]].map(Array.init)
            #expect(try replace(pairs, cuts, once: true, room, end) == once)
            #expect(try replace(pairs, cuts, once: false, room, end) == all ?? once)
          }
        }
      }
    }
  }

  @Test func agreesWithASearchByHand() throws {
    var random = Numbers(state: 7)
    for _ in 0..<3000 {
      let pairs = (0..<random.next(1...4)).map { _ in
        (random.text("abAB", 1...4), random.text("xyz", 0...3))
      }
      let content = random.text("abAB", 0...40)
      let pieces = random.cut(Array(content.utf8))
      for once in [true, false] {
        let found = try replace(pairs, pieces, once: once, random.next(1...20), .more)
        #expect(found == byHand(pairs, content, once: once), "\(pairs) \(content)")
      }
    }
  }

  @Test func aLongTextIsFoundBehindALongerWindow() throws {
    let text = String(repeating: "ab", count: 300)
    let filler = String(repeating: "ba.", count: 20_000)
    let found = try replace(
      [(text, "1")], [Array((filler + text + filler + text).utf8)], once: false, 1000, .more)
    #expect(found == filler + "1" + filler + "1")
  }

  private func replace(
    _ pairs: [(String, String)], _ pieces: [[UInt8]], once: Bool, _ room: Int, _ end: ContentEnd
  ) throws -> String {
    let substitution = Substitution(replacesOnce: once)
    for (pattern, replacement) in pairs {
      Array(pattern.utf8).withUnsafeBytes { pattern in
        Array(replacement.utf8).withUnsafeBytes { substitution.add(pattern, $0) }
      }
    }
    let pipeline = ContentPipeline(linkBytes: 16, fillsPerRun: 4)
    pipeline.append(substitution)
    return String(decoding: try pipeline.pass(pieces, room: room, between: end), as: UTF8.self)
  }

  /// The same without pieces: at each place the first text that matches, or might.
  private func byHand(_ pairs: [(String, String)], _ content: String, once: Bool) -> String {
    let bytes = Array(content.utf8)
    let lower = Array(content.lowercased().utf8)
    var used = Set<Int>()
    var result: [UInt8] = []
    var place = 0
    search: while place < bytes.count {
      for (index, pair) in pairs.enumerated() where !used.contains(index) {
        let pattern = Array(pair.0.lowercased().utf8)
        let rest = lower[place...]
        if rest.count < pattern.count, pattern.starts(with: rest) {
          return String(decoding: result + bytes[place...], as: UTF8.self)
        }
        if rest.starts(with: pattern) {
          result += pair.1.utf8
          place += pattern.count
          if once { used.insert(index) }
          continue search
        }
      }
      result.append(bytes[place])
      place += 1
    }
    return String(decoding: result, as: UTF8.self)
  }
}
