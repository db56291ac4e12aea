import Basics

/// What a trailer section must not hold: fields that a recipient has acted on before they came (RFC
/// 9110 section 6.5.1), or that it might take for those of the head when it merges both.
public enum TrailerRule {
  /// True for a field about framing, routing, authentication, request modifiers, response control
  /// data (nginx's X-Accel fields among it) or the form of the content. Names that CGI-style
  /// backends could not tell from such a one are the same.
  public static func forbids(_ name: Span<UInt8>) -> Bool {
    guard name.count <= 40 else { return false }
    var folded = InlineBytes<40>()
    for index in name.indices { folded.append(fold(name[index])) }
    if hasForbiddenPrefix(folded.span) { return true }
    for index in 0..<names.count
    where FieldNameMatch.equalIgnoringCase(folded.span, names[index]) {
      return true
    }
    return false
  }

  /// Content-Digest is the one content field that is meant for trailers (RFC 9530).
  private static func hasForbiddenPrefix(_ name: Span<UInt8>) -> Bool {
    if starts(name, "content-") {
      return !FieldNameMatch.equalIgnoringCase(name, "content-digest")
    }
    return starts(name, "if-") || starts(name, "accept-") || starts(name, "access-control-")
      || starts(name, "proxy-") || starts(name, "sec-") || starts(name, "x-accel-")
  }

  private static func starts(_ name: Span<UInt8>, _ prefix: StaticString) -> Bool {
    let count = prefix.utf8CodeUnitCount
    return name.count >= count
      && FieldNameMatch.equalIgnoringCase(name.extracting(0..<count), prefix)
  }

  private static func fold(_ byte: UInt8) -> UInt8 {
    let letter = ASCII.lowercase(byte)
    return letter &- 0x61 < 26 || ASCII.isDigit(byte) ? letter : 0x2d
  }

  private static let names: InlineArray<33, StaticString> = [
    // Framing and the connection.
    "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "http2-settings",
    // Routing.
    "host", "forwarded", "via", "max-forwards", "x-real-ip",
    // Authentication.
    "authorization", "www-authenticate", "cookie", "set-cookie",
    // Request modifiers.
    "cache-control", "expect", "pragma", "range", "accept", "origin", "referer", "user-agent",
    "x-http-method-override",
    // Response control data.
    "age", "expires", "date", "location", "retry-after", "vary", "warning", "server",
  ]
}
