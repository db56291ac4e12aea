import Basics
import Telemetry
import Testing

struct ExchangeHistoryTests {
  private func text(_ history: ExchangeHistory) -> String {
    string(
      collect { writer in
        history.write(since: Instant(nanoseconds: 1_000_000), into: &writer) {
          peer, redirects, writer in
          if redirects > 0 { writer.append("other ") }
          writer.append("peer ")
          writer.append(decimal: UInt64(peer))
        }
      })
  }

  private func instant(_ microseconds: UInt64) -> Instant {
    Instant(nanoseconds: 1_000_000 + microseconds * 1_000)
  }

  /// Every event has its words, and its time since the begin.
  @Test(
    arguments: [
      (.requestHead, 210, 0, "head of 210 bytes"),
      (.connecting, 3, 1, "try 1: connecting to peer 3"),
      (.reusing, 0, 2, "try 2: kept connection to peer 0"),
      (.connected, 0, 0, "connected"),
      (.requestSent, 4_000, 0, "request sent, 4000 bytes"),
      (.upstreamBlocked, 0, 0, "the peer has stopped reading"),
      (.interimResponse, 103, 0, "response 103"),
      (.redirected, 2, 0, "internal redirect 2"), (.fileOpened, 9, 0, "file of 9 bytes"),
      (.responseHead, 200, 0, "response 200"),
      (.tryFailed, Int(ErrorType.connectionRefused.rawValue), 0, "connection_refused"),
      (.clientBlocked, 0, 0, "the client has stopped reading"),
      (.tunnelOpened, 0, 0, "tunnel open"),
      (.ownResponse, 502, 0, "own response 502"),
      (.clientLeft, 0, 0, "the client disconnected"),
    ] as [(ExchangeHistory.Event, Int, Int, String)])
  func eventsHaveWords(_ event: ExchangeHistory.Event, value: Int, number: Int, words: String) {
    var history = ExchangeHistory()
    history.note(event, at: instant(1_500_000), value, try: number)
    #expect(text(history) == "+1.500000 " + words)
  }

  /// Only the last events are kept, in order; how many came before is said.
  @Test(arguments: [0, 1, 15, 16, 17, 40]) func theLastAreKept(count: Int) {
    var history = ExchangeHistory()
    for number in 0..<count { history.note(.responseHead, at: instant(UInt64(number)), number) }
    let kept = (max(0, count - 16)..<max(count, 0)).map { number in
      "+0.0000\(number < 10 ? "0" : "")\(number) response \(number)"
    }
    let earlier = count > 16 ? "(\(count - 16) earlier events) " : ""
    #expect(text(history) == earlier + kept.joined(separator: ", "))
    #expect(history.isEmpty == (count == 0))
    history.removeAll()
    #expect(text(history) == "")
  }

  /// A reader that is slow all along leaves room for other events.
  @Test func repetitionsAreNotedOnce() {
    var history = ExchangeHistory()
    for number in 0..<100 { history.noteOnce(.clientBlocked, at: instant(UInt64(number))) }
    history.note(.clientLeft, at: instant(200))
    #expect(
      text(history)
        == "+0.000000 the client has stopped reading, +0.000200 the client disconnected")
  }

  /// What is larger than the memory for it is no trap.
  @Test func largeValuesAreClamped() {
    var history = ExchangeHistory()
    history.note(.requestSent, at: instant(0), .max, try: 1_000)
    #expect(text(history) == "+0.000000 request sent, 4294967295 bytes")
  }

  /// A peer is one of the upstream that was asked then.
  @Test func peersOfSeveralUpstreams() {
    var history = ExchangeHistory()
    history.note(.connecting, at: instant(0), 5, try: 1)
    history.note(.redirected, at: instant(0), 1)
    history.note(.connecting, at: instant(0), 5, try: 2)
    #expect(text(history).contains("try 1: connecting to peer 5"))
    #expect(text(history).contains("try 2: connecting to other peer 5"))
  }
}
