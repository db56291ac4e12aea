/// Comparing field names: they are case-insensitive (RFC 9110 section 5.1), and some backends see
/// even less of a difference between two of them.
public enum FieldNameMatch {
  /// True when both are equal but for the case of ASCII letters.
  @inlinable @inline(__always)
  public static func equalIgnoringCase(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    left.count == right.count && sameLetters(left, right)
  }

  /// True when `name` equals the literal but for the case of ASCII letters.
  @inlinable @inline(__always)
  public static func equalIgnoringCase(_ name: Span<UInt8>, _ literal: StaticString) -> Bool {
    name.count == literal.utf8CodeUnitCount && sameLetters(name, literal)
  }

  /// True when a CGI-style backend could fold both into one variable: equal but for case, where
  /// every byte that is no letter or digit equals every other (`X-Request-ID`, `X_Request_ID`).
  public static func foldsAlike(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    for index in left.indices where variableByte(left[index]) != variableByte(right[index]) {
      return false
    }
    return true
  }

  /// What a byte of a field name becomes in the name of a CGI variable (RFC 3875 section 4.1.18).
  @inline(__always) private static func variableByte(_ byte: UInt8) -> UInt8 {
    let lowercase = byte | 0x20
    if lowercase &- 0x61 < 26 { return lowercase }
    return ASCII.isDigit(byte) ? byte : 0x5F
  }

  @usableFromInline
  static func sameLetters(_ name: Span<UInt8>, _ literal: StaticString) -> Bool {
    isSpelled(name, literal)
  }

  @usableFromInline
  static func sameLetters(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    compare(left, right)
  }

  /// Compares a name with a literal of the same length. Always inlined, so that the literal becomes
  /// a few constants in the code: right where it is one of many in a `switch` on the length.
  @inline(__always)
  static func isSpelled(_ name: Span<UInt8>, _ literal: StaticString) -> Bool {
    let bytes = unsafe UnsafeBufferPointer(
      start: literal.utf8Start, count: literal.utf8CodeUnitCount)
    // Safe: a literal's bytes live as long as the program.
    return unsafe compare(name, bytes.span)
  }

  /// Compares two spans of equal length, a word at a time; the last word overlaps the one before.
  @inline(__always)
  private static func compare(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    let last = right.count &- 8
    guard last >= 0 else { return sameFewLetters(left, right) }
    var offset = 0
    while offset < last {
      guard sameLetters(WordScan.word(left, at: offset), WordScan.word(right, at: offset)) else {
        return false
      }
      offset &+= 8
    }
    return sameLetters(WordScan.word(left, at: last), WordScan.word(right, at: last))
  }

  /// The same for fewer than eight bytes.
  @inline(__always)
  private static func sameFewLetters(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    let count = right.count
    guard count >= 4 else {
      for index in 0..<count
      where ASCII.lowercase(left[index]) != ASCII.lowercase(right[index]) {
        return false
      }
      return true
    }
    return sameLetters(ends(of: left, count), ends(of: right, count))
  }

  /// The first and the last four of four to seven bytes.
  @inline(__always)
  private static func ends(of bytes: Span<UInt8>, _ count: Int) -> UInt64 {
    let first = UInt64(WordScan.halfWord(bytes, at: 0))
    return first | UInt64(WordScan.halfWord(bytes, at: count &- 4)) &<< 32
  }

  /// True when the bytes of two words differ in the case of letters at most. Names mostly come in
  /// the case that we write them in, so equal words are told first.
  @inline(__always) private static func sameLetters(_ left: UInt64, _ right: UInt64) -> Bool {
    left == right || WordScan.lowercase(left) == WordScan.lowercase(right)
  }
}
