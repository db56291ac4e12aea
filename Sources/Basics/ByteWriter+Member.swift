/// A literal and the short value behind it in one step: a log line is made of these, and each check
/// for room costs as much as the copy that it guards.
extension ByteWriter {
  /// Appends `key` and the lowest `count` bytes of `word`, at most eight, the lowest one first.
  @inlinable @inline(__always)
  public mutating func append(_ key: StaticString, word: UInt64, count: Int) {
    let keyCount = key.utf8CodeUnitCount
    guard remaining >= keyCount &+ 8 else {
      append(key)
      return append(word: word, count: count)
    }
    // Safe: the key and eight bytes fit. Those behind `count` are nobody's yet: they are written
    // over.
    unsafe ByteWriter.copy(key, to: base + position)
    unsafe UnsafeMutableRawPointer(base + (position &+ keyCount))
      .storeBytes(of: word.littleEndian, as: UInt64.self)
    position &+= keyCount &+ count
  }

  /// Appends `key` and `value` in decimal digits.
  @inlinable @inline(__always)
  public mutating func append(_ key: StaticString, decimal value: UInt64) {
    if value < 10 { return append(key, word: 0x30 &+ value, count: 1) }
    if value < 10_000 {
      let digits = Digits.four(value)
      let skipped = (digits ^ Digits.fourZeros).trailingZeroBitCount &>> 3
      return append(key, word: digits &>> UInt64(skipped &* 8), count: 4 &- skipped)
    }
    append(key)
    append(decimal: value)
  }

  /// Appends `key`, all of `value` and `end`, or nothing when not all of it fits.
  @inlinable @inline(__always)
  public mutating func append(_ key: StaticString, _ value: Span<UInt8>, _ end: UInt8) {
    let keyCount = key.utf8CodeUnitCount
    let valueCount = value.count
    guard let target = unsafe reserve(keyCount &+ valueCount &+ 1) else { return }
    unsafe ByteWriter.copy(key, to: target)
    // Safe: `reserve` has just made room for both parts and the byte behind them.
    unsafe ByteWriter.copy(value, to: target + keyCount)
    unsafe target[keyCount &+ valueCount] = end
  }
}
