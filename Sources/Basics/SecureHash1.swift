/// SHA-1 (FIPS 180-4), for what others compute as well: the name of a certificate, the answer of a
/// WebSocket. It protects nothing.
public struct SecureHash1: ~Copyable {
  /// The digest, once `end` has been called.
  public private(set) var state: InlineArray<5, UInt32> = [
    0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0,
  ]
  private var words = InlineArray<80, UInt32>(repeating: 0)
  private var count: UInt64 = 0

  /// The digest of nothing yet.
  public init() {}

  /// Appends a byte.
  public mutating func append(_ byte: UInt8) {
    let place = Int(count & 63)
    let word = words[place / 4]
    words[place / 4] = word &<< 8 | UInt32(byte)
    count &+= 1
    if place == 63 { mix() }
  }

  /// Appends what stands behind the last byte. Called once.
  public mutating func end() {
    let bits = count &* 8
    append(0x80)
    while count & 63 != 56 { append(0) }
    for shift: UInt64 in [56, 48, 40, 32, 24, 16, 8, 0] {
      append(UInt8(truncatingIfNeeded: bits &>> shift))
    }
  }

  private mutating func mix() {
    for index in 16..<80 {
      let mixed = words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
      words[index] = mixed &<< 1 | mixed &>> 31
    }
    var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
    for index in 0..<80 {
      let (choice, constant): (UInt32, UInt32) =
        switch index {
        case ..<20: (b & c | ~b & d, 0x5A82_7999)
        case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
        case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
        default: (b ^ c ^ d, 0xCA62_C1D6)
        }
      let next = (a &<< 5 | a &>> 27) &+ choice &+ e &+ constant &+ words[index]
      (e, d, c, b, a) = (d, c, b &<< 30 | b &>> 2, a, next)
    }
    state[0] &+= a
    state[1] &+= b
    state[2] &+= c
    state[3] &+= d
    state[4] &+= e
  }
}
