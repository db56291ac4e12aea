// Signs of life for the service manager: given only while every worker gives them.

import Platform

/// Asks the workers at intervals whether they are alive, and tells the manager when all are.
struct Watchdog {
  private let manager: ServiceManager
  /// Milliseconds between two looks: a worker may let one pass. Nil when nobody asks.
  private let interval: Int?
  private var nextLook = MachineTime.milliseconds

  init(_ manager: ServiceManager) {
    self.manager = manager
    interval = manager.watchdogMilliseconds.map { max(1, $0 / 4) }
  }

  /// How long the main thread may sleep; nil for ever.
  var remainingMilliseconds: Int? {
    interval == nil ? nil : max(0, nextLook - MachineTime.milliseconds)
  }

  /// Does what is due. Workers of a process that ends have ended or will; then it is the main
  /// thread's life that counts.
  mutating func look(_ mailboxes: [WorkerMailbox], isEnding: Bool) {
    guard let interval, MachineTime.milliseconds >= nextLook else { return }
    nextLook = MachineTime.milliseconds + interval
    if isEnding || mailboxes.allSatisfy(\.isEmpty) { manager.feedWatchdog() }
    for mailbox in mailboxes { mailbox.post(.giveSign) }
  }
}
