import Basics

/// MurmurHash2 of 32 bits with the seed 0, by which nginx's `split_clients` divides.
public enum MurmurHash {
  /// The hash of `bytes`.
  public static func hash(of bytes: Span<UInt8>) -> UInt32 {
    let factor: UInt32 = 0x5bd1_e995
    var state = UInt32(truncatingIfNeeded: bytes.count)
    var index = 0
    while bytes.count &- index >= 4 {
      var word = UInt32(bytes[index])
      word |= UInt32(bytes[index &+ 1]) << 8
      word |= UInt32(bytes[index &+ 2]) << 16
      word |= UInt32(bytes[index &+ 3]) << 24
      word = word &* factor
      word ^= word >> 24
      word = word &* factor
      state = state &* factor ^ word
      index &+= 4
    }
    let left = bytes.count &- index
    if left > 0 {
      for offset in 0..<left {
        state ^= UInt32(bytes[index &+ offset]) << UInt32(8 &* offset)
      }
      state = state &* factor
    }
    state ^= state >> 13
    state = state &* factor
    return state ^ (state >> 15)
  }
}
