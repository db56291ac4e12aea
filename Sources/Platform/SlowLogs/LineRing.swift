// Lines on their way from a worker to the thread that writes them. Neither waits for the other.

import Synchronization

/// A ring of bytes that one thread puts whole lines into and one other takes bytes out of.
final class LineRing: Sendable {
  /// Bytes that it holds at most.
  let capacity: Int
  // Touched by both threads, but never the same bytes of it: what lies between the counts belongs
  // to who takes, the rest to who puts.
  nonisolated(unsafe) private let memory: UnsafeMutablePointer<UInt8>
  /// Bytes ever put in, and bytes ever taken out.
  private let putCount = Atomic<Int>(0)
  private let takenCount = Atomic<Int>(0)

  init(capacity: Int) {
    self.capacity = capacity
    memory = .allocate(capacity: capacity)
  }

  deinit { memory.deallocate() }

  /// Bytes that wait to be taken.
  var count: Int {
    putCount.load(ordering: .sequentiallyConsistent) - takenCount.load(ordering: .acquiring)
  }

  /// Puts in as many whole lines of `lines` as there is room for; returns how many bytes they have.
  func put(_ lines: UnsafeRawBufferPointer) -> Int {
    let start = putCount.load(ordering: .relaxed)
    let room = capacity - (start - takenCount.load(ordering: .acquiring))
    var amount = min(room, lines.count)
    while amount > 0 && lines[amount - 1] != 0x0a { amount -= 1 }
    guard amount > 0 else { return 0 }
    let place = start % capacity
    let untilEnd = min(amount, capacity - place)
    let target = UnsafeMutableRawBufferPointer(start: memory + place, count: untilEnd)
    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: lines[..<untilEnd]))
    let front = UnsafeMutableRawBufferPointer(start: memory, count: amount - untilEnd)
    front.copyMemory(from: UnsafeRawBufferPointer(rebasing: lines[untilEnd..<amount]))
    putCount.store(start + amount, ordering: .sequentiallyConsistent)
    return amount
  }

  /// Shows the bytes that wait, in two pieces as they may lie around the ring's end.
  var waiting: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) {
    let amount = count
    let place = takenCount.load(ordering: .relaxed) % capacity
    let untilEnd = min(amount, capacity - place)
    return (
      UnsafeRawBufferPointer(start: memory + place, count: untilEnd),
      UnsafeRawBufferPointer(start: memory, count: amount - untilEnd)
    )
  }

  /// Takes out bytes that `waiting` has shown.
  func remove(_ amount: Int) { takenCount.add(amount, ordering: .releasing) }
}
