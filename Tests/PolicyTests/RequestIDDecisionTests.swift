import Basics
import HTTP
import Policy
import Testing

/// Whose ID a request gets: the table of section 1 of the specification, row by row.
@Suite struct RequestIDDecisionTests {
  private let arena = Arena()
  private let stranger = address("203.0.113.9")
  private let friend = address("10.1.2.3")

  private struct Outcome: Equatable {
    var source: RequestIDSource
    var id: String
    var received: String
  }

  private func policy(
    _ mode: RequestIDMode = .on, maximumLength: Int = 128, trustsAll: Bool = false,
    header: String = "X-Request-ID", rejects: Bool = false
  ) -> RequestIDPolicy {
    let network = Network(address: address("10.0.0.0"), prefixLength: 8)
    return RequestIDPolicy(
      mode: mode, format: .uuid4, rejectsInvalid: rejects, maximumLength: maximumLength,
      trust: PeerTrust(includesAll: trustsAll, networks: arena.freeze([network])),
      header: arena.freeze(header), crossOrigin: CrossOriginExposure())
  }

  private func decide(
    _ policy: RequestIDPolicy, _ lines: [(name: String, value: [UInt8])], from peer: PeerAddress
  ) -> Outcome {
    var lines = Lines(lines)
    var id = RequestID()
    id.assign(bytes("new").span)
    var received = InlineBytes<256>()
    received.assign(bytes("left over").span)
    let sent = lines.bytes
    let source = policy.decide(
      head: &lines.head, bytes: sent.span, peer: peer, id: &id, received: &received)
    return Outcome(source: source, id: text(id.span), received: text(received.span))
  }

  private func decide(
    _ mode: RequestIDMode, _ values: [String], from peer: PeerAddress
  ) -> Outcome {
    decide(policy(mode), values.map { ("X-Request-ID", bytes($0)) }, from: peer)
  }

  @Test(arguments: [
    ([], RequestIDSource.generated, "new", ""),
    ([""], .generated, "new", ""),
    (["", ""], .generated, "new", ""),
    (["abc"], .client, "abc", ""),
    (["", "abc"], .client, "abc", ""),
    (["abc", "abc", "abc"], .client, "abc", ""),
    (["AbC", "abc"], .duplicate, "new", "AbC, abc"),
    (["abc", "abd"], .duplicate, "new", "abc, abd"),
    (["abc", "", "abc", "x"], .duplicate, "new", "abc, abc, x"),
    (["abc, abc"], .duplicate, "new", "abc, abc"),
    (["a,b"], .duplicate, "new", "a,b"),
    ([","], .duplicate, "new", ","),
    (["a b,\tc"], .duplicate, "new", "a b,\tc"),
    (["a,b!"], .invalid, "new", "a,b!"),
    (["a b"], .invalid, "new", "a b"),
    (["a b", "a b"], .invalid, "new", "a b"),
    (["a b", "c"], .duplicate, "new", "a b, c"),
  ])
  func trustedPeer(
    _ values: [String], _ source: RequestIDSource, _ id: String, _ received: String
  ) {
    #expect(
      decide(.on, values, from: friend) == Outcome(source: source, id: id, received: received))
  }

  @Test(arguments: [
    ([], RequestIDSource.generated, ""),
    (["abc"], .untrusted, "abc"),
    (["abc", "abc"], .untrusted, "abc"),
    (["a b"], .invalid, "a b"),
    (["a", "b"], .duplicate, "a, b"),
  ])
  func strangersKeepNothing(_ values: [String], _ source: RequestIDSource, _ received: String) {
    let expected = Outcome(source: source, id: "new", received: received)
    #expect(decide(.on, values, from: stranger) == expected)
  }

  @Test(arguments: [
    ([], ""), ([""], ""), (["abc"], "abc"), (["a b"], "a b"), (["a", "b"], "a, b"),
  ])
  func modeGenerateNotesWhatCame(_ values: [String], _ received: String) {
    let expected = Outcome(source: .generated, id: "new", received: received)
    #expect(decide(.generate, values, from: friend) == expected)
  }

  @Test(arguments: [
    ([], RequestIDSource.none, "", ""),
    ([""], .none, "", ""),
    (["abc"], .client, "abc", ""),
    (["a b"], .invalid, "", "a b"),
    (["a", "b"], .duplicate, "", "a, b"),
  ])
  func modePassNeverMakesOne(
    _ values: [String], _ source: RequestIDSource, _ id: String, _ received: String
  ) {
    let expected = Outcome(source: source, id: id, received: received)
    #expect(decide(.pass, values, from: friend) == expected)
  }

  @Test func modePassKeepsNothingOfStrangers() {
    let expected = Outcome(source: .untrusted, id: "", received: "abc")
    #expect(decide(.pass, ["abc"], from: stranger) == expected)
  }

  @Test(arguments: [[], ["abc"], ["a b"], ["a", "b"]])
  func modeOffLooksAtNothing(_ values: [String]) {
    let expected = Outcome(source: .none, id: "", received: "")
    #expect(decide(.off, values, from: friend) == expected)
  }

  /// A byte wrongly allowed could break a log line or an error page; one wrongly refused breaks a
  /// client's IDs.
  @Test func alphabet() {
    let allowed = Set(
      bytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:+/=@~"))
    #expect(allowed.count == 71)
    let policy = policy(trustsAll: true)
    for byte in UInt8.min...UInt8.max {
      for value in [[byte], [0x61, byte], [byte, 0x61], [0x61, byte, 0x61]] {
        let outcome = decide(policy, [("X-Request-ID", value)], from: stranger)
        let refusal = byte == UInt8(ascii: ",") ? RequestIDSource.duplicate : .invalid
        #expect(outcome.source == (allowed.contains(byte) ? .client : refusal), "\(value)")
        let kept = String(decoding: value, as: UTF8.self)
        #expect(outcome.id == (allowed.contains(byte) ? kept : "new"), "\(value)")
      }
    }
  }

  @Test(arguments: [
    (128, 1, true), (128, 128, true), (128, 129, false), (128, 255, false), (128, 256, false),
    (1, 1, true), (1, 2, false), (255, 255, true), (255, 256, false), (255, 4096, false),
    (1000, 255, true), (1000, 256, false),
  ])
  func length(_ maximum: Int, _ count: Int, _ isKept: Bool) {
    let value = [UInt8](repeating: 0x61, count: count)
    let outcome = decide(
      policy(maximumLength: maximum), [("X-Request-ID", value)], from: friend)
    let whole = String(repeating: "a", count: count)
    let expected =
      isKept
      ? Outcome(source: .client, id: whole, received: "")
      : Outcome(source: .invalid, id: "new", received: String(whole.prefix(256)))
    #expect(outcome == expected)
  }

  @Test func receivedIsCutAt256BytesOverAllLines() {
    let first = [UInt8](repeating: 0x61, count: 200)
    let second = [UInt8](repeating: 0x62, count: 200)
    let outcome = decide(
      policy(), [("X-Request-ID", first), ("X-Request-ID", second)], from: friend)
    let expected = String(repeating: "a", count: 200) + ", " + String(repeating: "b", count: 54)
    #expect(outcome == Outcome(source: .duplicate, id: "new", received: expected))
  }

  @Test(arguments: [
    ("x-request-id", true), ("X-REQUEST-ID", true), ("X_Request_ID", false),
    ("X-Request_ID", false), ("X.Request.ID", false), ("X-Request-I", false),
    ("X-Request-IDs", false), ("X-Request-ID2", false),
  ])
  func onlyTheExactNameIsRead(_ name: String, _ isRead: Bool) {
    let outcome = decide(policy(), [(name, bytes("abc"))], from: friend)
    #expect(outcome.source == (isRead ? .client : .generated))
    #expect(outcome.received == "")
  }

  @Test func aTwinNeverMakesADuplicate() {
    let outcome = decide(
      policy(), [("X_Request_ID", bytes("evil")), ("X-Request-ID", bytes("abc"))], from: friend)
    #expect(outcome == Outcome(source: .client, id: "abc", received: ""))
  }

  @Test func anyHeaderCanCarryTheID() {
    let outcome = decide(
      policy(header: "Correlation"),
      [("correlation", bytes("abc")), ("X-Request-ID", bytes("no"))], from: friend)
    #expect(outcome == Outcome(source: .client, id: "abc", received: ""))
  }

  @Test(arguments: [
    ("X-Request-ID", true), ("x-request-id", true), ("X_Request_ID", true), ("x.request~id", true),
    ("X-Request-I", false), ("XXRequest-ID", false), ("X-Request-IE", false), ("", false),
    ("X-RequestXID", false), ("X-Request-ID-", false),
  ])
  func fieldsDropped(_ name: String, _ isDropped: Bool) {
    #expect(policy().isField(bytes(name).span) == isDropped)
  }

  @Test(arguments: [
    (RequestIDSource.invalid, true), (.duplicate, true), (.untrusted, false), (.client, false),
    (.generated, false), (.none, false),
  ])
  func rejecting(_ source: RequestIDSource, _ isRejected: Bool) {
    #expect(policy(rejects: true).rejects(source) == isRejected)
    #expect(!policy(rejects: false).rejects(source))
  }
}
