import Basics
import HTTP
import Policy
import Testing

/// When a request may go to the next peer.
@Suite struct RetryTests {
  private func allows(
    _ failure: TryFailure = .closedBeforeResponse, _ conditions: RetryConditions = [.error],
    method: Method = .get, requestSent: Bool = true, contentConsumed: Bool = false,
    tries: Int = 1, of peerCount: Int = 3, maximumTries: Int = 0, elapsed: Interval = .seconds(1),
    timeout: Interval = .endless
  ) -> Bool {
    RetryPolicy(conditions: conditions, maximumTries: maximumTries, timeout: timeout)
      .allowsNextTry(
        after: failure, method: method, requestSent: requestSent, contentConsumed: contentConsumed,
        tries: tries, peerCount: peerCount, elapsed: elapsed)
  }

  private static let conditionsMet: [(TryFailure, RetryConditions)] = [
    (.connectFailed, .error), (.closedBeforeResponse, .error), (.timedOut, .timeout),
    (.invalidResponse, .invalidHeader), (.status(403), .http403), (.status(404), .http404),
    (.status(429), .http429), (.status(500), .http500), (.status(502), .http502),
    (.status(503), .http503), (.status(504), .http504),
  ]

  @Test(arguments: conditionsMet)
  func eachFailureHasItsCondition(_ failure: TryFailure, _ condition: RetryConditions) {
    #expect(allows(failure, condition))
    let others = RetryConditions(rawValue: 1023).subtracting(condition)
    #expect(!allows(failure, others))
    #expect(!allows(failure, []))
  }

  @Test(arguments: conditionsMet)
  func peersThatAnswerWithoutAccessAreNotBlamed(
    _ failure: TryFailure, _ condition: RetryConditions
  ) {
    let isBlamed = condition != .http403 && condition != .http404
    #expect(failure.countsAgainstPeer == isBlamed)
  }

  @Test(arguments: [UInt16(200), 301, 400, 401, 501, 505, 999])
  func otherStatusCodesAreAnswers(_ status: UInt16) {
    #expect(!allows(.status(status), RetryConditions(rawValue: .max)))
  }

  @Test(arguments: [Method.post, .patch, .connect, .other])
  func whatIsNotIdempotentIsSentOnce(_ method: Method) {
    #expect(!allows(method: method, requestSent: true))
    #expect(!allows(.status(503), .http503, method: method, requestSent: true))
    #expect(!allows(.timedOut, .timeout, method: method, requestSent: true))
    #expect(allows(.timedOut, .timeout, method: method, requestSent: false))
    #expect(allows(method: method, requestSent: false))
    #expect(allows(.connectFailed, method: method, requestSent: false))
    #expect(allows(.connectFailed, method: method, requestSent: true))
    #expect(allows(.closedBeforeResponse, [.error, .nonIdempotent], method: method))
  }

  @Test(arguments: [Method.get, .head, .put, .delete, .options, .trace])
  func whatIsIdempotentMayBeSentAgain(_ method: Method) {
    #expect(allows(method: method, requestSent: true))
  }

  @Test func consumedContentCanNotBeSentAgain() {
    let conditions: RetryConditions = [.error, .nonIdempotent]
    #expect(!allows(.connectFailed, conditions, requestSent: false, contentConsumed: true))
    #expect(!allows(.closedBeforeResponse, conditions, contentConsumed: true))
  }

  @Test(arguments: [
    (1, 1, 0, false), (1, 2, 0, true), (2, 2, 0, false), (2, 3, 0, true), (1, 3, 1, false),
    (1, 3, 2, true), (2, 3, 2, false), (2, 3, 5, true), (3, 3, 5, false), (1, 0, 0, false),
    (15, 100, 0, true), (16, 100, 0, false), (16, 100, 50, false),
  ])
  func tries(_ made: Int, _ peerCount: Int, _ maximum: Int, _ isAllowed: Bool) {
    #expect(allows(tries: made, of: peerCount, maximumTries: maximum) == isAllowed)
  }

  @Test func timeout() {
    let limit = Interval.seconds(5)
    #expect(allows(elapsed: Interval(nanoseconds: 4_999_999_999), timeout: limit))
    #expect(!allows(elapsed: limit, timeout: limit))
    #expect(!allows(elapsed: .seconds(6), timeout: limit))
  }
}
