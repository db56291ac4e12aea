import Basics

/// Fields that a proxy answers for: it writes them itself, so nothing that a client sends may be
/// taken for them.
///
/// CGI-style backends fold `X_Forwarded_For` and `X-Forwarded-For` into one variable, so such a
/// twin would let a client say what only the proxy may say.
public enum ControlledField {
  /// True when `name` is not the name of a controlled field but folds into one.
  @inlinable @inline(__always)
  public static func isTwin(_ name: Span<UInt8>) -> Bool {
    mayBeControlled(name) && folds(name)
  }

  /// True when `name` is spelled otherwise than the name that it folds into.
  @usableFromInline static func folds(_ name: Span<UInt8>) -> Bool {
    guard hasFoldedByte(name) else { return false }
    var folded = InlineBytes<32>()
    for index in name.indices { folded.append(isAlphanumeric(name[index]) ? name[index] : 0x2d) }
    if isForwarded(folded.span) { return true }
    switch FieldName(classifying: folded.span) {
    case .host, .connection, .contentLength, .transferEncoding, .te, .upgrade, .expect, .forwarded,
      .xForwardedFor, .xForwardedHost, .xForwardedProto, .xRealIP:
      return true
    default: return false
    }
  }

  /// True for every name that begins with `X-Forwarded-`.
  @inlinable @inline(__always)
  public static func isForwarded(_ name: Span<UInt8>) -> Bool {
    guard name.count > 12, name[0] | 0x20 == 0x78 else { return false }
    return FieldNameMatch.equalIgnoringCase(name.extracting(0..<12), "x-forwarded-")
  }

  /// A twin has the length and the first letter of the name that it stands for; most names fail
  /// here.
  @inlinable @inline(__always) static func mayBeControlled(_ name: Span<UInt8>) -> Bool {
    guard name.count > 1 && name.count <= 32 else { return false }
    switch name[0] | 0x20 {
    case UInt8(ascii: "x"): return name.count >= 9
    case UInt8(ascii: "c"), UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "h"),
      UInt8(ascii: "u"), UInt8(ascii: "e"):
      return true
    default: return false
    }
  }

  /// True when a byte is neither alphanumeric nor a dash.
  private static func hasFoldedByte(_ name: Span<UInt8>) -> Bool {
    for index in name.indices where !isAlphanumeric(name[index]) && name[index] != 0x2d {
      return true
    }
    return false
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    let letter = byte | 0x20
    return (letter >= 0x61 && letter <= 0x7a) || (byte >= 0x30 && byte <= 0x39)
  }
}
