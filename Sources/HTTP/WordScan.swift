/// Searches eight or sixteen bytes at a time: the inner loop of every parser here.
///
/// A word is tested with arithmetic on all eight bytes at once. Such a test is exact for its lowest
/// flag (a borrow only disturbs bytes above a true hit), and only that one is used. This is the one
/// file that loads words from a `Span`; each search checks its bounds once, before its first load.
enum WordScan {
  /// The eight bytes at `offset`, the first one lowest. The caller has checked that they exist.
  @inline(__always) static func word(_ bytes: Span<UInt8>, at offset: Int) -> UInt64 {
    // Safe: every caller compares `offset` with the count first; any eight bytes are an integer.
    let word = unsafe bytes.bytes.unsafeLoadUnaligned(
      fromUncheckedByteOffset: offset, as: UInt64.self)
    return UInt64(littleEndian: word)
  }

  /// The four bytes at `offset`, the first one lowest. The caller has checked that they exist.
  @inline(__always) static func halfWord(_ bytes: Span<UInt8>, at offset: Int) -> UInt32 {
    // Safe: every caller compares `offset` with the count first; any four bytes are an integer.
    let word = unsafe bytes.bytes.unsafeLoadUnaligned(
      fromUncheckedByteOffset: offset, as: UInt32.self)
    return UInt32(littleEndian: word)
  }

  /// Offset of the first control character other than HTAB; `end` when there is none.
  ///
  /// Not inlined: values are long, and here the constants of the loop stay in registers.
  @inline(never)
  static func firstControl(in bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
    precondition(start >= 0 && end <= bytes.count, "WordScan.firstControl out of bounds")
    var offset = start
    while offset &+ 16 <= end {
      let hits = controls(in: block(bytes, at: offset))
      guard hits.low | hits.high != 0 else {
        offset &+= 16
        continue
      }
      offset &+=
        hits.low != 0
        ? hits.low.trailingZeroBitCount &>> 3 : 8 &+ hits.high.trailingZeroBitCount &>> 3
      if bytes[offset] != ASCII.tab { return offset }
      offset &+= 1
    }
    if offset &+ 8 <= end {
      let word = word(bytes, at: offset)
      let hits = below(ASCII.space, word) | equal(ASCII.delete, word)
      offset &+= hits == 0 ? 8 : hits.trailingZeroBitCount &>> 3
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
    precondition(start >= 0 && end <= bytes.count, "WordScan.firstDelimiter out of bounds")
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

/// Sixteen bytes at a time. Only arithmetic on all of them: comparing them makes a loop over single
/// bytes.
extension WordScan {
  /// The sixteen bytes at `offset`. The caller has checked that they exist.
  @inline(__always)
  private static func block(_ bytes: Span<UInt8>, at offset: Int) -> SIMD16<UInt8> {
    // Safe: every caller compares `offset` with the count first; any sixteen bytes are a vector.
    unsafe bytes.bytes.unsafeLoadUnaligned(
      fromUncheckedByteOffset: offset, as: SIMD16<UInt8>.self)
  }

  /// The top bit of each control character, HTAB among them: of the first eight bytes and of the
  /// others.
  @inline(__always)
  private static func controls(in block: SIMD16<UInt8>) -> (low: UInt64, high: UInt64) {
    let belowSpace: SIMD16<UInt8> = block &- SIMD16(repeating: ASCII.space)
    let deletes: SIMD16<UInt8> =
      (block ^ SIMD16(repeating: ASCII.delete)) &- SIMD16(repeating: 1)
    let hits: SIMD16<UInt8> = (belowSpace | deletes) & ~block
    // Safe: both are sixteen bytes without a meaning of their own.
    let words = unsafe unsafeBitCast(hits, to: SIMD2<UInt64>.self)
    return (
      UInt64(littleEndian: words[0]) & spread(0x80), UInt64(littleEndian: words[1]) & spread(0x80)
    )
  }
}

/// Tests on all bytes of a word at once. Each sets the top bit of the bytes that it is true for.
extension WordScan {
  /// A byte in each of eight places.
  @inline(__always) static func spread(_ byte: UInt8) -> UInt64 {
    UInt64(byte) &* 0x0101_0101_0101_0101
  }

  /// Bytes below `limit` (at most 0x80).
  @inline(__always) static func below(_ limit: UInt8, _ word: UInt64) -> UInt64 {
    maybeBelow(limit, word) & ~word & spread(0x80)
  }

  /// Bytes that equal `byte`.
  @inline(__always) static func equal(_ byte: UInt8, _ word: UInt64) -> UInt64 {
    below(1, word ^ spread(byte))
  }

  /// Bytes below `limit`, and perhaps others from 0x80 on; other bits mean nothing. Costs less.
  @inline(__always) static func maybeBelow(_ limit: UInt8, _ word: UInt64) -> UInt64 {
    word &- spread(limit)
  }

  /// Bytes that equal `byte`, and perhaps others from 0x80 on; other bits mean nothing.
  @inline(__always) static func maybeEqual(_ byte: UInt8, _ word: UInt64) -> UInt64 {
    maybeBelow(1, word ^ spread(byte))
  }

  /// True when all eight bytes are letters, digits, hyphens or dots: what names are mostly made of.
  @inline(__always) static func areNameBytes(_ word: UInt64) -> Bool {
    let sevenBits = word & spread(0x7F)
    let folded = sevenBits | spread(0x20)
    let letters = (folded &+ spread(0x80 - 0x61)) & ~(folded &+ spread(0x80 - 0x7B))
    let hyphenToNine = (sevenBits &+ spread(0x80 - 0x2D)) & ~(sevenBits &+ spread(0x80 - 0x3A))
    let notSlashes = (sevenBits ^ spread(ASCII.slash)) &+ spread(0x7F)
    let matches = (letters | (hyphenToNine & notSlashes)) & ~word
    return matches & spread(0x80) == spread(0x80)
  }

  /// The word with its ASCII letters made lowercase.
  @inline(__always) static func lowercase(_ word: UInt64) -> UInt64 {
    let sevenBits = word & spread(0x7F)
    let fromA = sevenBits &+ spread(0x80 - 0x41)
    let beyondZ = sevenBits &+ spread(0x80 - 0x5B)
    let uppercase = fromA & ~beyondZ & ~word & spread(0x80)
    return word | uppercase &>> 2
  }
}
