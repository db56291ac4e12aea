import Basics
import HTTP
import Policy
import Testing

@testable import Names

private func at(_ seconds: UInt64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

private func address(_ number: UInt64) -> NameAddress {
  NameAddress(PeerAddress(family: .ipv4, high: 0, low: 0x0A00_0000 | number, port: 0))
}

private func six(_ number: UInt64) -> NameAddress {
  NameAddress(PeerAddress(family: .ipv6, high: 0x2001_0db8 << 32, low: number, port: 0))
}

/// What is known of a name while it moves, fails and lies.
struct NameStateTests {
  private func state(
    _ outcomes: [(RecordKind, NameOutcome)], at now: Instant = at(0), validity: Interval? = nil,
    _ state: NameState = NameState()
  ) -> (NameState, NameState.Change?) {
    var state = state
    state.ask(outcomes.map(\.0))
    var change: NameState.Change?
    for (kind, outcome) in outcomes {
      change = state.answer(kind, outcome, at: now, validity: validity)
    }
    return (state, change)
  }

  @Test func bothFamiliesAreAwaitedAndTheShorterTimeCounts() {
    var state = NameState()
    state.ask([.ipv4, .ipv6])
    #expect(
      state.answer(.ipv4, .addresses([address(1)], .seconds(60)), at: at(0), validity: nil) == nil)
    #expect(state.usable(at: at(0)) == nil)
    let change = state.answer(
      .ipv6, .addresses([six(1)], .seconds(20)), at: at(0), validity: nil)
    #expect(change?.isNews == true)
    #expect(state.addresses == [address(1), six(1)])
    #expect(state.expiry == at(20))
  }

  @Test(arguments: [
    (UInt64(0), Interval?.none, UInt64(1)), (30, .none, 30), (30, .seconds(5), 5),
    (.max / 2_000_000_000, .none, 604_800),
  ])
  func anAnswerHoldsForItsTimeWithinBounds(time: UInt64, validity: Interval?, holds: UInt64) {
    let (state, _) = state(
      [(.ipv4, .addresses([address(1)], .seconds(time)))], validity: validity)
    #expect(state.expiry == at(holds))
  }

  @Test func aFailureKeepsWhatWasKnownAndIsToldOnce() {
    var (state, _) = state([(.ipv4, .addresses([address(1)], .seconds(5)))])
    var change: NameState.Change?
    (state, change) = self.state([(.ipv4, .failed(.timedOut))], at: at(5), state)
    #expect(change == NameState.Change(beginsToFail: .timedOut))
    #expect(state.usable(at: at(5)) == .known && state.addresses == [address(1)])
    (state, change) = self.state([(.ipv4, .failed(.refused))], at: at(6), state)
    #expect(change == NameState.Change())
    (state, change) = self.state(
      [(.ipv4, .addresses([address(2)], .seconds(5)))], at: at(7), state)
    #expect(change == NameState.Change(isNews: true, worksAgain: true))
    #expect(state.addresses == [address(2)])
  }

  @Test func oneFamilyMayFailForGood() {
    var (state, change) = state([
      (.ipv4, .addresses([address(1)], .seconds(30))), (.ipv6, .failed(.serverFailure)),
    ])
    #expect(change?.beginsToFail == nil && state.expiry == at(30))
    (state, change) = self.state(
      [
        (.ipv4, .addresses([address(1)], .seconds(30))), (.ipv6, .addresses([six(1)], .seconds(9))),
      ],
      at: at(30), state)
    (state, change) = self.state(
      [(.ipv4, .addresses([address(2)], .seconds(30))), (.ipv6, .failed(.timedOut))], at: at(39),
      state)
    // What is known of the other family stays.
    #expect(state.addresses == [address(2), six(1)] && change?.beginsToFail == .timedOut)
  }

  @Test func whatIsGoneIsGone() {
    var (state, _) = state([(.ipv4, .addresses([address(1)], .seconds(5)))])
    var change: NameState.Change?
    (state, change) = self.state([(.ipv4, .absent)], at: at(5), state)
    #expect(change?.isNews == true && state.addresses.isEmpty)
    #expect(state.usable(at: at(5)) == .absent)
    #expect(state.usable(at: at(6)) == nil)
  }

  @Test func liesAreLeftOut() {
    let (state, _) = state([
      (.ipv4, .addresses([six(1), address(1), address(1)], .seconds(5))),
      (.ipv6, .addresses([address(9)], .seconds(5))),
    ])
    #expect(state.addresses == [address(1)])
    let (empty, _) = self.state([(.ipv4, .addresses([six(1)], .seconds(5)))])
    #expect(empty.standing == .absent)
    let many = (0..<1000).map { address($0) }
    let (full, _) = self.state([(.ipv4, .addresses(many, .seconds(5)))])
    #expect(full.addresses.count == Limits.nameAddresses)
  }

  @Test(arguments: [
    ("app", true), ("app.", true), ("a_b.c-d.9", true), ("", false), (".", false), ("a..b", false),
    (".a", false), ("a b", false), ("a\\b", false), ("[::1]", false), ("ü", false),
    (String(repeating: "a", count: 63), true), (String(repeating: "a", count: 64), false),
    (String(repeating: "a.", count: 128), false), (String(repeating: "a.", count: 127), true),
  ])
  func namesHaveAForm(name: String, isName: Bool) {
    let bytes = Array(name.utf8)
    #expect(NameQuestion.isName(bytes.span) == isName)
  }
}

/// One directory for all who ask.
struct NameDirectoryTests {
  private let directory = NameDirectory()
  private let mailbox = NameMailbox {}

  private func name(_ text: String) throws -> ResolvedName {
    var resolver = ResolverSettings()
    resolver.usesIPv6 = false
    return try #require(
      directory.find(NameQuestion(name: Array(text.utf8), resolver: resolver)))
  }

  private func isPending(_ view: NameView) -> Bool {
    if case .pending = view { return true }
    return false
  }

  @Test func whoAsksMeanwhileWaitsForTheSameAnswer() throws {
    let app = try name("app")
    #expect(try name("app") === app)
    for ticket in 1...3 as ClosedRange<UInt64> {
      #expect(isPending(directory.look(app, at: at(0), ticket: ticket, mailbox)))
    }
    #expect(directory.takeQuestions(at: at(0)).count == 1)
    _ = directory.answer(app, .ipv4, .addresses([address(1)], .seconds(5)), at: at(1))
    #expect(mailbox.take() == [1, 2, 3])
    #expect(directory.addresses(of: app, at: at(1))?.addresses == [address(1)])
  }

  @Test func whatIsUsedIsAskedAgainAndWhatIsNotSleeps() throws {
    let app = try name("app")
    _ = directory.look(app, at: at(0), ticket: 1, mailbox)
    _ = directory.takeQuestions(at: at(0))
    _ = directory.answer(app, .ipv4, .addresses([address(1)], .seconds(5)), at: at(0))
    // The look above was a use.
    #expect(directory.nextDue == at(5))
    #expect(directory.takeQuestions(at: at(5)).count == 1)
    let version = app.version
    _ = directory.answer(app, .ipv4, .addresses([address(1)], .seconds(5)), at: at(5))
    #expect(app.version == version)
    #expect(directory.takeQuestions(at: at(10)).isEmpty)
    #expect(app.version != version)
    #expect(isPending(directory.look(app, at: at(11), ticket: 2, mailbox)))
    _ = directory.takeQuestions(at: at(11))
    // The last good address is better than none.
    let report = directory.answer(app, .ipv4, .failed(.timedOut), at: at(12))
    #expect(report?.text.contains("last known addresses stay in use") == true)
    #expect(directory.addresses(of: app, at: at(12))?.addresses == [address(1)])
  }

  @Test func whatIsHeldForGoodIsAskedForWithoutUse() throws {
    let app = try name("app")
    var hold: NameHold? = directory.hold(app, isPinned: true, at: at(0))
    #expect(hold != nil && directory.takeQuestions(at: at(0)).count == 1)
    let report = directory.answer(app, .ipv4, .absent, at: at(0))
    #expect(report?.text == "the host app has no addresses")
    for second in 1...3 as ClosedRange<UInt64> {
      #expect(directory.takeQuestions(at: at(second)).count == 1)
      #expect(directory.answer(app, .ipv4, .absent, at: at(second)) == nil)
    }
    hold = nil
    #expect(directory.takeQuestions(at: at(9)).isEmpty)
  }

  @Test func namesAndQuestionsAreBounded() throws {
    for number in 0..<Limits.nameQuestions {
      let view = directory.look(try name("n\(number)"), at: at(0), ticket: 1, mailbox)
      #expect(isPending(view))
    }
    guard case .failed(.tooMany) = directory.look(try name("x"), at: at(0), ticket: 1, mailbox)
    else { return #expect(Bool(false), "one more is asked for") }
    let pinned = directory.hold(try name("pinned"), isPinned: true, at: at(0))
    #expect(directory.takeQuestions(at: at(0)).count == Limits.nameQuestions + 1)
    for number in 0..<(2 * Limits.names) { _ = try name("m\(number)") }
    #expect(try name("pinned") === pinned.name)
  }
}
