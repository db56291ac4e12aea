// What the workers of all configurations of a process share.

import Basics
import Engine
import Names
import Passwords
import Plan
import Platform
import Policy
import Telemetry

/// What outlives a configuration.
struct SharedState: Sendable {
  /// What temporary files take up.
  let temporarySpace = TemporarySpace()
  /// Where requests are counted by keys.
  let limitZones = LimitZones()
  /// Who finds out about passwords.
  let passwords: PasswordThreads
  /// Who looks names up.
  let names: NameThread
  /// Who checks peers.
  let checks: CheckThread

  init() throws(KernelError) {
    passwords = try PasswordThreads()
    names = try NameThread()
    checks = try CheckThread(names.directory)
  }
}

/// The thread that checks peers. There is none until some configuration has a `health_check`.
final class CheckThread: Sendable {
  let directory = HealthDirectory()
  private let orders = ProbeOrders()
  private let names: NameDirectory
  private let mailbox: WorkerMailbox
  private let threads: WorkerThreads
  private let isRunning = Guarded(false)
  /// The newest plan: its error log is told of peers whose state changes.
  private let plan = Guarded<Plan?>(nil)

  /// How long a configuration waits for the prober to know it, in milliseconds.
  private static let patience = 1_000

  init(_ names: NameDirectory) throws(KernelError) {
    self.names = names
    mailbox = try WorkerMailbox()
    threads = try WorkerThreads()
  }

  /// Has the peers of a plan be checked from now on, in place of those of the plan before.
  func start(for plan: Plan) throws(KernelError) {
    self.plan.withLock { $0 = plan }
    guard plan.tables.checks.count > 0 || isRunning.current else { return }
    let adoptions = orders.adoptionCount
    orders.adopt(plan)
    if !isRunning.current {
      try threads.start(name: "waybill-checks") { [self] in run() }
      isRunning.withLock { $0 = true }
    }
    mailbox.post(.names)
    // A worker must not ask a peer whose first check is to be awaited.
    for _ in 0..<Self.patience where orders.adoptionCount == adoptions {
      MachineTime.sleep(milliseconds: 1)
    }
  }

  private func run() {
    runProber(directory: directory, orders: orders, names: names, mailbox: mailbox) { report in
      guard let plan = self.plan.current else { return }
      ProcessErrorLog(plan).report(
        report.isError ? .error : .notice, "health", report.text, requestID: report.requestID)
    }
  }

  /// Ends it and waits until it has ended.
  func end() {
    orders.end()
    mailbox.post(.names)
    threads.join()
  }
}

/// The thread that looks names up. There is none until some configuration needs one.
final class NameThread: Sendable {
  let directory = NameDirectory()
  private let service: NameService
  private let threads: WorkerThreads
  private let isRunning = Guarded(false)
  /// The newest plan: its error log is told of names that fail.
  private let plan = Guarded<Plan?>(nil)

  init() throws(KernelError) {
    service = try NameService(directory)
    threads = try WorkerThreads()
  }

  /// Starts the thread if a plan needs it and it does not run yet.
  func start(for plan: Plan) throws(KernelError) {
    self.plan.withLock { $0 = plan }
    guard plan.tables.usesNames, !isRunning.current else { return }
    isRunning.withLock { $0 = true }
    try threads.start(name: "waybill-names") { [service, plan = self.plan] in
      service.run { report in
        guard let plan = plan.current else { return }
        ProcessErrorLog(plan).report(report.isError ? .error : .notice, "names", report.text)
      }
    }
  }

  /// Ends it and waits until it has ended.
  func end() {
    service.end()
    threads.join()
  }
}

/// The threads that find out about passwords. There are none until some location asks for one.
final class PasswordThreads: Sendable {
  let checks = PasswordChecks(
    queue: Limits.passwordQueue, memory: Limits.rememberedPasswords,
    fileBytes: Limits.userFileBytes, match: PasswordHash.matches)
  private let threads: WorkerThreads
  private let isRunning = Guarded(false)

  init() throws(KernelError) { threads = try WorkerThreads() }

  /// Starts the threads if a plan needs them and they don't run yet.
  func start(for plan: Plan) throws(KernelError) {
    let locations = plan.tables.locations
    let isNeeded = locations.indices.contains {
      let admission = locations.address(of: $0).pointee.admission
      return admission.access.asksForPassword || admission.exceptAccess.asksForPassword
    }
    guard isNeeded, !isRunning.current else { return }
    isRunning.withLock { $0 = true }
    try threads.start(name: "waybill-users") { [checks] in checks.runLookUps() }
    try threads.start(name: "waybill-hashes") { [checks] in checks.runHashes() }
  }

  /// Ends them and waits until they have ended, which takes as long as the hash under way.
  func end() {
    checks.end()
    threads.join()
  }
}
