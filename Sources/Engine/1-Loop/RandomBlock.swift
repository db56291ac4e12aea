import Platform
import Policy

/// Random bytes from the kernel, fetched 4 KB at a time and each used once.
///
/// A worker has its own block and never forks, so no two requests can see the same bytes.
struct RandomBlock: ~Copyable {
  private static var wordCount: Int { 512 }

  private let words: UnsafeMutablePointer<UInt64> = .allocate(capacity: RandomBlock.wordCount)
  private var left = 0

  init() {}

  deinit { words.deallocate() }

  /// Sixteen random bytes. Waits for the kernel's source in no case: when it fails, the process
  /// must not go on with IDs that somebody could guess, and stops.
  mutating func next<K: Kernel & ~Copyable>(_ kernel: inout K) -> (UInt64, UInt64) {
    if left < 2 {
      let memory = UnsafeMutableRawBufferPointer(start: words, count: RandomBlock.wordCount * 8)
      guard kernel.fillRandom(memory) else { fatalError("the kernel has no random bytes") }
      left = RandomBlock.wordCount
    }
    left &-= 2
    let pair = (words[left], words[left &+ 1])
    words[left] = 0
    words[left &+ 1] = 0
    return pair
  }
}
