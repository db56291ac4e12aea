import Basics
import Platform
import Scenarios
import SecurePeers
import Simulation
import Testing

/// What must be true at the end of every case, whatever it is about. The oracles themselves are
/// those of the scenarios.
extension EngineBed {
  /// How much a case may ask of the outcome.
  enum World {
    /// Nothing was broken on purpose that the script does not know of.
    case kind
    /// Faults were injected: a client may have missed what the log says that it was sent.
    case hostile
  }

  /// Runs until all is quiet, checks that nothing is left, drains the worker, and checks the log:
  /// one line for each of `requests`, which agrees with what clients and backends saw. With nil the
  /// number is not known beforehand.
  func finish(
    requests: Int?, in kind: World = .kind, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(run() == .quiet, sourceLocation: sourceLocation)
    if kind == .kind { checkRest(sourceLocation) }
    end()
    checkLog(requests: requests, in: kind, sourceLocation: sourceLocation)
  }

  /// Nothing runs, no buffer is held, and the worker has exactly the sockets open that it knows of.
  func checkRest(_ sourceLocation: SourceLocation = #_sourceLocation) {
    recordIssues(RestOracle.judge(idle: holdings, in: world), sourceLocation)
  }

  /// Of a worker that has ended: nothing is open, not even a listener or a log, and the log is
  /// complete.
  func checkLog(
    requests: Int?, in kind: World = .kind, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    recordIssues(
      RestOracle.judge(
        ended: holdings, hasStopped: hasStopped, in: world, idleTurns: idleTurns),
      sourceLocation)
    #expect(census.count == 0, "a session of TLS is left", sourceLocation: sourceLocation)
    let lines = ends
    if let requests { #expect(lines.count == requests, sourceLocation: sourceLocation) }
    if requests != nil && !writesAhead { checkMetrics(against: lines, sourceLocation) }
    recordIssues(LineOracle.judge(lines), sourceLocation)
    recordIssues(LineOracle.judge(errorLog: errors, against: lines), sourceLocation)
    let agreement = AgreementOracle(lines: lines, mayLose: kind == .hostile)
    for client in clients { recordIssues(agreement.judge(client: record(client)), sourceLocation) }
    for backend in backends {
      recordIssues(agreement.judge(backend: world.connections(of: backend)), sourceLocation)
    }
  }
}

/// Makes an issue of each of them.
func recordIssues(_ violations: [Violation], _ sourceLocation: SourceLocation) {
  for violation in violations {
    Issue.record(
      "oracle \(violation.oracle.rawValue): \(violation.sentence)",
      sourceLocation: sourceLocation)
  }
}
