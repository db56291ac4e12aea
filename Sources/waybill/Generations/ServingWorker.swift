// The workers of the process, both those that serve and those that are finishing their requests, as
// all other threads know them.

import Engine
import Names
import Plan
import Platform
import Policy
import Synchronization

/// One worker, from outside.
final class ServingWorker: Sendable {
  /// Its number in its generation, from 0.
  let number: Int
  let mailbox: WorkerMailbox
  /// Where others leave it what is idle.
  let inbox: WorkerInbox
  /// Where it is asked, and what it remembers; nil without `control`.
  let desk: WorkerDesk?
  let failures: RecentLines?
  /// Where it finds answers about passwords.
  let passwordAnswers: PasswordAnswers
  /// Where it is told of names.
  let nameMailbox: NameMailbox
  /// Where it is told of peers.
  let healthMailbox: HealthMailbox
  private let hasBegunFlag = Atomic(false)
  private let hasEndedFlag = Atomic(false)

  /// A worker that is to begin. Fails when descriptors have run out.
  init(
    number: Int, _ plan: Plan, failures: RecentLines?
  ) throws(KernelError) {
    let mailbox = try WorkerMailbox()
    self.number = number
    self.mailbox = mailbox
    self.failures = failures
    passwordAnswers = PasswordAnswers { mailbox.post(.passwords) }
    nameMailbox = NameMailbox { mailbox.post(.names) }
    healthMailbox = HealthMailbox { mailbox.post(.health) }
    desk = failures == nil ? nil : try WorkerDesk()
    inbox = WorkerInbox(ListenerIdentity.all(of: plan)) { mailbox.post(.inherit) }
  }

  /// True when its sockets are watched and its logs open.
  var hasBegun: Bool { hasBegunFlag.load(ordering: .acquiring) }

  /// Notes that.
  func noteBegin() { hasBegunFlag.store(true, ordering: .releasing) }

  /// True when its thread does nothing any more.
  var hasEnded: Bool { hasEndedFlag.load(ordering: .acquiring) }

  /// Notes that.
  func noteEnd() {
    desk?.close()
    hasEndedFlag.store(true, ordering: .releasing)
  }
}

/// All workers that live, whatever configuration they serve.
final class WorkerRoster: Sendable {
  private struct Content: Sendable {
    var workers: [ServingWorker] = []
    var generation = 0
    var loadedAt: UInt64 = 0
  }

  private let content = Guarded(Content())
  private let replaced = Guarded<[FormerProcess]>([])
  /// What failed, for `waybill errors`: by worker number, whichever generation. Empty without
  /// `control`.
  private let memories = Guarded<[RecentLines]>([])

  /// The workers, those of the newest configuration last.
  var workers: [ServingWorker] { content.withLock { $0.workers } }
  /// The number of the newest configuration, and when it was loaded, in microseconds since 1970.
  var newest: (generation: Int, loadedAt: UInt64) {
    content.withLock { ($0.generation, $0.loadedAt) }
  }

  /// The processes that upgrades have replaced and that have not ended, the oldest first. Only the
  /// process that serves knows them.
  var formerProcesses: [FormerProcess] {
    get {
      replaced.withLock { processes in
        processes.removeAll(where: \.isGone)
        return processes
      }
    }
    set { replaced.withLock { $0 = newValue } }
  }

  /// Adds those of a new configuration.
  func add(_ workers: [ServingWorker], generation: Int) {
    content.withLock { content in
      content.workers += workers
      content.generation = generation
      content.loadedAt = MachineTime.now
    }
  }

  /// Forgets those that have ended.
  func forgetEnded() {
    // A new list: others may still hold the old one.
    content.withLock { content in content.workers = content.workers.filter { !$0.hasEnded } }
  }

  /// Tells all of them.
  func post(_ commands: WorkerCommands) {
    for worker in workers { worker.mailbox.post(commands) }
  }

  /// Where the worker of that number remembers what failed.
  func memory(ofWorker number: Int) -> RecentLines {
    memories.withLock { memories in
      while memories.count <= number {
        memories.append(RecentLines(places: Limits.keptFailures, placeBytes: Limits.failureBytes))
      }
      return memories[number]
    }
  }

  /// The failed requests that are remembered.
  var failures: [[UInt8]] { memories.withLock { $0 }.flatMap(\.lines) }
}
