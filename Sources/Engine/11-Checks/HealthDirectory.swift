// What is known of peers beyond one worker: what checks say, and what the operator has ordered. The
// workers of all configurations share it, so that a reload forgets nothing.

import Basics
import Platform
import Policy

/// A peer, as configurations name it.
public struct PeerKey: Hashable, Sendable {
  /// The upstream's name.
  public var upstream: [UInt8]
  /// The peer's: its address as logs have it.
  public var peer: [UInt8]

  /// The peer of these names.
  public init(upstream: [UInt8], peer: [UInt8]) {
    self.upstream = upstream
    self.peer = peer
  }
}

/// Where a worker is told that there is news of peers.
public final class HealthMailbox: Sendable {
  fileprivate let ring: @Sendable () -> Void

  /// `ring` wakes the worker.
  public init(_ ring: @escaping @Sendable () -> Void) { self.ring = ring }
}

/// What is known of a peer.
public struct PeerNews: Equatable, Sendable {
  /// Which one.
  public var key: PeerKey
  /// What its checks say.
  public var verdict: CheckVerdict
  /// What is ordered.
  public var order: PeerOrder
  /// Why its last check has failed; empty when it has passed, or there was none.
  public var reason: String
}

/// The health of all peers, for all threads. Workers look only when they are rung for.
public final class HealthDirectory: Sendable {
  private struct Entry: Sendable {
    var verdict = CheckVerdict.unchecked
    var order = PeerOrder.up
    var reason = ""
    var version: UInt64 = 0
    /// Requests have failed since then, so that a check that passes is news.
    var failedAt: Instant?
  }

  private struct Content: Sendable {
    var entries: [PeerKey: Entry] = [:]
    var version: UInt64 = 0
    var mailboxes: [WeakMailbox] = []
  }

  private struct WeakMailbox: @unchecked Sendable {
    weak var mailbox: HealthMailbox?
  }

  private let content = Guarded(Content())

  /// A directory that knows nothing.
  public init() {}

  // MARK: For workers

  /// Has `mailbox` be rung whenever there is news.
  public func subscribe(_ mailbox: HealthMailbox) {
    content.withLock { content in
      content.mailboxes.removeAll { $0.mailbox == nil }
      content.mailboxes.append(WeakMailbox(mailbox: mailbox))
    }
  }

  /// What has become known since a version, and the version now.
  public func news(since version: UInt64) -> (version: UInt64, news: [PeerNews]) {
    content.withLock { content in
      guard content.version > version else { return (content.version, []) }
      let news = content.entries.filter { $0.value.version > version }
      return (content.version, news.map { Self.news($0.key, $0.value) })
    }
  }

  /// What is known of a peer; nil when nothing is.
  public func news(of key: PeerKey) -> PeerNews? {
    content.withLock { content in content.entries[key].map { Self.news(key, $0) } }
  }

  /// Notes that requests to a peer have failed: the next check that begins and passes is news.
  public func noteFailure(of key: PeerKey, at now: Instant) {
    content.withLock { content in
      guard content.entries[key]?.verdict == .passing else { return }
      content.entries[key]?.failedAt = now
    }
  }

  private static func news(_ key: PeerKey, _ entry: Entry) -> PeerNews {
    PeerNews(key: key, verdict: entry.verdict, order: entry.order, reason: entry.reason)
  }

  // MARK: For who changes it

  /// Takes an order. False when it was given before.
  public func order(_ order: PeerOrder, _ key: PeerKey) -> Bool {
    change(key) { entry in
      guard entry.order != order else { return false }
      entry.order = order
      return true
    }
  }

  /// Takes the verdict of checks of which the last one began at `start`.
  public func judge(
    _ key: PeerKey, _ verdict: CheckVerdict, reason: String, checkedAt start: Instant
  ) {
    _ = change(key) { entry in
      let confirms = verdict == .passing && entry.failedAt.map { $0 <= start } == true
      // It may fail for another reason than before.
      let explains = verdict == .failing && !reason.isEmpty && entry.reason != reason
      guard entry.verdict != verdict || explains || confirms else { return false }
      entry.failedAt = nil
      entry.verdict = verdict
      entry.reason = reason
      return true
    }
  }

  /// Forgets the verdicts on peers that are not checked any more; orders hold.
  public func keepVerdicts(of keys: Set<PeerKey>) {
    let others = content.withLock { content in
      // Everybody has been told of those that were forgotten the last time.
      content.entries = content.entries.filter { key, entry in
        keys.contains(key) || entry.order != .up || entry.verdict != .unchecked
      }
      return content.entries.filter { $0.value.verdict != .unchecked && !keys.contains($0.key) }
        .keys
    }
    let start = Instant(nanoseconds: 0)
    for key in others { judge(key, .unchecked, reason: "", checkedAt: start) }
  }

  private func change(_ key: PeerKey, _ body: (inout Entry) -> Bool) -> Bool {
    let mailboxes = content.withLock { content -> [HealthMailbox]? in
      var entry = content.entries[key] ?? Entry()
      guard body(&entry) else { return nil }
      content.version += 1
      entry.version = content.version
      content.entries[key] = entry
      return content.mailboxes.compactMap(\.mailbox)
    }
    guard let mailboxes else { return false }
    for mailbox in mailboxes { mailbox.ring() }
    return true
  }
}
