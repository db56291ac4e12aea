/// Telling known field names: the length and one letter leave at most one candidate.
extension FieldName {
  /// The known name that `name` is, whatever its case; `.other` when it is none.
  public init(classifying name: Span<UInt8>) {
    switch name.count {
    case 2...4: self = FieldName.short(name)
    case 6: self = FieldName.ofSix(name)
    case 7: self = FieldName.ofSeven(name)
    case 8: self = FieldName.check(name, "Location", .location)
    case 9: self = FieldName.ofNine(name)
    case 10: self = FieldName.ofTen(name)
    case 12: self = FieldName.check(name, "Content-Type", .contentType)
    case 13: self = FieldName.check(name, "Authorization", .authorization)
    case 14: self = FieldName.ofFourteen(name)
    case 15: self = FieldName.ofFifteen(name)
    case 16...17: self = FieldName.ofSixteenOrSeventeen(name)
    case 19: self = FieldName.check(name, "Proxy-Authorization", .proxyAuthorization)
    case 27...30: self = FieldName.accessControl(name)
    default: self = .other
    }
  }

  /// `known` when `name` is spelled like `literal`, which has the same length.
  @inline(__always)
  private static func check(
    _ name: Span<UInt8>, _ literal: StaticString, _ known: FieldName
  ) -> FieldName {
    FieldNameMatch.isSpelled(name, literal) ? known : .other
  }

  @inline(__always) private static func short(_ name: Span<UInt8>) -> FieldName {
    switch name.count {
    case 2: check(name, "TE", .te)
    case 3: check(name, "Via", .via)
    default:
      name[0] | 0x20 == UInt8(ascii: "h")
        ? check(name, "Host", .host) : check(name, "Date", .date)
    }
  }

  @inline(__always) private static func ofSix(_ name: Span<UInt8>) -> FieldName {
    switch name[0] | 0x20 {
    case UInt8(ascii: "a"): check(name, "Accept", .accept)
    case UInt8(ascii: "c"): check(name, "Cookie", .cookie)
    case UInt8(ascii: "e"): check(name, "Expect", .expect)
    case UInt8(ascii: "o"): check(name, "Origin", .origin)
    default: check(name, "Server", .server)
    }
  }

  @inline(__always) private static func ofSeven(_ name: Span<UInt8>) -> FieldName {
    switch name[0] | 0x20 {
    case UInt8(ascii: "r"): check(name, "Referer", .referer)
    case UInt8(ascii: "t"): check(name, "Trailer", .trailer)
    default: check(name, "Upgrade", .upgrade)
    }
  }

  @inline(__always) private static func ofNine(_ name: Span<UInt8>) -> FieldName {
    name[0] | 0x20 == UInt8(ascii: "x")
      ? check(name, "X-Real-IP", .xRealIP) : check(name, "Forwarded", .forwarded)
  }

  @inline(__always) private static func ofTen(_ name: Span<UInt8>) -> FieldName {
    switch name[0] | 0x20 {
    case UInt8(ascii: "c"): check(name, "Connection", .connection)
    case UInt8(ascii: "k"): check(name, "Keep-Alive", .keepAlive)
    default: check(name, "User-Agent", .userAgent)
    }
  }

  @inline(__always) private static func ofFourteen(_ name: Span<UInt8>) -> FieldName {
    name[0] | 0x20 == UInt8(ascii: "c")
      ? check(name, "Content-Length", .contentLength)
      : check(name, "HTTP2-Settings", .http2Settings)
  }

  @inline(__always) private static func ofFifteen(_ name: Span<UInt8>) -> FieldName {
    switch name[7] | 0x20 {
    case UInt8(ascii: "e"): check(name, "Accept-Encoding", .acceptEncoding)
    case UInt8(ascii: "l"): check(name, "Accept-Language", .acceptLanguage)
    default: check(name, "X-Forwarded-For", .xForwardedFor)
    }
  }

  @inline(__always) private static func ofSixteenOrSeventeen(_ name: Span<UInt8>) -> FieldName {
    let startsWithX = name[0] | 0x20 == UInt8(ascii: "x")
    if name.count == 16 {
      return startsWithX
        ? check(name, "X-Forwarded-Host", .xForwardedHost)
        : check(name, "Proxy-Connection", .proxyConnection)
    }
    return startsWithX
      ? check(name, "X-Forwarded-Proto", .xForwardedProto)
      : check(name, "Transfer-Encoding", .transferEncoding)
  }

  /// Not inlined: these come in few requests.
  @inline(never) private static func accessControl(_ name: Span<UInt8>) -> FieldName {
    switch name.count {
    case 27: check(name, "Access-Control-Allow-Origin", .accessControlAllowOrigin)
    case 28: check(name, "Access-Control-Allow-Headers", .accessControlAllowHeaders)
    case 29:
      name[15] | 0x20 == UInt8(ascii: "r")
        ? check(name, "Access-Control-Request-Method", .accessControlRequestMethod)
        : check(name, "Access-Control-Expose-Headers", .accessControlExposeHeaders)
    default: check(name, "Access-Control-Request-Headers", .accessControlRequestHeaders)
    }
  }
}
