import Basics

/// Telling known field names: the length and one letter leave at most one candidate.
extension FieldName {
  /// The known name that `name` is, whatever its case; `.other` when it is none.
  public init(classifying name: Span<UInt8>) {
    let candidate = FieldName.candidate(for: name)
    let isKnown =
      candidate != .other && FieldNameMatch.equalIgnoringCase(name, candidate.canonicalName)
    self = isKnown ? candidate : .other
  }

  /// The only known name of that length and that letter at the place where those differ.
  @inline(__always) private static func candidate(for name: Span<UInt8>) -> FieldName {
    switch name.count {
    case 2: .te
    case 3: .via
    case 4: name[0] | 0x20 == UInt8(ascii: "h") ? .host : .date
    case 6: candidateOfSix(name[0] | 0x20)
    case 7: candidateOfSeven(name[0] | 0x20)
    case 8: name[0] | 0x20 == UInt8(ascii: "l") ? .location : .other
    case 9: name[0] | 0x20 == UInt8(ascii: "x") ? .xRealIP : .forwarded
    case 10: candidateOfTen(name[0] | 0x20)
    case 12: .contentType
    case 14: .contentLength
    case 15: name[0] | 0x20 == UInt8(ascii: "x") ? .xForwardedFor : .other
    case 16: name[0] | 0x20 == UInt8(ascii: "x") ? .xForwardedHost : .proxyConnection
    case 17: name[0] | 0x20 == UInt8(ascii: "x") ? .xForwardedProto : .transferEncoding
    case 27: .accessControlAllowOrigin
    case 28: .accessControlAllowHeaders
    case 29:
      name[15] | 0x20 == UInt8(ascii: "r")
        ? .accessControlRequestMethod : .accessControlExposeHeaders
    case 30: .accessControlRequestHeaders
    default: .other
    }
  }

  @inline(__always) private static func candidateOfSix(_ first: UInt8) -> FieldName {
    switch first {
    case UInt8(ascii: "a"): .accept
    case UInt8(ascii: "c"): .cookie
    case UInt8(ascii: "e"): .expect
    case UInt8(ascii: "o"): .origin
    case UInt8(ascii: "s"): .server
    default: .other
    }
  }

  @inline(__always) private static func candidateOfSeven(_ first: UInt8) -> FieldName {
    switch first {
    case UInt8(ascii: "r"): .referer
    case UInt8(ascii: "t"): .trailer
    case UInt8(ascii: "u"): .upgrade
    default: .other
    }
  }

  @inline(__always) private static func candidateOfTen(_ first: UInt8) -> FieldName {
    switch first {
    case UInt8(ascii: "c"): .connection
    case UInt8(ascii: "k"): .keepAlive
    case UInt8(ascii: "u"): .userAgent
    default: .other
    }
  }
}
