// The client's side: how backends are spoken to.

import COpenSSL

/// The TLS of a `proxy_pass https:`; never changed once it is made.
public final class TLSClientContext: Sendable {
  // OpenSSL counts its references, and nothing changes it after `init`.
  nonisolated(unsafe) let handle: OpaquePointer
  /// `proxy_ssl_verify`
  public let verifies: Bool
  /// `proxy_ssl_session_reuse`
  public let resumesSessions: Bool

  /// A context of these settings.
  public init(_ settings: TLSClientSettings) throws(TLSContextProblem) {
    let builder = try ContextBuilder(TLS_client_method())
    try builder.apply(settings.common)
    if let pair = settings.pair {
      try builder.use(pair, 0, passwords: settings.common.passwords)
    }
    if settings.verifies { SSL_CTX_set_verify(builder.handle, SSL_VERIFY_PEER, nil) }
    let protocols: StaticString = settings.speaksHTTP2 ? "\u{2}h2" : "\u{8}http/1.1"
    SSL_CTX_set_alpn_protos(
      builder.handle, protocols.utf8Start, UInt32(protocols.utf8CodeUnitCount))
    verifies = settings.verifies
    resumesSessions = settings.resumesSessions
    handle = builder.take()
  }

  deinit { SSL_CTX_free(handle) }
}
