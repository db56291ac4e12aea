// What a log line or a header can say of a session.

import COpenSSL

extension TLSSession {
  /// `TLSv1.3`: `$ssl_protocol`.
  public var protocolName: TLSText { .init(SSL_get_version(handle)) }

  /// The cipher's name in OpenSSL's words: `$ssl_cipher`.
  public var cipherName: TLSText {
    .init(SSL_CIPHER_get_name(SSL_get_current_cipher(handle)))
  }

  /// True when HTTP/2 was agreed on (RFC 9113 section 3.2).
  public var hasChosenHTTP2: Bool {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(handle, &name, &count)
    guard let name, count == 2 else { return false }
    return name[0] == UInt8(ascii: "h") && name[1] == UInt8(ascii: "2")
  }

  /// True when an earlier session was resumed: `$ssl_session_reused`.
  public var isResumed: Bool { SSL_session_reused(handle) == 1 }

  /// The name that the client asked for: `$ssl_server_name`; lives as long as the session.
  public var serverName: TLSText? {
    SSL_get_servername(handle, TLSEXT_NAMETYPE_host_name).map { .init($0) }
  }

  /// Whether the client has shown a certificate, and whether it holds.
  public enum ClientCertificate: Equatable {
    case none
    case verified
    /// Why it does not hold.
    case failed(TLSText)
  }

  /// See `ClientCertificate`: `$ssl_client_verify`.
  public var clientCertificate: ClientCertificate {
    guard SSL_get0_peer_certificate(handle) != nil else { return .none }
    let result = SSL_get_verify_result(handle)
    if result == Int(X509_V_OK) { return .verified }
    return .failed(.init(X509_verify_cert_error_string(result)))
  }

  /// Passes the peer certificate's subject to `body`, as RFC 2253 writes it; nothing without one.
  public func withPeerSubject(_ body: (UnsafeRawBufferPointer) -> Void) {
    guard let certificate = SSL_get0_peer_certificate(handle) else { return }
    withText(of: X509_get_subject_name(certificate), body)
  }

  /// The same for the issuer.
  public func withPeerIssuer(_ body: (UnsafeRawBufferPointer) -> Void) {
    guard let certificate = SSL_get0_peer_certificate(handle) else { return }
    withText(of: X509_get_issuer_name(certificate), body)
  }

  /// Passes the peer certificate in PEM to `body`; nothing without one.
  public func withPeerCertificate(_ body: (UnsafeRawBufferPointer) -> Void) {
    guard let certificate = SSL_get0_peer_certificate(handle),
      let memory = BIO_new(BIO_s_mem())
    else { return }
    defer { BIO_free(memory) }
    guard PEM_write_bio_X509(memory, certificate) == 1 else { return }
    var bytes: UnsafeMutablePointer<CChar>?
    let count = copenssl_memory(memory, &bytes)
    body(UnsafeRawBufferPointer(start: bytes, count: count))
  }

  private func withText(of name: OpaquePointer?, _ body: (UnsafeRawBufferPointer) -> Void) {
    guard let name, let memory = BIO_new(BIO_s_mem()) else { return }
    defer { BIO_free(memory) }
    guard copenssl_print_name(memory, name) >= 0 else { return }
    var bytes: UnsafeMutablePointer<CChar>?
    let count = copenssl_memory(memory, &bytes)
    body(UnsafeRawBufferPointer(start: bytes, count: count))
  }
}
