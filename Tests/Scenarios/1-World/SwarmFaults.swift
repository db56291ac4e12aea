import Basics
import Simulation

/// Which faults a seed has, and how often they come.
enum SwarmFaults {
  /// Cuts bytes and shuffles events in ways that change no outcome.
  static func harmless(_ chance: inout SeededGenerator, isBulky: Bool) -> Faults {
    var faults = Faults()
    // Large content byte by byte would take all day and show nothing new.
    faults.fragmentedDeliveries = rate(&chance, isBulky ? [20, 50] : [50, 500, 1000])
    faults.largestFragment = isBulky ? 300 : chance.pick([1, 2, 16, 300])
    faults.squeezedWrites = rate(&chance, isBulky ? [20, 200] : [20, 200, 800])
    faults.tinyBuffers = isBulky ? 0 : rate(&chance, [50, 300])
    faults.largestTinyBuffer = chance.pick([8, 64, 1_000])
    faults.spuriousEvents = rate(&chance, [20, 200])
    faults.reorderedEvents = rate(&chance, [200, 1000])
    faults.withheldEvents = rate(&chance, [100, 500])
    faults.shortLogWrites = rate(&chance, [50, 500])
    faults.wallClockJumps = rate(&chance, [5, 100])
    faults.stalledLogs = rate(&chance, [20, 300])
    faults.fullDisks = rate(&chance, [20, 300])
    faults.jitter = chance.pick([
      Interval(nanoseconds: 0), Interval(nanoseconds: 60_000), Interval(nanoseconds: 300_000),
      .milliseconds(isBulky ? 30 : 1),
    ])
    return faults
  }

  /// Breaks things besides.
  static func harmful(_ chance: inout SeededGenerator, isBulky: Bool) -> Faults {
    var faults = harmless(&chance, isBulky: isBulky)
    faults.resets = rate(&chance, [1, 5, 30])
    faults.resetsThatDiscard = rate(&chance, [500])
    faults.refusedConnects = rate(&chance, [20, 200])
    faults.silentConnects = rate(&chance, [10, 100])
    faults.exhaustedConnects = rate(&chance, [10, 100])
    faults.exhaustedAccepts = rate(&chance, [20, 200])
    faults.abortedAccepts = rate(&chance, [20, 100])
    faults.failedWatches = rate(&chance, [3, 20])
    return faults
  }

  private static func rate(_ chance: inout SeededGenerator, _ rates: [Int]) -> Int {
    chance.happens(500) ? 0 : chance.pick(rates)
  }
}
