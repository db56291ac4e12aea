import Basics
import Glibc

/// Memory that a property writes to, kept from one input to the next: asking for it each time would
/// cost more than most checks.
final class Scratch {
  private let memory: UnsafeMutableBufferPointer<UInt8>
  /// Appends to the memory.
  var writer: ByteWriter

  /// Room for `capacity` bytes.
  init(capacity: Int = 1 << 18) {
    memory = .allocate(capacity: capacity)
    writer = ByteWriter(memory)
  }

  deinit { memory.deallocate() }

  /// Forgets what was written.
  func clear() { writer.truncate(to: 0) }

  /// What was written.
  var written: UnsafeBufferPointer<UInt8> { writer.written }

  /// What was written, from `start` to `end`, to be changed in place.
  func mutable(from start: Int, to end: Int) -> UnsafeMutableBufferPointer<UInt8> {
    precondition(end <= writer.count)
    return UnsafeMutableBufferPointer(rebasing: memory[start..<end])
  }
}

/// True when both hold the same bytes.
func isEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
  guard left.count == right.count, left.count > 0 else { return left.count == right.count }
  return left.withUnsafeBytes { one in
    right.withUnsafeBytes { memcmp(one.baseAddress!, $0.baseAddress!, one.count) == 0 }
  }
}
