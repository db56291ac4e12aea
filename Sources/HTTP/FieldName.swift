/// The field names that Waybill acts on, and two that nearly every request has, which as known ones
/// need no second look. All others are `.other` and stay bytes of the head.
public enum FieldName: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  case other
  case accept
  case acceptEncoding
  case acceptLanguage
  case accessControlAllowHeaders
  case accessControlAllowOrigin
  case accessControlExposeHeaders
  case accessControlRequestHeaders
  case accessControlRequestMethod
  case connection
  case contentLength
  case contentType
  case cookie
  case date
  case expect
  case forwarded
  case host
  case keepAlive
  case location
  case origin
  case proxyConnection
  case referer
  case server
  case te
  case trailer
  case transferEncoding
  case upgrade
  case userAgent
  case via
  case xForwardedFor
  case xForwardedHost
  case xForwardedProto
  case xRealIP

  /// True for fields about one connection only, which are never forwarded (RFC 9110 section
  /// 7.6.1). Trailer is not one of them: what it announces is forwarded as well.
  @inlinable public var isHopByHop: Bool {
    switch self {
    case .connection, .keepAlive, .proxyConnection, .te, .transferEncoding, .upgrade: true
    default: false
    }
  }

  /// True for fields that say how a message is framed, routed or forwarded: a trailer section must
  /// not hold them (RFC 9110 section 6.5.1), and one that does loses them.
  @inlinable public var isForbiddenInTrailers: Bool {
    switch self {
    case .contentLength, .contentType, .expect, .forwarded, .host, .trailer, .xForwardedFor,
      .xForwardedHost, .xForwardedProto, .xRealIP:
      true
    default: isHopByHop
    }
  }

  /// The name as it is usually written; empty for `.other`.
  public var canonicalName: StaticString {
    switch self {
    case .other: ""
    case .accept: "Accept"
    case .acceptEncoding: "Accept-Encoding"
    case .acceptLanguage: "Accept-Language"
    case .accessControlAllowHeaders: "Access-Control-Allow-Headers"
    case .accessControlAllowOrigin: "Access-Control-Allow-Origin"
    case .accessControlExposeHeaders: "Access-Control-Expose-Headers"
    case .accessControlRequestHeaders: "Access-Control-Request-Headers"
    case .accessControlRequestMethod: "Access-Control-Request-Method"
    case .connection: "Connection"
    case .contentLength: "Content-Length"
    case .contentType: "Content-Type"
    case .cookie: "Cookie"
    case .date: "Date"
    case .expect: "Expect"
    case .forwarded: "Forwarded"
    case .host: "Host"
    case .keepAlive: "Keep-Alive"
    case .location: "Location"
    case .origin: "Origin"
    case .proxyConnection: "Proxy-Connection"
    case .referer: "Referer"
    case .server: "Server"
    case .te: "TE"
    case .trailer: "Trailer"
    case .transferEncoding: "Transfer-Encoding"
    case .upgrade: "Upgrade"
    case .userAgent: "User-Agent"
    case .via: "Via"
    case .xForwardedFor: "X-Forwarded-For"
    case .xForwardedHost: "X-Forwarded-Host"
    case .xForwardedProto: "X-Forwarded-Proto"
    case .xRealIP: "X-Real-IP"
    }
  }
}
