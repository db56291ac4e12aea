import HTTP
import Plan

/// What a conf file may say of fields.
enum FieldSyntax {
  /// True for a token (RFC 9110 section 5.6.2).
  static func isToken(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
      }
  }

  /// The name's entry in the list of names that Waybill acts on.
  static func classify(_ name: String) -> FieldName {
    let bytes = Array(name.utf8)
    return FieldName(classifying: bytes.span)
  }

  /// True for two names that CGI-style backends can't tell apart.
  static func foldAlike(_ left: String, _ right: String) -> Bool {
    let first = Array(left.utf8)
    let second = Array(right.utf8)
    return FieldNameMatch.foldsAlike(first.span, second.span)
  }

  /// What `add_header` does to a field of that name which is there already. A response has one of
  /// those that are named here (RFC 9110 section 5.3, for Access-Control-* the Fetch standard): two
  /// would leave it to each recipient which one counts.
  static func replacement(_ name: String) -> FieldReplacement {
    switch name.lowercased() {
    case "etag", "last-modified": .always
    case "access-control-allow-credentials", "access-control-allow-origin",
      "access-control-max-age", "age", "content-disposition", "content-location", "content-range",
      "content-type", "date", "expires", "location", "retry-after", "server":
      .unlessEmpty
    default: .none
    }
  }

  /// True for the fields that frame a message or belong to one connection: Waybill alone writes
  /// them (RFC 9110 section 7.6.1, RFC 9112 section 6).
  static func isManaged(_ name: FieldName) -> Bool {
    switch name {
    case .connection, .contentLength, .http2Settings, .keepAlive, .proxyConnection, .te, .trailer,
      .transferEncoding, .upgrade:
      true
    default: false
    }
  }
}
