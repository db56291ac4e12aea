/// The field names that Waybill acts on; all others are `.other` and stay bytes of the head.
public enum FieldName: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  case other
  case accept
  case accessControlAllowHeaders
  case accessControlAllowOrigin
  case accessControlExposeHeaders
  case accessControlRequestHeaders
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
}
