/// Numbers in decimal digits. A log line holds some ten of them, so digits are made eight at a time by
/// multiplication within one word: a division for each would cost more than the rest of the line.

extension ByteWriter {
  /// Appends `value` in decimal digits without leading zeros.
  public mutating func append(decimal value: UInt64) {
    if value < 10 { return append(UInt8(truncatingIfNeeded: 0x30 &+ value)) }
    guard value < 100_000_000 else {
      append(decimal: value / 100_000_000)
      append(packed: PackedDigits.eight(value % 100_000_000), count: 8)
      return
    }
    let digits = PackedDigits.eight(value)
    let leadingZeros = min(7, (digits ^ PackedDigits.zeros).trailingZeroBitCount &>> 3)
    append(packed: digits &>> UInt64(leadingZeros &* 8), count: 8 &- leadingZeros)
  }

  /// Appends `value`, below 10^8, left-padded with zeros to `width` digits, at most eight.
  public mutating func append(decimal value: UInt64, width: Int) {
    precondition(value < 100_000_000 && width > 0 && width <= 8, "append(decimal:width:)")
    let digits = PackedDigits.eight(value)
    append(packed: digits &>> UInt64((8 &- width) &* 8), count: width)
  }

  /// Appends the lowest `count` bytes of `word`, at most eight, the lowest one first.
  @inlinable public mutating func append(packed word: UInt64, count: Int) {
    guard let target = unsafe reserve(count) else { return }
    let isWordFree = capacity &- position >= 8 &- count
    if isWordFree {
      // Safe: the bytes behind the last one are free and within the memory; what is written there now is
      // overwritten by the next append.
      unsafe UnsafeMutableRawPointer(target).storeBytes(of: word.littleEndian, as: UInt64.self)
      return
    }
    var left = word
    for index in 0..<count {
      unsafe target[index] = UInt8(truncatingIfNeeded: left)
      left &>>= 8
    }
  }
}

/// Decimal digits packed into a word.
public enum PackedDigits {
  /// Eight digits `0`.
  @inlinable public static var zeros: UInt64 { 0x3030_3030_3030_3030 }

  /// The eight digits of `value`, which is below 10^8; the most significant one in the lowest byte.
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
