/// Searches eight bytes at a time: the inner loop of every parser here.
///
/// A word is tested with arithmetic on all eight bytes at once; the lowest flag that such a test
/// sets is exact (a borrow only disturbs bytes above a true hit), and only that one is used. This is
/// the one file that loads words from a `Span`; every load is bounds-checked.
enum WordScan {
  /// A byte in each of eight places.
  @inline(__always) static func spread(_ byte: UInt8) -> UInt64 {
    UInt64(byte) &* 0x0101_0101_0101_0101
  }

  /// The eight bytes at `offset`, the first one lowest.
  @inline(__always) static func word(_ bytes: Span<UInt8>, at offset: Int) -> UInt64 {
    // Safe: the load checks its bounds, and any eight bytes are an integer.
    let word = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    return UInt64(littleEndian: word)
  }

  /// The four bytes at `offset`, the first one lowest.
  @inline(__always) static func halfWord(_ bytes: Span<UInt8>, at offset: Int) -> UInt32 {
    // Safe: the load checks its bounds, and any four bytes are an integer.
    let word = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
    return UInt32(littleEndian: word)
  }

  /// The top bit of each byte below `limit` (at most 0x80).
  @inline(__always) static func below(_ limit: UInt8, _ word: UInt64) -> UInt64 {
    (word &- spread(limit)) & ~word & spread(0x80)
  }

  /// The top bit of each byte that equals `byte`.
  @inline(__always) static func equal(_ byte: UInt8, _ word: UInt64) -> UInt64 {
    below(1, word ^ spread(byte))
  }

  /// Offset of the first control character other than HTAB; `end` when there is none.
  @inline(__always)
  static func firstControl(in bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
    var offset = start
    while offset &+ 8 <= end {
      let word = word(bytes, at: offset)
      let hits = below(ASCII.space, word) | equal(ASCII.delete, word)
      guard hits != 0 else {
        offset &+= 8
        continue
      }
      offset &+= hits.trailingZeroBitCount &>> 3
      if bytes[offset] != ASCII.tab { return offset }
      offset &+= 1
    }
    while offset < end {
      if ASCII.isControl(bytes[offset]) && bytes[offset] != ASCII.tab { return offset }
      offset &+= 1
    }
    return end
  }

  /// Offset of the first control character, space, `one` or `other`; `end` when there is none.
  @inline(__always)
  static func firstDelimiter(
    in bytes: Span<UInt8>, from start: Int, to end: Int, _ one: UInt8, _ other: UInt8
  ) -> Int {
    var offset = start
    while offset &+ 8 <= end {
      let word = word(bytes, at: offset)
      let hits =
        below(ASCII.space + 1, word) | equal(ASCII.delete, word) | equal(one, word)
        | equal(other, word)
      if hits != 0 { return offset &+ hits.trailingZeroBitCount &>> 3 }
      offset &+= 8
    }
    while offset < end {
      let byte = bytes[offset]
      if byte == ASCII.space || ASCII.isControl(byte) || byte == one || byte == other {
        return offset
      }
      offset &+= 1
    }
    return end
  }
}
