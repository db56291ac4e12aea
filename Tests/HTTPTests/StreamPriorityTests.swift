import Testing

@testable import HTTP

@Suite struct StreamPriorityTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var value: String
    var urgency: UInt8
    var isIncremental: Bool
    var testDescription: String { value }

    init(_ value: String, _ urgency: UInt8, _ isIncremental: Bool) {
      (self.value, self.urgency, self.isIncremental) = (value, urgency, isIncremental)
    }
  }

  /// The second member of each is RFC 9218's default where the first says nothing valid.
  static let cases = [
    Case("u=0", 0, false), Case("u=7, i", 7, true), Case("i,u=5", 5, true),
    Case(" u=1 ,\ti=?1 ", 1, true), Case("i=?0, u=2", 2, false), Case("u=1, u=4", 4, false),
    Case("u=8", 3, false), Case("u=-1", 3, false), Case("u=10", 3, false), Case("u", 3, false),
    Case("u=1.0", 3, false), Case("i=1", 3, false), Case("U=1, I", 3, false), Case("", 3, false),
    Case("u=1;x=2, i;y", 1, true), Case("x=\"a,u=0\", u=6", 6, false), Case("ui=1", 3, false),
    Case("x=\"a\\\",u=0\", u=5", 5, false), Case("x=\"open, u=5", 3, false),
    Case(",,u=2,,", 2, false),
    Case("x=(a b);u=0, i", 3, true),
  ]

  @Test(arguments: cases) func aFieldIsRead(_ one: Case) {
    let priority = StreamPriority(parsing: Array(one.value.utf8).span)
    #expect(priority.urgency == one.urgency)
    #expect(priority.isIncremental == one.isIncremental)
  }

  @Test func withoutAWordResponsesShare() {
    #expect(StreamPriority().urgency == 3 && StreamPriority().isIncremental)
  }

  @Test func nothingOfAnyLengthTraps() {
    let alphabet = Array("ui=?0179,; \"\\\t".utf8)
    var state: UInt64 = 1
    for _ in 0..<20_000 {
      var bytes: [UInt8] = []
      for _ in 0..<Int(state % 12) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes.append(alphabet[Int(state >> 33) % alphabet.count])
      }
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let urgency = StreamPriority(parsing: bytes.span).urgency
      #expect(urgency <= 7)
    }
  }
}
