import Scenarios
import Testing

/// What the oracle of delivered lines finds, and what it lets pass.
struct DeliveryOracleTests {
  private static let due = ["one 1", "two 2", "three 3", "three 3"]

  private func sentences(_ delivered: [String], lost: Int = 0) -> [String] {
    DeliveryOracle.judge(delivered, of: "/log", against: Self.due, lost: lost).map(\.sentence)
  }

  @Test func anyOrderIsAllRight() {
    #expect(sentences(Self.due.reversed()) == [])
    #expect(sentences(["two 2", "three 3", "three 3"], lost: 1) == [])
    #expect(sentences([], lost: 4) == [])
  }

  @Test(arguments: [
    (["one 1", "two", "three 3", "three 3"], "/log: torn: two"),
    (["one 1", "two 2three 3", "three 3"], "/log: joined, or nobody's: two 2three 3"),
    (["one 1", "one 1", "two 2", "three 3", "three 3"], "/log: came twice: one 1"),
    (["one 1", "two 2", "three 3", "three 3", "three 3"], "/log: came twice: three 3"),
    (["one 1", "three 3", "three 3"], "/log: 1 lines are missing, 0 are said to be, one is two 2"),
  ])
  func whatIsNot(delivered: [String], sentence: String) {
    #expect(sentences(delivered).contains(sentence))
  }

  @Test func moreLossIsSaidThanThereIs() {
    #expect(sentences(Self.due, lost: 1) == ["/log: 0 lines are missing, 1 are said to be"])
  }

  @Test func whatIsSaidToBeLostIsAddedUp() {
    let report = " log lines were lost, because this log could not be written: "
    let errors = [
      "error time log 12\(report)/log, 12 in all since this worker's start",
      "error time log 3\(report)/log, 15 in all since this worker's start",
      "error time log 4\(report)/logs, 4 in all since this worker's start",
      "info time something else",
    ]
    #expect(DeliveryOracle.lostCount(of: "/log", in: errors) == 15)
    #expect(DeliveryOracle.lostCount(of: "/logs", in: errors) == 4)
  }
}
