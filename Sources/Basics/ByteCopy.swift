/// Copying few bytes without a call: most of what a head is made of is shorter than two words.
@usableFromInline
enum ByteCopy {
  /// Copies `count` bytes from `source` to `target`, which must not overlap and must both be that
  /// long. Up to 64 bytes are two loads and two stores that may overlap each other.
  @inlinable @inline(__always) @unsafe
  static func copy(
    from source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, count: Int
  ) {
    if count > 64 {
      // Not `update`, which asks first whether the two overlap.
      unsafe UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: count)
    } else if count < 4 {
      unsafe copyFew(from: source, to: target, count: count)
    } else if count >= 32 {
      unsafe copyEnds(from: source, to: target, count: count, as: SIMD32<UInt8>.self)
    } else if count >= 16 {
      unsafe copyEnds(from: source, to: target, count: count, as: SIMD16<UInt8>.self)
    } else if count >= 8 {
      unsafe copyEnds(from: source, to: target, count: count, as: UInt64.self)
    } else {
      unsafe copyEnds(from: source, to: target, count: count, as: UInt32.self)
    }
  }

  /// Copies up to three bytes: the first, the middle and the last, some of which may be the same.
  @inlinable @inline(__always) @unsafe
  static func copyFew(
    from source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, count: Int
  ) {
    guard count > 0 else { return }
    let middle = count &>> 1
    let last = count &- 1
    unsafe target[0] = source[0]
    unsafe target[middle] = source[middle]
    unsafe target[last] = source[last]
  }

  /// Copies the first and the last bytes, as many as `word` has; together they are all.
  @inlinable @inline(__always) @unsafe
  static func copyEnds<Word: BitwiseCopyable>(
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
