/// Bytes by name, and sets of them. Sets are two words of bits: no table in memory, no branch.

/// Names for the bytes that HTTP's grammar is made of (RFC 5234 appendix B.1).
enum ASCII {
  static let tab: UInt8 = 0x09
  static let lineFeed: UInt8 = 0x0A
  static let carriageReturn: UInt8 = 0x0D
  static let space: UInt8 = 0x20
  static let numberSign: UInt8 = 0x23
  static let percent: UInt8 = 0x25
  static let asterisk: UInt8 = 0x2A
  static let plus: UInt8 = 0x2B
  static let comma: UInt8 = 0x2C
  static let dot: UInt8 = 0x2E
  static let slash: UInt8 = 0x2F
  static let zero: UInt8 = 0x30
  static let colon: UInt8 = 0x3A
  static let semicolon: UInt8 = 0x3B
  static let equals: UInt8 = 0x3D
  static let questionMark: UInt8 = 0x3F
  static let leftBracket: UInt8 = 0x5B
  static let rightBracket: UInt8 = 0x5D
  static let delete: UInt8 = 0x7F

  /// True below 0x20 and for DEL.
  @inline(__always) static func isControl(_ byte: UInt8) -> Bool {
    byte < space || byte == delete
  }

  /// True for SP and HTAB: optional white space (RFC 9110 section 5.6.3).
  @inline(__always) static func isBlank(_ byte: UInt8) -> Bool {
    byte == space || byte == tab
  }

  /// True for 0 to 9.
  @inline(__always) static func isDigit(_ byte: UInt8) -> Bool {
    byte &- zero < 10
  }

  /// What a hexadecimal digit stands for; nil when `byte` is none.
  @inline(__always) static func hexadecimalValue(_ byte: UInt8) -> UInt8? {
    if isDigit(byte) { return byte &- zero }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? letter &+ 10 : nil
  }

  /// The lowercase of a letter, any other byte as it is.
  @inline(__always) static func lowercase(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
  }
}

/// A set of ASCII bytes.
struct ByteSet {
  /// One bit for each of 0 to 63.
  let low: UInt64
  /// One bit for each of 64 to 127.
  let high: UInt64

  /// True when `byte` is one of the set.
  @inline(__always) func contains(_ byte: UInt8) -> Bool {
    byte < 128 && ((byte < 64 ? low : high) &>> UInt64(byte & 63)) & 1 != 0
  }

  /// Offset of the first byte that is not of the set; `end` when there is none. Only for sets with
  /// all letters, digits, hyphen and dot: a word of these takes one test.
  @inline(__always)
  func firstOutside(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
    precondition(start >= 0 && end <= bytes.count, "ByteSet.firstOutside out of bounds")
    var offset = start
    while offset &+ 8 <= end && WordScan.areNameBytes(WordScan.word(bytes, at: offset)) {
      offset &+= 8
    }
    let isLastWord = offset > start && offset &+ 8 > end
    if isLastWord && WordScan.areNameBytes(WordScan.word(bytes, at: end &- 8)) { return end }
    while offset < end && contains(bytes[offset]) { offset &+= 1 }
    return offset
  }

  /// True when all of `bytes` are of the set, for the same sets.
  @inline(__always) func containsAll(of bytes: Span<UInt8>) -> Bool {
    firstOutside(bytes, from: 0, to: bytes.count) == bytes.count
  }

  /// What tokens are made of (RFC 9110 section 5.6.2).
  @inline(__always) static var token: ByteSet {
    ByteSet(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)
  }

  /// What a registered name is made of: unreserved, sub-delims and `%` (RFC 3986 section 3.2.2).
  @inline(__always) static var registeredName: ByteSet {
    ByteSet(low: 0x2BFF_7FF2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
  }

  /// The same without `%`, which is part of such a name only before two hexadecimal digits.
  @inline(__always) static var unencodedName: ByteSet {
    ByteSet(low: 0x2BFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
  }

  /// What may stand in a path unescaped, as nginx escapes it: visible characters other than
  /// `" # % < > ? \ ^ ` { | }`.
  @inline(__always) static var path: ByteSet {
    ByteSet(low: 0x2FFF_FFD2_0000_0000, high: 0x47FF_FFFE_AFFF_FFFF)
  }
}
