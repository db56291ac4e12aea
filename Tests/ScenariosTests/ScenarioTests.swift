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

  /// The worlds are worth something: in a few of them, all that can be served, refused or broken
  /// is.
  @Test func worldsAreVaried() {
    let reports = (100..<120 as Range<UInt64>).map { ScenarioRun(Scenario(seed: $0)).play() }
    let statuses = reports.reduce(into: Set<Int>()) { $0.formUnion($1.statuses.keys) }
    #expect(statuses.isSuperset(of: [101, 200, 204, 304, 400, 408, 413, 499, 502, 503]))
    for kind in FaultCounts.Kind.allCases where kind != .failedRandom {
      #expect(reports.contains { $0.faults[kind] > 0 }, "\(kind) never strikes")
    }
  }
}
