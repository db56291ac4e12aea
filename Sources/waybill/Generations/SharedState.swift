// What the workers of all configurations of a process share.

import Basics
import Engine
import Passwords
import Plan
import Platform
import Policy

/// What outlives a configuration.
struct SharedState: Sendable {
  /// What temporary files take up.
  let temporarySpace = TemporarySpace()
  /// Where requests are counted by keys.
  let limitZones = LimitZones()
  /// Who finds out about passwords.
  let passwords: PasswordThreads

  init() throws(KernelError) { passwords = try PasswordThreads() }
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
