/// How often each fault struck, so that a run can tell what it was worth.
public struct FaultCounts: Sendable {
  /// The faults that have a rate.
  public enum Kind: Int, CaseIterable, Sendable {
    case fragmentedDeliveries, squeezedWrites, tinyBuffers, resets
    case resetsThatDiscard, refusedConnects, silentConnects, exhaustedConnects, abortedAccepts
    case exhaustedAccepts, failedWatches, spuriousEvents, reorderedEvents, withheldEvents
    case wallClockJumps, fullDisks, shortLogWrites, stalledLogs, failedRandom
  }

  private var counts = Array(repeating: 0, count: Kind.allCases.count)

  /// No fault yet.
  public init() {}

  /// How often a fault struck.
  public subscript(kind: Kind) -> Int {
    get { counts[kind.rawValue] }
    set { counts[kind.rawValue] = newValue }
  }
}

extension SimulatedWorld {
  /// True when chance lets a fault happen on this occasion.
  func strikes(_ kind: FaultCounts.Kind, _ perMille: Int) -> Bool {
    guard chance.happens(perMille) else { return false }
    faultCounts[kind] += 1
    return true
  }
}
