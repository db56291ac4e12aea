// Numbers that one thread writes and others read: no lock, no atomic addition, no fence. Each
// number is whole at any time; two of them may be of different moments.

import Glibc
import Synchronization

/// A row of numbers in a `CounterMemory`, which must outlive it. One thread writes to it.
public struct CounterRow: @unchecked Sendable, BitwiseCopyable {
  @usableFromInline let base: UnsafeMutablePointer<Atomic<UInt64>>

  @inlinable init(base: UnsafeMutablePointer<Atomic<UInt64>>) { self.base = base }

  /// The row that begins `offset` numbers behind this one.
  @inlinable @inline(__always) public func advanced(by offset: Int) -> CounterRow {
    CounterRow(base: base + offset)
  }

  /// A number. Any thread may read, only the row's own may write.
  @inlinable public subscript(index: Int) -> UInt64 {
    @inline(__always) get { base[index].load(ordering: .relaxed) }
    @inline(__always) nonmutating set { base[index].store(newValue, ordering: .relaxed) }
  }

  /// Adds to a number.
  @inlinable @inline(__always) public func add(_ index: Int, _ amount: UInt64 = 1) {
    self[index] = self[index] &+ amount
  }

  /// Writes what readers must see together, between two steps of the number at `index`.
  public func change(_ index: Int, _ write: () -> Void) {
    let version = self[index] &+ 1
    self[index] = version
    atomicMemoryFence(ordering: .releasing)
    write()
    base[index].store(version &+ 1, ordering: .releasing)
  }

  /// Reads what `change` wrote; nil while it is being written, or when nothing was.
  public func read<Result>(_ index: Int, _ read: () -> Result) -> Result? {
    let version = base[index].load(ordering: .acquiring)
    guard version > 0, version & 1 == 0 else { return nil }
    let result = read()
    atomicMemoryFence(ordering: .acquiring)
    return self[index] == version ? result : nil
  }
}

/// Memory for numbers, zero at first. What is never written to takes no memory.
public final class CounterMemory: @unchecked Sendable {
  private let memory: UnsafeMutableRawPointer
  /// All of them, as one row.
  public let row: CounterRow

  /// Numbers in one line of the processor's cache: rows of several threads begin at multiples.
  public static var lineCount: Int { 8 }

  /// Memory for `count` numbers.
  public init(count: Int) {
    let lineBytes = CounterMemory.lineCount * MemoryLayout<UInt64>.stride
    guard let memory = calloc(count * MemoryLayout<UInt64>.stride + lineBytes, 1) else {
      preconditionFailure("no memory for counters")
    }
    self.memory = memory
    row = CounterRow(
      base: memory.alignedUp(toMultipleOf: lineBytes).assumingMemoryBound(
        to: Atomic<UInt64>.self))
  }

  deinit { free(memory) }
}
