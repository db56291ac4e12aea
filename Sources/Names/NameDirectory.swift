// All names that are looked up while the process runs, and who waits for which. The workers of all
// configurations share it, so that each name is asked for once, and a reload asks for nothing anew.

import Basics
import HTTP
import Platform
import Policy
import Synchronization

/// A name in the directory.
public final class ResolvedName: @unchecked Sendable {
  /// What is asked for.
  public let question: NameQuestion
  private let changes = Atomic<UInt64>(0)
  private let use = Atomic(false)

  // All below is guarded by the directory's lock.
  fileprivate(set) var state = NameState()
  /// Those who would be told of a change.
  fileprivate var holders = 0
  /// Those of them for whom it is asked again whether it is used or not.
  fileprivate var pins = 0
  fileprivate var waiters: [(mailbox: NameMailbox, ticket: UInt64)] = []

  fileprivate init(_ question: NameQuestion) { self.question = question }

  /// Another number whenever there is news of it.
  public var version: UInt64 { changes.load(ordering: .acquiring) }

  /// Notes that requests use it: as long as they do, it is asked again when its time is over.
  public func noteUse() {
    if !use.load(ordering: .relaxed) { use.store(true, ordering: .relaxed) }
  }

  fileprivate func change() { changes.add(1, ordering: .releasing) }
  fileprivate func takeUse() -> Bool { use.exchange(false, ordering: .relaxed) }
}

/// Has the directory keep a name, and tell of its changes, as long as it lives.
public final class NameHold: Sendable {
  /// The name.
  public let name: ResolvedName
  private let directory: NameDirectory
  private let isPinned: Bool

  fileprivate init(_ name: ResolvedName, _ directory: NameDirectory, isPinned: Bool) {
    self.name = name
    self.directory = directory
    self.isPinned = isPinned
  }

  deinit { directory.letGo(of: name, isPinned: isPinned) }
}

/// Where a worker finds what it has waited for.
public final class NameMailbox: Sendable {
  private let tickets = Guarded<[UInt64]>([])
  private let ring: @Sendable () -> Void

  /// `ring` wakes the worker.
  public init(_ ring: @escaping @Sendable () -> Void) { self.ring = ring }

  /// Takes the tickets of those that need not wait any more.
  public func take() -> [UInt64] {
    tickets.withLock { tickets in
      defer { tickets = [] }
      return tickets
    }
  }

  fileprivate func put(_ ticket: UInt64) {
    tickets.withLock { $0.append(ticket) }
    ring()
  }

  fileprivate func tellOfChange() { ring() }
}

/// What a worker finds out about a name.
public enum NameView: Sendable {
  /// Its addresses, and the version that has them.
  case addresses([NameAddress], version: UInt64)
  /// It has none.
  case absent
  case failed(NameFailure)
  /// It is being asked for; the mailbox gets the ticket when that has an end.
  case pending
}

/// A line for the error log.
public struct NameReport: Equatable, Sendable {
  /// False when it is good news.
  public var isError: Bool
  /// What there is to say.
  public var text: String
}

/// All names that are looked up, for all threads.
public final class NameDirectory: Sendable {
  private struct Content: Sendable {
    var names: [NameQuestion: ResolvedName] = [:]
    var questions: [(name: ResolvedName, kind: RecordKind)] = []
    /// Names that are being asked for.
    var askedCount = 0
    /// When some name is to be asked again, at the earliest.
    var nextDue = Instant.never
    var mailboxes: [WeakMailbox] = []
    var bell: (@Sendable () -> Void)?
  }

  private struct WeakMailbox: @unchecked Sendable {
    weak var mailbox: NameMailbox?
  }

  private let content = Guarded(Content())

  /// A directory without names.
  public init() {}

  // MARK: For workers

  /// Has `mailbox` be rung when a name changes that somebody holds.
  public func subscribe(_ mailbox: NameMailbox) {
    content.withLock { content in
      content.mailboxes.removeAll { $0.mailbox == nil }
      content.mailboxes.append(WeakMailbox(mailbox: mailbox))
    }
  }

  /// The name of a question, which is not asked yet; nil when there are too many names.
  public func find(_ question: NameQuestion) -> ResolvedName? {
    content.withLock { content in
      if let known = content.names[question] { return known }
      if content.names.count >= Limits.names { Self.makeRoom(&content) }
      guard content.names.count < Limits.names else { return nil }
      let name = ResolvedName(question)
      content.names[question] = name
      return name
    }
  }

  /// Keeps a name. With `isPinned` it is asked for now, and again whenever its time is over.
  public func hold(_ name: ResolvedName, isPinned: Bool, at now: Instant) -> NameHold {
    typealias Held = (name: ResolvedName, bell: (@Sendable () -> Void)?)
    let held = content.withLock { content -> Held in
      // It may have been dropped since it was found, and found anew by others.
      let name = content.names[name.question] ?? name
      content.names[name.question] = name
      name.holders += 1
      guard isPinned else { return (name, nil) }
      name.pins += 1
      // Others may have made it known, but not for good.
      content.nextDue = min(content.nextDue, name.state.expiry)
      guard name.state.usable(at: now) == nil, !name.state.isAsked else { return (name, nil) }
      Self.ask(name, &content)
      return (name, content.bell)
    }
    held.bell?()
    return NameHold(held.name, self, isPinned: isPinned)
  }

  fileprivate func letGo(of name: ResolvedName, isPinned: Bool) {
    content.withLock { _ in
      precondition(name.holders > 0, "letGo: nobody holds it")
      name.holders -= 1
      if isPinned { name.pins -= 1 }
    }
  }

  /// What is known of a name. If that has to be asked for first, `mailbox` gets `ticket` then.
  public func look(
    _ name: ResolvedName, at now: Instant, ticket: UInt64, _ mailbox: NameMailbox
  ) -> NameView {
    name.noteUse()
    let (view, bell) = content.withLock { content -> (NameView, (@Sendable () -> Void)?) in
      switch name.state.usable(at: now) {
      case .known: return (.addresses(name.state.addresses, version: name.version), nil)
      case .absent: return (.absent, nil)
      case .failed(let failure): return (.failed(failure), nil)
      case .unknown, nil: break
      }
      var bell: (@Sendable () -> Void)?
      if !name.state.isAsked {
        guard name.pins > 0 || content.askedCount < Limits.nameQuestions else {
          return (.failed(.tooMany), nil)
        }
        // It may have been dropped since it was found.
        if content.names[name.question] == nil { content.names[name.question] = name }
        Self.ask(name, &content)
        bell = content.bell
      }
      name.waiters.append((mailbox, ticket))
      return (.pending, bell)
    }
    bell?()
    return view
  }

  /// The addresses that a name has, if they may be used now.
  public func addresses(
    of name: ResolvedName, at now: Instant
  ) -> (addresses: [NameAddress], version: UInt64)? {
    content.withLock { _ in
      switch name.state.usable(at: now) {
      case .known: (name.state.addresses, name.version)
      case .absent: ([], name.version)
      case .failed, .unknown, nil: nil
      }
    }
  }

  // MARK: For who asks the name servers

  /// Has `bell` be rung when there are questions.
  public func awaitQuestions(_ bell: @escaping @Sendable () -> Void) {
    content.withLock { $0.bell = bell }
  }

  /// When there will be questions though nobody rings; `never` when only then.
  public var nextDue: Instant { content.withLock { $0.nextDue } }

  /// Takes the questions that wait, with those about names whose time is over.
  public func takeQuestions(at now: Instant) -> [(name: ResolvedName, kind: RecordKind)] {
    content.withLock { content in
      if content.nextDue <= now { Self.renew(&content, now) }
      defer { content.questions = [] }
      return content.questions
    }
  }

  /// Takes an answer. Returns what is worth a line in the error log.
  public func answer(
    _ name: ResolvedName, _ kind: RecordKind, _ outcome: NameOutcome, at now: Instant
  ) -> NameReport? {
    typealias News = (
      tickets: [(mailbox: NameMailbox, ticket: UInt64)], told: [NameMailbox], NameReport?
    )
    let news = content.withLock { content -> News in
      let validity = name.question.resolver.validity
      let wasKnown = name.state.standing == .known
      guard let change = name.state.answer(kind, outcome, at: now, validity: validity) else {
        return ([], [], nil)
      }
      content.askedCount -= 1
      if change.isNews { name.change() }
      if name.state.standing == .known || name.pins > 0 {
        content.nextDue = min(content.nextDue, name.state.expiry)
      }
      defer { name.waiters = [] }
      let isTold = change.isNews && name.holders > 0
      return (
        name.waiters, isTold ? content.mailboxes.compactMap(\.mailbox) : [],
        name.pins > 0 || wasKnown ? Self.report(change, name) : nil
      )
    }
    for mailbox in news.told { mailbox.tellOfChange() }
    for waiter in news.tickets { waiter.mailbox.put(waiter.ticket) }
    return news.2
  }

  private static func report(_ change: NameState.Change, _ name: ResolvedName) -> NameReport? {
    let host = String(decoding: name.question.name, as: UTF8.self)
    if let failure = change.beginsToFail {
      let rest =
        name.state.standing == .known
        ? "its last known addresses stay in use" : "it has no known addresses"
      return NameReport(
        isError: true, text: "the host \(host) can't be looked up: \(failure.text); \(rest)")
    }
    if change.isNews, name.state.standing == .absent {
      return NameReport(isError: true, text: "the host \(host) has no addresses")
    }
    guard change.worksAgain else { return nil }
    return NameReport(isError: false, text: "the host \(host) can be looked up again")
  }

  private static func ask(_ name: ResolvedName, _ content: inout Content) {
    let kinds = name.question.kinds
    name.state.ask(kinds)
    content.askedCount += 1
    content.questions += kinds.map { (name, $0) }
  }

  /// Asks again for what is in use; what is not has to be asked for before it is used again.
  private static func renew(_ content: inout Content, _ now: Instant) {
    content.nextDue = .never
    for name in content.names.values where !name.state.isAsked && !name.state.isDormant {
      guard name.pins > 0 || name.state.standing == .known else { continue }
      if name.state.expiry > now {
        content.nextDue = min(content.nextDue, name.state.expiry)
      } else if name.takeUse() || name.pins > 0 {
        ask(name, &content)
      } else {
        name.state.becomeDormant()
        name.change()
      }
    }
    // Names whose time ends at nearly the same moment are looked at together.
    content.nextDue = max(content.nextDue, now + Limits.nameRenewal)
  }

  /// Drops what nobody holds or waits for.
  private static func makeRoom(_ content: inout Content) {
    content.names = content.names.filter { $0.value.holders > 0 || $0.value.state.isAsked }
  }
}
