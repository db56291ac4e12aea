import Basics

/// Driving the program under test until nothing more happens.
extension SimulatedWorld {
  /// How a run ended.
  public enum RunOutcome: Equatable, Sendable {
    /// Every client has finished and nothing is under way.
    case quiet
    /// The program waits for ever, but clients wait too.
    case deadlocked
    /// The program took `mostBusyTurns` turns in a row without doing anything or letting time pass.
    case spinning
    /// The turns allowed were not enough.
    case unfinished
  }

  /// True when every client has finished, nothing is under way, and the program has been told all.
  /// Connections may be open: a program keeps some alive.
  public var isQuiet: Bool {
    schedule.foregroundCount == 0 && unfinishedClientCount == 0 && !hasReports
  }

  /// Calls `turn` (one turn of the program's event loop, which calls `wait` once) until the world
  /// is quiet, or something is wrong.
  @discardableResult
  public func run(
    maximumTurns: Int = 1_000_000, maximumBusyTurns: Int = 1_000, _ turn: () -> Void
  ) -> RunOutcome {
    for _ in 0..<maximumTurns {
      if isQuiet { return .quiet }
      turn()
      if isDeadlocked && !isQuiet { return .deadlocked }
      if busyTurns > maximumBusyTurns { return .spinning }
    }
    return isQuiet ? .quiet : .unfinished
  }

  /// Calls `turn` until virtual time has reached `duration` from now, for what only timers bring
  /// about. Between the program's own deadlines time jumps, so an hour costs a few turns.
  public func run(for duration: Interval, _ turn: () -> Void) {
    var isOver = false
    schedule(after: duration) { _ in isOver = true }
    while !isOver && busyTurns <= 1_000 { turn() }
  }

  /// Does what an action of the schedule says.
  func perform(_ action: Action) {
    switch action {
    case .deliver(let id): deliver(from: id)
    case .resetArrives(let id): receiveReset(id)
    case .settleConnect(let id, let backend, let outcome):
      settleConnect(id, backend: backend, outcome: outcome)
    case .endSqueeze(let id): endSqueeze(id)
    case .clientConnects(let client): connectClient(client)
    case .stepPeer(let peer): stepPeer(peer)
    case .runScheduled(let index): scheduledClosures[index](self)
    }
  }

  /// Does everything whose time has come.
  func performDueActions() {
    while let action = schedule.takeNext(dueAt: now) { perform(action) }
  }
}
