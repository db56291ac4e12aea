// Watchdog notifications to the service manager, sent only while every worker responds.

import Platform

/// Asks the workers at intervals whether they are alive, and tells the manager when all are.
struct Watchdog {
  private var nextLook = MachineTime.milliseconds

  /// Milliseconds between two looks: a worker may let one pass. Nil when nobody asks.
  private func interval(_ manager: ServiceManager) -> Int? {
    manager.watchdogMilliseconds.map { max(1, $0 / 4) }
  }

  /// How long the main thread may sleep; nil for ever.
  func remainingMilliseconds(_ manager: ServiceManager) -> Int? {
    interval(manager) == nil ? nil : max(0, nextLook - MachineTime.milliseconds)
  }

  /// Does what is due. Workers of a process that ends have ended or will; then it is the main
  /// thread's life that counts.
  mutating func look(
    _ manager: ServiceManager, _ mailboxes: [WorkerMailbox], isEnding: Bool
  ) {
    guard let interval = interval(manager), MachineTime.milliseconds >= nextLook else { return }
    nextLook = MachineTime.milliseconds + interval
    if isEnding || mailboxes.allSatisfy(\.isEmpty) { manager.feedWatchdog() }
    for mailbox in mailboxes { mailbox.post(.giveSign) }
  }
}
