// The thread that looks names up.
//
// It is one for all workers: one cache serves the process and outlives a reload, and no worker
// waits for the disk, as c-ares does when it reads the file of hosts and the system's
// configuration.

import Basics
import CCares
import Platform

/// Looks names up for a directory until it is told to end.
public final class NameService: Sendable {
  private let directory: NameDirectory
  private let bell: WakeBell
  private let hasEnded = Guarded(false)

  /// A service that does nothing yet. Fails when descriptors have run out.
  public init(_ directory: NameDirectory) throws(KernelError) {
    self.directory = directory
    bell = try WakeBell()
    directory.awaitQuestions { [bell] in bell.ring() }
  }

  /// Looks names up; returns after `end`. `report` is given what is worth a line in the error log.
  public func run(_ report: (NameReport) -> Void) {
    guard ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS else { return }
    let lookups = NameLookups()
    let reports = Guarded<[NameReport]>([])
    while !hasEnded.current {
      for (name, kind) in directory.takeQuestions(at: MachineTime.monotonic) {
        lookups.ask(name.question, kind) { [directory] outcome in
          let news = directory.answer(name, kind, outcome, at: MachineTime.monotonic)
          if let news { reports.withLock { $0.append(news) } }
        }
      }
      for news in reports.current { report(news) }
      reports.withLock { $0 = [] }
      lookups.process(bell.wait(for: lookups.interests, atMost: timeout(lookups)))
    }
  }

  private func timeout(_ lookups: NameLookups) -> Interval {
    let due = directory.nextDue
    let untilDue = due == .never ? Interval.endless : due - MachineTime.monotonic
    return min(untilDue, lookups.timeout ?? .endless)
  }

  /// Has `run` return.
  public func end() {
    hasEnded.withLock { $0 = true }
    bell.ring()
  }
}
