import Basics

/// Numbers as logs write them.
enum DecimalReading {
  /// The digits of `range` as a number; nil when there is another byte, none, or too many.
  static func integer(_ line: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
    guard !range.isEmpty, range.count <= 19 else { return nil }
    var value: UInt64 = 0
    for index in range {
      let digit = line[index] &- 0x30
      guard digit <= 9 else { return nil }
      value = value &* 10 &+ UInt64(digit)
    }
    return value
  }

  /// Seconds with a fraction as microseconds, what is finer cut off; nil for anything else.
  static func microseconds(_ line: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
    guard !range.isEmpty else { return nil }
    var value: UInt64 = 0
    var decimals = -1
    for index in range {
      let byte = line[index]
      if byte == UInt8(ascii: "."), decimals < 0 {
        decimals = 0
        continue
      }
      let digit = byte &- 0x30
      guard digit <= 9, value < 1_000_000_000_000_000 else { return nil }
      guard decimals < 6 else { continue }
      value = value &* 10 &+ UInt64(digit)
      if decimals >= 0 { decimals &+= 1 }
    }
    for _ in max(0, decimals)..<6 { value = value &* 10 }
    return value
  }
}
