import Dispatch
import Glibc
import Scenarios
import Simulation
import Synchronization

/// Plays many seeds, several at a time, and sums up.
final class Campaign: Sendable {
  private struct Totals {
    var next: UInt64
    var seedCount = 0
    var requestCount = 0
    var turnCount = 0
    var statuses: [Int: Int] = [:]
    var faults: [FaultCounts.Kind: Int] = [:]
    var failures: [UInt64] = []
  }

  private let seeds: Range<UInt64>
  private let requestLimit: Int
  private let failureLimit: Int
  private let needsTLS: Bool
  private let began = ContinuousClock.now
  private let totals: Mutex<Totals>

  /// A campaign over `seeds`, until `requestLimit` requests have been served or `failureLimit`
  /// seeds have failed. With `needsTLS`, those whose world speaks none are left out.
  init(seeds: Range<UInt64>, requestLimit: Int = .max, failureLimit: Int, needsTLS: Bool) {
    self.seeds = seeds
    self.requestLimit = requestLimit
    self.failureLimit = failureLimit
    self.needsTLS = needsTLS
    totals = Mutex(Totals(next: seeds.lowerBound))
  }

  /// True when some seed has failed.
  var hasFailed: Bool { totals.withLock { !$0.failures.isEmpty } }

  /// Plays the seeds.
  func run(jobs: Int) {
    DispatchQueue.concurrentPerform(iterations: jobs) { _ in
      while let seed = takeSeed() {
        CrashReport.begin(seed)
        add(ScenarioRun(Scenario(seed: seed)).play())
      }
    }
  }

  private func takeSeed() -> UInt64? {
    totals.withLock { totals in
      while needsTLS && totals.next < seeds.upperBound && !Scenario.isSecure(seed: totals.next) {
        totals.next += 1
      }
      let isOver =
        totals.requestCount >= requestLimit || totals.failures.count >= failureLimit
        || totals.next >= seeds.upperBound
      guard !isOver else { return nil }
      totals.next += 1
      return totals.next - 1
    }
  }

  private func add(_ report: ScenarioReport) {
    totals.withLock { totals in
      totals.seedCount += 1
      totals.requestCount += report.requestCount
      totals.turnCount += report.turnCount
      totals.statuses.merge(report.statuses, uniquingKeysWith: +)
      for kind in FaultCounts.Kind.allCases where report.faults[kind] > 0 {
        totals.faults[kind, default: 0] += report.faults[kind]
      }
      if !report.violations.isEmpty {
        totals.failures.append(report.seed)
        tell(report)
      }
    }
  }

  private func tell(_ report: ScenarioReport) {
    print("seed \(report.seed) failed:")
    for violation in report.violations.prefix(8) { print(describe(violation)) }
    print("  replay: simulate --seed \(report.seed) --trace")
    // What is found must not wait in a buffer until the process traps.
    fflush(nil)
  }

  /// What was played.
  var summary: String {
    let duration = ContinuousClock.now - began
    let seconds = max(
      0.001, Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18)
    return totals.withLock { totals in
      let statuses = totals.statuses.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
      let faults = totals.faults.sorted { $0.key.rawValue < $1.key.rawValue }
        .map { "\($0.key): \($0.value)" }
      return """
        seeds     \(totals.seedCount), \(totals.failures.count) failed
        requests  \(totals.requestCount) in \(totals.turnCount) turns
        statuses  \(statuses.joined(separator: ", "))
        faults    \(faults.joined(separator: ", "))
        time      \(Int(seconds)) s, \(Int(Double(totals.requestCount) / seconds)) requests/s
        """
    }
  }
}
