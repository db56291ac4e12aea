/// CRC-32 as zlib, PNG and nginx compute it (ISO/IEC 8802-3, reflected, polynomial 04C11DB7).
enum CyclicCode {
  private static var polynomial: UInt32 { 0xEDB8_8320 }

  /// The code of some bytes.
  static func code(of bytes: Span<UInt8>) -> UInt32 {
    var code = UInt32.max
    for index in bytes.indices {
      code ^= UInt32(bytes[index])
      for _ in 0..<8 { code = code &>> 1 ^ (code & 1 == 0 ? 0 : polynomial) }
    }
    return ~code
  }

  /// The code of two texts one after the other, from their codes and the length of the second: the
  /// code of the first is multiplied by x^(8 * length), modulo the polynomial.
  static func code(_ first: UInt32, then second: UInt32, length: UInt32) -> UInt32 {
    // x^0 is the highest bit; x^8 begins the squares.
    var (product, square) = (UInt32(1) &<< 31, UInt32(1) &<< 23)
    var rest = length
    while rest > 0 {
      if rest & 1 == 1 { product = multiply(square, product) }
      square = multiply(square, square)
      rest &>>= 1
    }
    return multiply(product, first) ^ second
  }

  private static func multiply(_ one: UInt32, _ other: UInt32) -> UInt32 {
    var (sum, factor) = (UInt32(0), other)
    for place in 0..<UInt32(32) {
      if one &<< place & 0x8000_0000 != 0 { sum ^= factor }
      factor = factor &>> 1 ^ (factor & 1 == 0 ? 0 : polynomial)
    }
    return sum
  }
}
