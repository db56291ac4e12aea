import Basics

/// Lengths of time as logs write them: seconds with decimals, cut off, never rounded.
extension ByteWriter {
  /// Appends seconds with six decimals: `0.001234`.
  mutating func append(microsecondsAsSeconds microseconds: UInt64) {
    if microseconds < 10_000 {
      return append(word: ByteWriter.secondsWord(microseconds), count: 8)
    }
    let seconds = microseconds / 1_000_000
    let digits = Digits.eight(microseconds &- seconds &* 1_000_000)
    let fraction = (digits &>> 8) & ~0xff | 0x2e
    if seconds < 10 {
      append(word: fraction &<< 8 | 0x30 &+ seconds, count: 8)
    } else {
      append(decimal: seconds)
      append(word: fraction, count: 7)
    }
  }

  /// Less than 10,000 microseconds, as nearly all times are: `0.00` and four digits.
  @inline(__always) static func secondsWord(_ microseconds: UInt64) -> UInt64 {
    0x3030_2e30 | Digits.four(microseconds) &<< 32
  }

  /// Appends seconds with three decimals, as nginx writes times: `0.001`.
  mutating func append(microsecondsAsMilliseconds microseconds: UInt64) {
    let milliseconds = microseconds / 1_000
    let seconds = milliseconds / 1_000
    let digits = Digits.eight(milliseconds &- seconds &* 1_000)
    append(decimal: seconds)
    append(word: (digits &>> 32) & ~0xff | 0x2e, count: 4)
  }
}
