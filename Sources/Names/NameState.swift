// What is known of one name, and how long: it knows no clock and asks nobody.

import Basics
import HTTP
import Policy

/// What is known of one name.
///
/// A, AAAA and SRV records are asked for and remembered apart: a question that fails leaves what
/// was known of its kind, one that is answered replaces it.
struct NameState: Sendable {
  /// What may be done with what is known.
  enum Standing: Equatable, Sendable {
    /// Nothing has been answered yet.
    case unknown
    case known
    case absent
    case failed(NameFailure)
  }

  /// What an answer has changed.
  struct Change: Equatable, Sendable {
    /// Who uses the name has to look at it again.
    var isNews = false
    /// It fails from now on, after it did not.
    var beginsToFail: NameFailure?
    /// It works again.
    var worksAgain = false
  }

  private(set) var standing = Standing.unknown
  /// All addresses, each once.
  private(set) var addresses: [NameAddress] = []
  /// When it is to be asked again.
  private(set) var expiry = Instant(nanoseconds: 0)
  /// Nobody has used it for as long as it held: what is known is too old to be used unasked.
  private(set) var isDormant = false
  private(set) var isFailing = false
  /// Kinds that are asked for and not answered.
  private(set) var awaited: [RecordKind] = []
  private var answers: [RecordKind: NameOutcome] = [:]
  private var known: [RecordKind: [NameAddress]] = [:]

  /// True while answers are awaited.
  var isAsked: Bool { !awaited.isEmpty }

  /// What it may be taken for; nil when it has to be asked for first.
  func usable(at now: Instant) -> Standing? {
    switch standing {
    case .unknown: nil
    case .known: isDormant ? nil : standing
    case .absent, .failed: now < expiry ? standing : nil
    }
  }

  /// Notes that these kinds are being asked for.
  mutating func ask(_ kinds: [RecordKind]) {
    precondition(!isAsked, "ask: it is being asked for")
    precondition(!kinds.isEmpty, "ask: nothing is asked for")
    awaited = kinds
    answers = [:]
  }

  /// Notes that nobody uses it any more.
  mutating func becomeDormant() {
    precondition(standing == .known, "becomeDormant: nothing is known")
    isDormant = true
  }

  /// Takes an answer; nil as long as others are awaited.
  mutating func answer(
    _ kind: RecordKind, _ outcome: NameOutcome, at now: Instant, validity: Interval?
  ) -> Change? {
    guard let place = awaited.firstIndex(of: kind) else { return nil }
    awaited.remove(at: place)
    answers[kind] = outcome
    return awaited.isEmpty ? conclude(at: now, validity) : nil
  }

  private mutating func conclude(at now: Instant, _ validity: Interval?) -> Change {
    var (failure, lost): (NameFailure?, NameFailure?)
    var hold = Interval.endless
    for (kind, outcome) in answers {
      switch outcome {
      case .addresses(let all, let time):
        let own = all.filter { Self.belongs($0.address, to: kind) }
        known[kind] = own
        if !own.isEmpty { hold = min(hold, time) }
      case .absent: known[kind] = []
      case .failed(let reason):
        failure = reason
        if known[kind]?.isEmpty == false { lost = reason }
      }
    }
    answers = [:]
    let before = (standing, addresses, isDormant)
    addresses = merged()
    // One kind that always fails does no harm where the other one has addresses.
    let isFresh = hold < .endless
    let problem = isFresh ? lost : failure
    standing = addresses.isEmpty ? failure.map { .failed($0) } ?? .absent : .known
    isDormant = false
    expiry = now + (isFresh ? Self.bounded(validity ?? hold) : Limits.nameRetry)
    var change = Change()
    change.isNews = before.2 || before.0 != standing || Set(before.1) != Set(addresses)
    if !isFailing { change.beginsToFail = problem }
    change.worksAgain = isFailing && problem == nil
    isFailing = problem != nil
    return change
  }

  private func merged() -> [NameAddress] {
    var seen: Set<PeerAddress> = []
    var all: [NameAddress] = []
    for kind in [RecordKind.service, .ipv4, .ipv6] {
      for address in known[kind] ?? [] where seen.insert(address.address).inserted {
        all.append(address)
      }
    }
    // Name servers rotate them; `hash` and the like need the same order everywhere.
    all.sort { Self.order($0.address) < Self.order($1.address) }
    return Array(all.prefix(Limits.nameAddresses))
  }

  private static func order(_ address: PeerAddress) -> (UInt8, UInt64, UInt64, UInt16) {
    (address.family.rawValue, address.high, address.low, address.port)
  }

  /// False for what was not asked for: a server that answers with it is broken, or lies.
  private static func belongs(_ address: PeerAddress, to kind: RecordKind) -> Bool {
    switch kind {
    case .ipv4: address.family == .ipv4
    case .ipv6: address.family == .ipv6
    case .service: address.family != .unix && address.port != 0
    }
  }

  private static func bounded(_ time: Interval) -> Interval {
    min(max(time, Limits.nameRetry), Limits.nameValidity)
  }
}
