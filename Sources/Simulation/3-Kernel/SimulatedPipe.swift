import Basics

/// A pipe that the program logs to, and whoever reads it: as many bytes in a millisecond as said,
/// but none while it stalls.
///
/// A write that does not block is taken as on Linux (pipe(7)): up to `atomicBytes` whole or not at
/// all, of more as much as there is room for.
struct SimulatedPipe {
  /// What is written whole or not at all (PIPE_BUF).
  static let atomicBytes = 4_096

  /// Bytes that it holds at most.
  let capacity: Int
  /// Bytes that are read in a millisecond.
  let pace: Int
  /// Others have it open for writing that blocks: no more than `atomicBytes` are written at once.
  let isBorrowed: Bool
  private var held = 0
  private var readUntil = Instant(nanoseconds: 0)

  init(capacity: Int, pace: Int, isBorrowed: Bool) {
    precondition(capacity >= SimulatedPipe.atomicBytes && pace > 0, "no pipe of Linux's")
    self.capacity = capacity
    self.pace = pace
    self.isBorrowed = isBorrowed
  }

  /// How many of `count` bytes a write takes at `now`; 0 for EAGAIN. Nothing was read until
  /// `stalledUntil`.
  mutating func take(_ count: Int, at now: Instant, stalledUntil: Instant) -> Int {
    read(until: now, since: max(readUntil, stalledUntil))
    let room = capacity - held
    var amount = isBorrowed ? min(count, SimulatedPipe.atomicBytes) : count
    if amount > room { amount = amount <= SimulatedPipe.atomicBytes ? 0 : room }
    held += amount
    return amount
  }

  private mutating func read(until now: Instant, since begin: Instant) {
    guard now > begin else { return }
    let count = Int((now - begin).microseconds) * pace / 1_000
    guard count > 0 || held == 0 else { return }
    held = max(0, held - count)
    readUntil = now
  }
}
