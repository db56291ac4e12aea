import Simulation

/// What came of a scenario.
public struct ScenarioReport: Sendable {
  /// The seed of the scenario.
  public var seed: UInt64
  /// What must never be, and was; empty when all is well.
  public var violations: [Violation] = []
  /// The requests that have a log line.
  public var requestCount = 0
  /// How many of them ended with each status.
  public var statuses: [Int: Int] = [:]
  /// The faults that struck.
  public var faults = FaultCounts()
  /// Turns of the event loop.
  public var turnCount = 0
  /// A hash of everything that happened, for comparing two runs of a seed.
  public var traceHash: UInt64 = 0
}
