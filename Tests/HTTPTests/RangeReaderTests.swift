import HTTP
import Testing

/// What Range fields come to.
struct RangeReaderTests {
  /// Of 100 bytes; nginx's answers.
  @Test(
    arguments: [
      ("bytes=0-0", .single(FileRange(start: 0, end: 1))),
      ("bytes=99-", .single(FileRange(start: 99, end: 100))),
      ("bytes=-5", .single(FileRange(start: 95, end: 100))),
      ("bytes=-500", .single(FileRange(start: 0, end: 100))),
      ("bytes=90-200", .single(FileRange(start: 90, end: 100))),
      ("BYTES= 1 - 2 ", .single(FileRange(start: 1, end: 3))),
      ("bytes=0-0,100-", .single(FileRange(start: 0, end: 1))),
      ("bytes=0-0,2-3", .several(2)), ("bytes=-1, 5-5 ,0-0", .several(3)),
      ("bytes=0-99,0-0", .whole), ("bytes=100-", .unsatisfiable), ("bytes=-0", .unsatisfiable),
      ("bytes=5-2", .unsatisfiable), ("bytes=x", .unsatisfiable), ("bytes=0-0,x", .unsatisfiable),
      ("bytes=0-0,", .unsatisfiable), ("bytes=9223372036854775808-", .unsatisfiable),
      ("bytes=", .whole), ("lines=0-0", .whole), ("", .whole), ("bytes=0-0,1-1,2-2,3-3", .whole),
    ] as [(String, RangeJudgement)])
  func judgement(_ text: String, _ expected: RangeJudgement) {
    let bytes = Array(text.utf8)
    let judgement = RangeReader.judge(bytes.span, size: 100, maximumCount: 3)
    #expect(judgement == expected)
  }

  /// Nothing is in an empty file, and it is sent whole.
  @Test(arguments: ["bytes=0-", "bytes=0-5", "bytes=-1"]) func emptyContent(_ text: String) {
    let bytes = Array(text.utf8)
    let judgement = RangeReader.judge(bytes.span, size: 0, maximumCount: 3)
    #expect(judgement == .whole)
  }

  /// The ranges come in the order of the field.
  @Test func order() throws {
    let bytes = Array("bytes=5-6, 200-, -1,0-0".utf8)
    let made = RangeReader(bytes.span, size: 10)
    var reader = try #require(made)
    var steps: [RangeReader.Step] = []
    repeat {
      let step = reader.next(bytes.span)
      steps.append(step)
    } while steps.last != .end
    #expect(
      steps == [
        .range(FileRange(start: 5, end: 7)), .range(FileRange(start: 9, end: 10)),
        .range(FileRange(start: 0, end: 1)), .end,
      ])
  }

  /// Whatever comes, ranges lie within the content and reading ends.
  @Test func anything() {
    var generator = SystemRandomNumberGenerator()
    let alphabet = Array("0123456789-, x".utf8)
    for _ in 0..<5_000 {
      let count = Int.random(in: 0..<20, using: &generator)
      let tail = (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
      let bytes = Array("bytes=".utf8) + tail
      guard var reader = RangeReader(bytes.span, size: 50) else { continue }
      var steps = 0
      while case .range(let range) = reader.next(bytes.span) {
        #expect(range.start < range.end && range.end <= 50)
        steps += 1
        #expect(steps <= bytes.count)
      }
    }
  }
}
