/// Content that tells whose it is: each byte follows from a nonce, a purpose and its place, so a
/// byte that was lost, doubled, moved or taken from another message does not fit.
enum Filler {
  /// What content is for.
  enum Purpose: UInt64 { case request = 1, response, tunnel }

  /// The first `count` bytes of a nonce's content. They are printable and hold no line end.
  static func bytes(of nonce: String, _ purpose: Purpose, count: Int) -> [UInt8] {
    // The standard library writes the count of an empty array into memory that all of them share.
    guard count > 0 else { return [] }
    let start = number(of: nonce, purpose.rawValue)
    return Array(unsafeUninitializedCapacity: count) { buffer, initialized in
      var state = start
      for index in 0..<count {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        buffer[index] = UInt8(truncatingIfNeeded: 48 + (state >> 58))
      }
      initialized = count
    }
  }

  /// A number that follows from a nonce and another number.
  static func number(of nonce: String, _ salt: UInt64) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ salt &* 0x9E37_79B9_7F4A_7C15
    for byte in nonce.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return hash
  }
}
