import Basics

/// Lengths of time as logs write them: seconds with decimals, cut off, never rounded.
extension ByteWriter {
  /// Appends seconds with six decimals: `0.001234`.
  public mutating func append(microsecondsAsSeconds microseconds: UInt64) {
    if microseconds < 10_000_000 {
      return append(word: ByteWriter.secondsWord(microseconds), count: 8)
    }
    let seconds = microseconds / 1_000_000
    let digits = Digits.eight(microseconds &- seconds &* 1_000_000)
    append(decimal: seconds)
    append(word: (digits &>> 8) & ~0xff | 0x2e, count: 7)
  }

  /// The eight characters of less than ten seconds, as nearly all times are.
  static func secondsWord(_ microseconds: UInt64) -> UInt64 {
    let digits = Digits.eight(microseconds)
    // The seconds are the second digit; the point takes the place between them and the third.
    return (digits &>> 8) & 0xff | 0x2e00 | digits & ~0xffff
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
