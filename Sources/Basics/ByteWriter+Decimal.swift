/// Decimal numbers. A log line holds some fifteen and a head a few, so digits are made eight at a
/// time by multiplication within one word: a division for each would cost more than the rest of the
/// line.
extension ByteWriter {
  /// Appends `value` in decimal digits, left-padded with zeros to `width` digits.
  @inlinable @inline(__always)
  public mutating func append(decimal value: UInt64, width: Int = 1) {
    if width <= 1 {
      if value < 10 { return append(UInt8(truncatingIfNeeded: 0x30 &+ value)) }
      if value < 10_000 { return appendFour(decimal: value) }
    }
    appendEight(decimal: value, width: width)
  }

  /// Numbers of two to four digits: status codes, ports, parts of addresses.
  @usableFromInline mutating func appendFour(decimal value: UInt64) {
    let digits = Digits.four(value)
    let skipped = (digits ^ Digits.fourZeros).trailingZeroBitCount &>> 3
    append(word: digits &>> UInt64(skipped &* 8), count: 4 &- skipped)
  }

  /// Numbers of any length.
  @usableFromInline mutating func appendEight(decimal value: UInt64, width: Int) {
    guard value < 100_000_000, width <= 8 else {
      return appendLong(decimal: value, width: width)
    }
    let digits = Digits.eight(value)
    let leadingZeros = (digits ^ Digits.zeros).trailingZeroBitCount &>> 3
    let skipped = min(leadingZeros, 8 &- max(width, 1))
    append(word: digits &>> UInt64(skipped &* 8), count: 8 &- skipped)
  }

  /// Appends the lowest `count` bytes of `word`, at most eight, the lowest one first.
  @inlinable @inline(__always) public mutating func append(word: UInt64, count: Int) {
    guard remaining >= 8 else { return appendAtEnd(word: word, count: count) }
    // Safe: eight bytes fit. Those behind `count` are nobody's yet and are written over.
    unsafe UnsafeMutableRawPointer(base + position)
      .storeBytes(of: word.littleEndian, as: UInt64.self)
    position &+= count
  }

  /// Does the same where eight bytes are known to fit: `remaining` says so.
  @inlinable @inline(__always) @unsafe
  public mutating func append(fittingWord word: UInt64, count: Int) {
    unsafe UnsafeMutableRawPointer(base + position)
      .storeBytes(of: word.littleEndian, as: UInt64.self)
    position &+= count
  }

  /// Where a whole word has no room any more.
  @usableFromInline mutating func appendAtEnd(word: UInt64, count: Int) {
    guard let target = unsafe reserve(count) else { return }
    for index in 0..<count {
      unsafe target[index] = UInt8(truncatingIfNeeded: word &>> UInt64(index &* 8))
    }
  }

  /// Numbers of more than eight digits.
  @usableFromInline mutating func appendLong(decimal value: UInt64, width: Int) {
    var digits = 1
    var rest = value / 10
    while rest > 0 {
      digits &+= 1
      rest /= 10
    }
    digits = max(digits, width)
    guard let target = unsafe reserve(digits) else { return }
    var left = value
    while digits > 0 {
      digits &-= 1
      unsafe target[digits] = UInt8(truncatingIfNeeded: 0x30 &+ left % 10)
      left /= 10
    }
  }
}

/// Decimal digits packed into words, the most significant one in the lowest byte.
public enum Digits {
  /// Eight digits `0`.
  @inlinable public static var zeros: UInt64 { 0x3030_3030_3030_3030 }

  /// Four digits `0`.
  @inlinable public static var fourZeros: UInt64 { 0x3030_3030 }

  /// The four digits of `value`, which is below 10^4.
  @inlinable @inline(__always) public static func four(_ value: UInt64) -> UInt64 {
    let hundreds = (value &* 10_486) &>> 20
    let twos = hundreds | (value &- hundreds &* 100) &<< 16
    let tens = ((twos &* 103) &>> 10) & 0x000f_000f
    return (tens | (twos &- tens &* 10) &<< 8) | fourZeros
  }

  /// The eight digits of `value`, which is below 10^8.
  @inlinable @inline(__always) public static func eight(_ value: UInt64) -> UInt64 {
    // Two numbers of four digits, then four of two, then eight of one, each step in all lanes at
    // once: multiplying by 10486 / 2^20 divides by 100, by 103 / 2^10 divides by 10.
    let upper = value / 10_000
    let fours = upper | (value &- upper &* 10_000) &<< 32
    let hundreds = ((fours &* 10_486) &>> 20) & 0x0000_007f_0000_007f
    let twos = hundreds | (fours &- hundreds &* 100) &<< 16
    let tens = ((twos &* 103) &>> 10) & 0x000f_000f_000f_000f
    return (tens | (twos &- tens &* 10) &<< 8) | zeros
  }
}
