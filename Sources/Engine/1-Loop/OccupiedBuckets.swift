/// Which of 1,024 buckets hold something: a bit for each, so that empty ones cost nothing to pass.
struct OccupiedBuckets: ~Copyable {
  private static var wordCount: Int { 16 }

  private let words: UnsafeMutablePointer<UInt64>

  init() {
    words = .allocate(capacity: OccupiedBuckets.wordCount)
    words.initialize(repeating: 0, count: OccupiedBuckets.wordCount)
  }

  deinit { words.deallocate() }

  /// Notes whether the bucket at `index` (below 1,024) holds something.
  func set(_ index: Int, _ isOccupied: Bool) {
    precondition(index >= 0, "set: no such bucket")
    precondition(index < OccupiedBuckets.wordCount * 64, "set: no such bucket")
    let bit = UInt64(1) << UInt64(index & 63)
    if isOccupied {
      words[index >> 6] |= bit
    } else {
      words[index >> 6] &= ~bit
    }
  }

  /// The first bucket that holds something, from `start` on; nil when there is none up to the end.
  func first(from start: Int) -> Int? {
    precondition(start >= 0, "first: no such bucket")
    guard start < OccupiedBuckets.wordCount * 64 else { return nil }
    var word = start >> 6
    var bits = words[word] & (UInt64.max << UInt64(start & 63))
    while bits == 0 {
      word &+= 1
      if word == OccupiedBuckets.wordCount { return nil }
      bits = words[word]
    }
    return word &* 64 &+ bits.trailingZeroBitCount
  }
}
