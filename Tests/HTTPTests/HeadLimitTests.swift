import Basics
import HTTP
import Testing

/// Limits are exact: what reaches one passes, one byte or line more does not.
@Suite struct HeadLimitTests {
  private let tight = HeadLimits(maximumLineBytes: 40, maximumHeadBytes: 200, maximumFieldCount: 3)

  private func outcome(_ text: String) -> Outcome {
    let whole = requestOutcome(text.octets, ends: [text.octets.count], limits: tight)
    let single = requestOutcome(text.octets, ends: Array(1...text.octets.count), limits: tight)
    #expect(whole == single)
    return whole
  }

  private func padded(_ start: String, _ count: Int, _ end: String = "") -> String {
    start + String(repeating: "x", count: count - start.octets.count - end.octets.count) + end
  }

  @Test func boundsTheRequestLine() {
    let rest = "\r\nHost: a\r\n\r\n"
    #expect(outcome(padded("GET /", 40, " HTTP/1.1") + rest).isComplete)
    #expect(outcome(padded("GET /", 41, " HTTP/1.1") + rest).error == .targetTooLong)
    #expect(outcome(padded("GET /", 41)).error == .targetTooLong)
    #expect(outcome(padded("GET /", 40)) == Outcome())
    #expect(outcome(padded("GET /", 42) + "\u{1}").error == .targetTooLong)
  }

  @Test func boundsAFieldLine() {
    let start = "GET / HTTP/1.1\r\nHost: a\r\n"
    #expect(outcome(start + padded("X: ", 40) + "\r\n\r\n").isComplete)
    #expect(outcome(start + padded("X: ", 41) + "\r\n\r\n").error == .headTooLarge)
    #expect(outcome(start + padded("X: ", 41)).error == .headTooLarge)
    #expect(outcome(start + padded("X: ", 40) + "\r") == Outcome())
    #expect(outcome(start + padded("X", 60)).error == .headTooLarge)
  }

  /// What is wrong in a line that is also too long is told the same way for every cut.
  @Test func faultsInLinesThatAreTooLong() {
    #expect(outcome(padded("GET  /", 60)).error == .malformedRequestLine)
    #expect(outcome(padded("GET / HTTP/1.1\r\nX Y", 60)).error == .whitespaceBeforeColon)
    #expect(outcome(padded("GET / HTTP/1.1\r\nHost: a\r\nX(: ", 80)).error == .invalidFieldName)
  }

  @Test func boundsTheHead() {
    let wide = HeadLimits(maximumLineBytes: 1_000, maximumHeadBytes: 100, maximumFieldCount: 9)
    let start = "GET / HTTP/1.1\r\nHost: a\r\n"
    for (count, isComplete) in [(100, true), (101, false)] {
      let bytes = padded(start + "X: ", count, "\r\n\r\n").octets
      #expect(bytes.count == count)
      for ends in [[count], Array(1...count)] {
        let outcome = requestOutcome(bytes, ends: ends, limits: wide)
        #expect(outcome.isComplete == isComplete)
        #expect(outcome.error == (isComplete ? nil : .headTooLarge))
      }
    }
  }

  @Test func boundsTheNumberOfFields() {
    let start = "GET / HTTP/1.1\r\nHost: a\r\n"
    #expect(outcome(start + "A: 1\r\nB: 2\r\n\r\n").isComplete)
    #expect(outcome(start + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n").error == .tooManyFields)
  }

  @Test func neverHoldsMoreThanItsCapacity() {
    let generous = HeadLimits(
      maximumLineBytes: 100, maximumHeadBytes: 10_000, maximumFieldCount: 10_000)
    for (count, error) in [(1_023, HTTP1Error.Kind?.none), (1_024, .tooManyFields)] {
      let lines = String(repeating: "A: 1\r\n", count: count)
      let bytes = "GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n".octets
      #expect(requestOutcome(bytes, ends: [bytes.count], limits: generous).error == error)
    }
  }

  @Test func boundsAResponse() {
    let start = "HTTP/1.1 200 "
    for (count, error) in [(40, HTTP1Error.Kind?.none), (41, .headTooLarge)] {
      let bytes = (padded(start, count) + "\r\n\r\n").octets
      for ends in [[bytes.count], Array(1...bytes.count)] {
        #expect(responseOutcome(bytes, ends: ends, limits: tight).error == error)
      }
    }
  }

  @Test func endlessLimitsDoNotOverflow() {
    let endless = HeadLimits(
      maximumLineBytes: .max, maximumHeadBytes: .max, maximumFieldCount: .max)
    let bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".octets
    #expect(requestOutcome(bytes, ends: Array(1...bytes.count), limits: endless).isComplete)
  }
}
