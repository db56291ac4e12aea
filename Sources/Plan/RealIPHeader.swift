/// `real_ip_header`: where the client's address is taken from when the peer is trusted.
public enum RealIPHeader: UInt8, Sendable, BitwiseCopyable {
  /// `X-Real-IP` (nginx's default) or any other field with one address: see `realIPField`.
  case field
  /// `X-Forwarded-For`: the last address, or with `real_ip_recursive` the last that is not trusted.
  case xForwardedFor
  /// See `xForwardedFor`.
  case xForwardedForRecursive
  /// `proxy_protocol`
  case proxyProtocol
}
