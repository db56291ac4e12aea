/// Tells well-formed UTF-8 from other bytes (Unicode 16 table 3-7): JSON text must be UTF-8,
/// whatever a client sends.
enum UTF8Sequence {
  /// Bytes of the well-formed sequence of two to four bytes that begins at `start`; 0 when there is
  /// none.
  static func length(in bytes: Span<UInt8>, at start: Int) -> Int {
    let length: Int
    // Bounds of the second byte: they keep out overlong forms, surrogates and what is above
    // U+10FFFF.
    var second: ClosedRange<UInt8> = 0x80...0xbf
    switch bytes[start] {
    case 0xc2...0xdf: length = 2
    case 0xe0: (length, second) = (3, 0xa0...0xbf)
    case 0xed: (length, second) = (3, 0x80...0x9f)
    case 0xe1...0xef: length = 3
    case 0xf0: (length, second) = (4, 0x90...0xbf)
    case 0xf1...0xf3: length = 4
    case 0xf4: (length, second) = (4, 0x80...0x8f)
    default: return 0
    }
    guard start + length <= bytes.count, second.contains(bytes[start + 1]) else { return 0 }
    for offset in 2..<max(length, 2) where bytes[start + offset] & 0xc0 != 0x80 { return 0 }
    return length
  }

  /// The character of the well-formed sequence of `length` bytes that begins at `start`.
  static func scalar(in bytes: Span<UInt8>, at start: Int, length: Int) -> Unicode.Scalar {
    // The first byte has length + 1 marking bits, of which the last one is 0.
    var value = UInt32(bytes[start] & (0xff &>> UInt8(length &+ 1)))
    for offset in 1..<length { value = value &<< 6 | UInt32(bytes[start &+ offset] & 0x3f) }
    guard let scalar = Unicode.Scalar(value) else { preconditionFailure("no well-formed UTF-8") }
    return scalar
  }
}
