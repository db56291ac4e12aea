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
  case authorization
  case connection
  case contentLength
  case contentType
  case cookie
  case date
  case expect
  case forwarded
  case host
  case http2Settings
  case keepAlive
  case location
  case origin
  case proxyAuthorization
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
    case .connection, .http2Settings, .keepAlive, .proxyConnection, .te, .transferEncoding,
      .upgrade:
      true
    default: false
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
    case .authorization: "Authorization"
    case .connection: "Connection"
    case .contentLength: "Content-Length"
    case .contentType: "Content-Type"
    case .cookie: "Cookie"
    case .date: "Date"
    case .expect: "Expect"
    case .forwarded: "Forwarded"
    case .host: "Host"
    case .http2Settings: "HTTP2-Settings"
    case .keepAlive: "Keep-Alive"
    case .location: "Location"
    case .origin: "Origin"
    case .proxyAuthorization: "Proxy-Authorization"
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
