import Basics

/// Fields that a proxy answers for: it writes them itself, so nothing that a client sends may be taken
/// for them.
///
/// CGI-style backends fold `X_Forwarded_For` and `X-Forwarded-For` into one variable, so such a twin would
/// let a client say what only the proxy may say.
public enum ControlledField {
  /// Longest name that has a twin worth looking for: that of `Access-Control-Request-Headers` is longer
  /// than any controlled one.
  private static var longestName: Int { 32 }

  /// True when `name` is not the name of a controlled field but folds into one.
  public static func isTwin(_ name: Span<UInt8>) -> Bool {
    guard name.count <= longestName, hasFoldedByte(name) else { return false }
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
  public static func isForwarded(_ name: Span<UInt8>) -> Bool {
    guard name.count > 12, name[0] | 0x20 == 0x78 else { return false }
    return FieldNameMatch.equalIgnoringCase(name.extracting(0..<12), "x-forwarded-")
  }

  /// True for fields that must not stand in a trailer section (RFC 9110 section 6.5.1).
  public static func isForbiddenInTrailers(_ known: FieldName) -> Bool {
    switch known {
    case .connection, .contentLength, .host, .keepAlive, .proxyConnection, .te, .trailer,
      .transferEncoding, .upgrade, .expect, .forwarded, .xForwardedFor, .xForwardedHost,
      .xForwardedProto, .xRealIP, .cookie:
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
