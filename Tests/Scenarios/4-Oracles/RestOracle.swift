import Simulation

/// What a worker has in hand.
public struct Holdings: Equatable, Sendable {
  /// Requests under way.
  public var exchanges: Int
  /// Buffers in use.
  public var buffers: Int
  /// Connections that the worker knows of.
  public var connections: Int
  /// Connections that stand in its timer wheel.
  public var timers: Int
  /// Responses of which something is kept for a slow client.
  public var keptResponses = 0
  /// Bytes of temporary files.
  public var temporaryBytes: UInt64 = 0

  /// The holdings given.
  public init(exchanges: Int, buffers: Int, connections: Int, timers: Int) {
    self.exchanges = exchanges
    self.buffers = buffers
    self.connections = connections
    self.timers = timers
  }
}

/// Nothing is left when nothing runs.
public enum RestOracle {
  /// Judges a worker on which no request is under way: idle connections are all that it may have.
  public static func judge(idle holdings: Holdings, in world: SimulatedWorld) -> [Violation] {
    var found: [Violation] = []
    if holdings.exchanges != 0 {
      found.append(Violation(.rest, "\(holdings.exchanges) exchanges at rest"))
    }
    if holdings.buffers != 0 {
      found.append(Violation(.rest, "\(holdings.buffers) buffers at rest"))
    }
    if holdings.keptResponses != 0 {
      found.append(Violation(.rest, "\(holdings.keptResponses) responses are kept at rest"))
    }
    if holdings.temporaryBytes != 0 {
      found.append(Violation(.rest, "\(holdings.temporaryBytes) bytes in files at rest"))
    }
    if world.openConnectionCount != holdings.connections {
      let open = world.openConnectionCount
      found.append(
        Violation(.rest, "\(open) sockets are open, \(holdings.connections) connections known"))
    }
    return found
  }

  /// Judges a worker whose idle times are over: no connection may be left.
  public static func judge(forgotten holdings: Holdings, in world: SimulatedWorld) -> [Violation] {
    var found = judge(idle: holdings, in: world)
    if holdings.connections != 0 {
      found.append(Violation(.rest, "\(holdings.connections) connections after all idle times"))
    }
    if holdings.timers != 0 {
      found.append(Violation(.rest, "\(holdings.timers) timers without a connection"))
    }
    return found
  }

  /// Judges how many sessions of TLS an ended worker has left.
  public static func judge(sessions count: Int) -> [Violation] {
    count == 0 ? [] : [Violation(.rest, "\(count) sessions of TLS are left")]
  }

  /// Judges a worker that has ended. So many turns in a row may have moved nothing.
  public static func judge(
    ended holdings: Holdings, hasStopped: Bool, in world: SimulatedWorld, idleTurns: Int = 20
  ) -> [Violation] {
    var found = judge(idle: holdings, in: world)
    if !hasStopped { found.append(Violation(.rest, "the worker has not ended")) }
    if !world.openDescriptors.isEmpty {
      found.append(Violation(.rest, "left open at the end: \(world.openDescriptors)"))
    }
    if world.mostBusyTurns >= idleTurns {
      found.append(Violation(.progress, "\(world.mostBusyTurns) turns in a row moved nothing"))
    }
    return found
  }
}
