import Basics
import HTTP

/// Reads Basic credentials (RFC 7617 section 2).
public enum BasicCredentials {
  /// Bytes of a user name that are kept; a longer one is cut, it is only shown.
  static var userBytes: Int { 256 }

  /// Writes what an Authorization field's value holds: the user, a colon, the password. Returns the
  /// number of the user's bytes; nil when the scheme is another one, the base64 is malformed, there
  /// is no user, or not all of it fits.
  public static func decode(_ value: Span<UInt8>, into writer: inout ByteWriter) -> Int? {
    guard var position = credentialsStart(in: value) else { return nil }
    var bits: UInt32 = 0
    var bitCount: UInt32 = 0
    var userCount: Int?
    while position < value.count, let digit = sextet(value[position]) {
      bits = bits &<< 6 | digit
      bitCount &+= 6
      if bitCount >= 8 {
        bitCount &-= 8
        let byte = UInt8(truncatingIfNeeded: bits &>> bitCount)
        if byte == UInt8(ascii: ":") && userCount == nil { userCount = writer.count }
        writer.append(byte)
      }
      position += 1
    }
    // Nothing but padding may follow.
    while position < value.count {
      guard value[position] == UInt8(ascii: "=") else { return nil }
      position += 1
    }
    guard !writer.overflowed, bitCount != 6, let userCount, userCount > 0 else { return nil }
    return userCount
  }

  /// The user of an Authorization field's value; empty when the scheme is another one, the base64
  /// is malformed or no colon follows.
  static func user(of value: Span<UInt8>) -> InlineBytes<256> {
    var user = InlineBytes<256>()
    guard var position = credentialsStart(in: value) else { return user }
    var bits: UInt32 = 0
    var bitCount: UInt32 = 0
    while position < value.count, let digit = sextet(value[position]) {
      bits = bits &<< 6 | digit
      bitCount &+= 6
      if bitCount >= 8 {
        bitCount &-= 8
        let byte = UInt8(truncatingIfNeeded: bits &>> bitCount)
        if byte == UInt8(ascii: ":") { return user }
        user.append(byte)
      }
      position += 1
    }
    user.removeAll()
    return user
  }

  /// Where the credentials begin behind `Basic` and at least one space.
  private static func credentialsStart(in value: Span<UInt8>) -> Int? {
    guard value.count > 6, value[5] == UInt8(ascii: " "),
      FieldNameMatch.equalIgnoringCase(value.extracting(0..<5), "basic")
    else { return nil }
    var position = 6
    while position < value.count && value[position] == UInt8(ascii: " ") { position += 1 }
    return position
  }

  /// The six bits of a base64 digit (RFC 4648 section 4); nil for any other byte, padding included.
  private static func sextet(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
