import Basics

/// Numbers as the log writes them. Digits are made eight at a time by multiplication within one word:
/// a line holds some ten numbers, and a division for each digit would cost more than the rest of it.
extension ByteWriter {
  /// Appends `value` in decimal digits without leading zeros.
  mutating func append(number value: UInt64) {
    guard value < 100_000_000 else {
      append(number: value / 100_000_000)
      append(packed: Digits.eight(value % 100_000_000), count: 8)
      return
    }
    let digits = Digits.eight(value)
    let leadingZeros = min(7, (digits ^ Digits.zeros).trailingZeroBitCount &>> 3)
    append(packed: digits &>> UInt64(leadingZeros &* 8), count: 8 &- leadingZeros)
  }

  /// Appends seconds with six decimals: `0.001234`. Cuts off, never rounds.
  mutating func append(microsecondsAsSeconds microseconds: UInt64) {
    let seconds = microseconds / 1_000_000
    let fraction = Digits.eight(microseconds &- seconds &* 1_000_000)
    append(number: seconds)
    append(packed: (fraction &>> 8) & ~0xff | UInt64(UInt8(ascii: ".")), count: 7)
  }

  /// Appends seconds with three decimals, as nginx writes times: `0.001`. Cuts off, never rounds.
  mutating func append(microsecondsAsMilliseconds microseconds: UInt64) {
    let milliseconds = microseconds / 1_000
    let seconds = milliseconds / 1_000
    let fraction = Digits.eight(milliseconds &- seconds &* 1_000)
    append(number: seconds)
    append(packed: (fraction &>> 32) & ~0xff | UInt64(UInt8(ascii: ".")), count: 4)
  }

  /// Appends the lowest `count` bytes of `word`, the lowest one first.
  mutating func append(packed word: UInt64, count: Int) {
    // Safe: an InlineArray of eight bytes has the layout of a word.
    let bytes = unsafe unsafeBitCast(word.littleEndian, to: InlineArray<8, UInt8>.self)
    append(bytes.span.extracting(0..<count))
  }
}

/// Decimal digits packed into words.
enum Digits {
  /// Eight digits `0`.
  static var zeros: UInt64 { 0x3030_3030_3030_3030 }

  /// The eight digits of `value`, which is below 10^8; the most significant one in the lowest byte.
  @inline(__always) static func eight(_ value: UInt64) -> UInt64 {
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
