import Foundation
import Scenarios
import Simulation
import Testing

/// Whole worlds, each out of one seed. A seed that fails is replayed by
/// `swift run simulate --seed N --trace`.
struct ScenarioTests {
  /// Where to begin: `Tests/run` takes it from the commit, so that each commit sees other worlds
  /// and a commit always the same ones.
  private static let firstSeed =
    ProcessInfo.processInfo.environment["WAYBILL_SEED"].flatMap { UInt64($0) } ?? 1

  /// No promise is broken in any world.
  @Test(arguments: firstSeed..<(firstSeed + 24))
  func everyPromiseHolds(_ seed: UInt64) {
    for violation in ScenarioRun(Scenario(seed: seed)).play().violations {
      Issue.record(
        "seed \(seed), oracle \(violation.oracle.rawValue): \(violation.sentence)")
    }
  }

  /// The seed decides everything: a failing one can be had again.
  @Test(arguments: [1, 7] as [UInt64])
  func aSeedReplays(_ seed: UInt64) {
    let reports = (0..<2).map { _ in ScenarioRun(Scenario(seed: seed)).play() }
    #expect(reports[0].traceHash == reports[1].traceHash)
    #expect(reports[0].statuses == reports[1].statuses)
  }

  /// The worlds are worth something: before long, all that can be served, refused or broken is.
  @Test func worldsAreVaried() {
    var statuses: Set = [101, 200, 204, 304, 400, 408, 413, 499, 502, 503]
    // The one that ends the process is left out on purpose.
    var faults = Set(FaultCounts.Kind.allCases).subtracting([.failedRandom])
    for seed in 100..<200 as Range<UInt64> where !statuses.isEmpty || !faults.isEmpty {
      let report = ScenarioRun(Scenario(seed: seed)).play()
      statuses.subtract(report.statuses.keys)
      faults = faults.filter { report.faults[$0] == 0 }
    }
    #expect(statuses.isEmpty && faults.isEmpty)
  }
}
