import Basics

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
  @inline(__always)
  static func firstControl(in bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
    precondition(start >= 0 && end <= bytes.count, "WordScan.firstControl out of bounds")
    var offset = start
    while offset &+ 16 <= end {
      let hits = controls(in: block(bytes, at: offset)).topBits
      guard hits != 0 else {
        offset &+= 16
        continue
      }
      offset &+= hits.trailingZeroBitCount
      if bytes[offset] != ASCII.tab { return offset }
      offset &+= 1
    }
    return firstControl(inTailOf: bytes, from: offset, to: end)
  }

  /// The same where fewer than sixteen bytes are left: in the last line that has come.
  @inline(never)
  private static func firstControl(
    inTailOf bytes: Span<UInt8>, from start: Int, to end: Int
  ) -> Int {
    var offset = start
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

  /// Offset of the first colon, space or control character; `end` when there is none. Names are
  /// mostly shorter than sixteen bytes.
  @inline(__always)
  static func endOfName(in bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
    precondition(start >= 0 && end <= bytes.count, "WordScan.endOfName out of bounds")
    var offset = start
    if offset &+ 16 <= end {
      let hits = nameEnds(in: block(bytes, at: offset)).topBits
      if hits != 0 { return offset &+ hits.trailingZeroBitCount }
      offset &+= 16
    }
    return endOfName(inTailOf: bytes, from: offset, to: end)
  }

  /// The same for what is left of a long name, or near the end of what has come.
  @inline(never)
  private static func endOfName(inTailOf bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
    firstDelimiter(in: bytes, from: start, to: end, ASCII.colon, ASCII.colon)
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

  /// Sets the top bit of each control character, HTAB among them; other bits mean nothing.
  @inline(__always)
  private static func controls(in block: SIMD16<UInt8>) -> SIMD16<UInt8> {
    let belowSpace: SIMD16<UInt8> = block &- SIMD16(repeating: ASCII.space)
    return (belowSpace | equal(ASCII.delete, block)) & ~block
  }

  /// Sets the top bit of each colon, space and control character; other bits mean nothing.
  @inline(__always)
  private static func nameEnds(in block: SIMD16<UInt8>) -> SIMD16<UInt8> {
    let toSpace: SIMD16<UInt8> = block &- SIMD16(repeating: ASCII.space + 1)
    let either: SIMD16<UInt8> = equal(ASCII.delete, block) | equal(ASCII.colon, block)
    return (toSpace | either) & ~block
  }

  /// Sets the top bit of each byte that equals `byte`, and perhaps of others from 0x80 on.
  @inline(__always)
  private static func equal(_ byte: UInt8, _ block: SIMD16<UInt8>) -> SIMD16<UInt8> {
    (block ^ SIMD16(repeating: byte)) &- SIMD16(repeating: 1)
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

  /// True when `byte` stands twice side by side in a word, or perhaps when it stands beside the one
  /// that differs from it in the last bit alone.
  @inline(__always) static func hasPair(of byte: UInt8, _ word: UInt64) -> Bool {
    let hits = equal(byte, word)
    return hits & hits &>> 8 != 0
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
