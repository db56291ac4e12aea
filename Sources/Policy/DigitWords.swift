/// Numbers as text, eight digits at a time in one register: an ID is made for every request, and
/// byte by byte it would cost more than the routing does.
///
/// A digit word holds eight ASCII digits in the order of reading: the first one in the lowest byte,
/// as a little-endian store leaves them in memory.
enum DigitWords {
  /// The eight lowercase hexadecimal digits of `value`.
  @inline(__always) static func hexadecimal(_ value: UInt32) -> UInt64 {
    // A nibble into each byte, the most significant one on top.
    var digits = UInt64(value)
    digits = (digits | digits &<< 16) & 0x0000_FFFF_0000_FFFF
    digits = (digits | digits &<< 8) & 0x00FF_00FF_00FF_00FF
    digits = (digits | digits &<< 4) & 0x0F0F_0F0F_0F0F_0F0F
    // From 10 on the digits are letters, which begin 39 places behind `9`.
    let letters = atLeast(10, digits)
    return (digits &+ ones &* 0x30 &+ letters &* 0x27).byteSwapped
  }

  /// The eight base-32 digits of the low 40 bits of `value`, in Crockford's alphabet
  /// (`0-9 A-Z` without I, L, O and U).
  @inline(__always) static func crockford(_ value: UInt64) -> UInt64 {
    // Five bits into each byte: 40 bits into halves of 20, these into 10, these into 5.
    var digits = (value &<< 12 & 0x000F_FFFF_0000_0000) | (value & 0x000F_FFFF)
    digits = (digits &<< 6 & 0x03FF_0000_03FF_0000) | (digits & 0x0000_03FF_0000_03FF)
    digits = (digits &<< 3 & 0x1F00_1F00_1F00_1F00) | (digits & 0x001F_001F_001F_001F)
    let letters = atLeast(10, digits) &* 7
    let skipped =
      atLeast(18, digits) &+ atLeast(20, digits) &+ atLeast(22, digits) &+ atLeast(27, digits)
    return (digits &+ ones &* 0x30 &+ letters &+ skipped).byteSwapped
  }

  /// 1 in each byte.
  private static let ones: UInt64 = 0x0101_0101_0101_0101

  /// 1 in each byte of `digits` (all below 128) that is at least `bound`, else 0.
  @inline(__always) private static func atLeast(_ bound: UInt64, _ digits: UInt64) -> UInt64 {
    (digits &+ ones &* (0x80 &- bound)) &>> 7 & ones
  }
}
