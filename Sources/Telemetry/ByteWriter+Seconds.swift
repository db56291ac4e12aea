import Basics

/// Lengths of time as the log writes them.
extension ByteWriter {
  /// Appends seconds with six decimals: `0.001234`. Cuts off, never rounds.
  mutating func append(microsecondsAsSeconds microseconds: UInt64) {
    let seconds = microseconds / 1_000_000
    let fraction = PackedDigits.eight(microseconds &- seconds &* 1_000_000)
    append(decimal: seconds)
    append(packed: (fraction &>> 8) & ~0xff | UInt64(UInt8(ascii: ".")), count: 7)
  }

  /// Appends seconds with three decimals, as nginx writes times: `0.001`. Cuts off, never rounds.
  mutating func append(microsecondsAsMilliseconds microseconds: UInt64) {
    let milliseconds = microseconds / 1_000
    let seconds = milliseconds / 1_000
    let fraction = PackedDigits.eight(milliseconds &- seconds &* 1_000)
    append(decimal: seconds)
    append(packed: (fraction &>> 32) & ~0xff | UInt64(UInt8(ascii: ".")), count: 4)
  }
}
