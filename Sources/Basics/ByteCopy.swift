/// Copying few bytes without a call: most of what a head is made of is shorter than two words.
@usableFromInline
enum ByteCopy {
  /// Copies `count` bytes from `source` to `target`, which must not overlap and must both be that
  /// long. Up to sixteen bytes are two loads and two stores that may overlap each other.
  @inlinable @inline(__always) @unsafe
  static func copy(
    from source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, count: Int
  ) {
    if count > 16 || count < 4 {
      unsafe UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: count)
    } else if count >= 8 {
      unsafe copyEnds(from: source, to: target, count: count, as: UInt64.self)
    } else {
      unsafe copyEnds(from: source, to: target, count: count, as: UInt32.self)
    }
  }

  /// Copies the first and the last bytes, as many as `word` has; together they are all.
  @inlinable @inline(__always) @unsafe
  static func copyEnds<Word: FixedWidthInteger & BitwiseCopyable>(
    from source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, count: Int,
    as word: Word.Type
  ) {
    let last = count &- MemoryLayout<Word>.size
    let from = unsafe UnsafeRawPointer(source)
    let to = UnsafeMutableRawPointer(target)
    let firstWord = unsafe from.loadUnaligned(as: Word.self)
    let lastWord = unsafe from.loadUnaligned(fromByteOffset: last, as: Word.self)
    unsafe to.storeBytes(of: firstWord, as: Word.self)
    unsafe to.storeBytes(of: lastWord, toByteOffset: last, as: Word.self)
  }
}
