import Basics
import Platform

/// Time: the only place where it passes is here, while the program waits.
extension SimulatedWorld {
  /// Lets the world go on until there is an event or `deadline`, rounded up to a millisecond, is
  /// there.
  func wait(
    into events: UnsafeMutableBufferPointer<KernelEvent>, until deadline: Instant, _ program: Int
  ) -> Int {
    let begin = now
    isDeadlocked = false
    programs[program].sleepsUntil = roundedUp(deadline)
    // Who sleeps longest sees the time stop when another one is due.
    let limit = programs.map(\.sleepsUntil).min() ?? .never
    now = now + network.turnCost
    if strikes(.wallClockJumps, faults.wallClockJumps) {
      jumpWallClock(bySeconds: Int64(chance.below(121)) - 60)
    }
    performDueActions()
    var count = report(into: events, program)
    while count == 0, !hasReports, let next = schedule.nextTime, next <= limit {
      now = max(now, next)
      performDueActions()
      count = report(into: events, program)
    }
    // Another program has something to do first; this one is not to blame for its empty turn.
    if count == 0 && (hasReports || isAnotherDue(program)) { return 0 }
    if count == 0 { sleep(until: limit) }
    // Until it waits again nobody knows its next deadline: no time may pass without it.
    if count > 0 || programs[program].sleepsUntil <= now { programs[program].sleepsUntil = now }
    countBusyTurn(since: begin)
    return count
  }

  /// True when another program is awake, and this one may sleep on.
  private func isAnotherDue(_ program: Int) -> Bool {
    programs[program].sleepsUntil > now
      && programs.indices.contains { $0 != program && programs[$0].sleepsUntil <= now }
  }

  func takeCommands(_ program: Int) -> WorkerCommands {
    defer { programs[program].pendingCommands = [] }
    return programs[program].pendingCommands
  }

  var wallClock: WallClock {
    // 2026-01-01 00:00:00 UTC, minus what the monotonic clock starts with.
    let start: Int64 = 1_767_225_600_000_000 - 3_600_000_000
    let microseconds = start + Int64(now.nanoseconds / 1_000) + wallClockOffset
    return WallClock(microseconds: UInt64(microseconds), utcOffset: utcOffset)
  }

  func fillRandom(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
    if strikes(.failedRandom, faults.failedRandom) { return false }
    for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: entropy.next()) }
    return true
  }

  /// Nothing is going to happen before `limit`; if that never comes, nothing ever is.
  private func sleep(until limit: Instant) {
    guard limit != .never else {
      isDeadlocked = true
      return
    }
    now = max(now, limit)
  }

  private func roundedUp(_ deadline: Instant) -> Instant {
    guard deadline != .never else { return .never }
    let (whole, rest) = (deadline - now).nanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
    return now + .milliseconds(whole + (rest == 0 ? 0 : 1))
  }

  /// A turn is busy when it neither slept nor moved anything since the one before it, although
  /// nothing has happened in the world that it could have been woken for. A report that was wrong
  /// proves nothing either way.
  private func countBusyTurn(since begin: Instant) {
    let slept = now - begin > network.turnCost
    let progress = calls.progress
    let isWoken = schedule.takenCount != actionsAtLastWait
    let isMisled = faultCounts[.spuriousEvents] != wrongReportsAtLastWait
    if slept || isWoken || progress != callsAtLastWait {
      busyTurns = 0
    } else if !isMisled {
      busyTurns += 1
    }
    mostBusyTurns = max(mostBusyTurns, busyTurns)
    callsAtLastWait = progress
    wrongReportsAtLastWait = faultCounts[.spuriousEvents]
    actionsAtLastWait = schedule.takenCount
  }
}
