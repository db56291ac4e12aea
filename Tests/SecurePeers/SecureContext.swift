import COpenSSL
import Certificates

/// The rules that scripted peers of one kind speak TLS by. Made once, only read afterwards.
public final class SecureContext: @unchecked Sendable {
  let handle: OpaquePointer
  let isServer: Bool

  private init(_ method: OpaquePointer?, isServer: Bool) {
    guard let handle = SSL_CTX_new(method) else { fatalError("memory has run out") }
    self.handle = handle
    self.isServer = isServer
  }

  deinit { SSL_CTX_free(handle) }

  /// The versions of TLS that a peer speaks.
  public enum Version: Sendable, CaseIterable {
    case tls12, tls13

    fileprivate var number: Int32 { self == .tls12 ? TLS1_2_VERSION : TLS1_3_VERSION }
  }

  /// A client that trusts whom the authority has signed.
  public static func client(_ authority: TestAuthority, _ version: Version) -> SecureContext {
    let context = SecureContext(TLS_client_method(), isServer: false)
    _ = copenssl_set_versions(context.handle, version.number, version.number)
    let certificate = withPEM(authority.pem) { PEM_read_bio_X509($0, nil, nil, nil) }
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.handle), certificate)
    X509_free(certificate)
    SSL_CTX_set_verify(context.handle, SSL_VERIFY_PEER, nil)
    KeyLog.keep(context.handle)
    return context
  }

  /// A server with this certificate. It sends `tickets` of them behind a handshake.
  public static func server(
    _ pair: TestAuthority.Pair, _ version: Version, tickets: Int = 2
  ) -> SecureContext {
    let context = SecureContext(TLS_server_method(), isServer: true)
    _ = copenssl_set_versions(context.handle, version.number, version.number)
    let certificate = withPEM(pair.certificate) { PEM_read_bio_X509($0, nil, nil, nil) }
    SSL_CTX_use_certificate(context.handle, certificate)
    X509_free(certificate)
    let key = withPEM(pair.key) { PEM_read_bio_PrivateKey($0, nil, nil, nil) }
    SSL_CTX_use_PrivateKey(context.handle, key)
    EVP_PKEY_free(key)
    SSL_CTX_set_num_tickets(context.handle, tickets)
    return context
  }

  private static func withPEM(
    _ text: [UInt8], _ read: (OpaquePointer?) -> OpaquePointer?
  ) -> OpaquePointer? {
    let bio = BIO_new_mem_buf(text, Int32(text.count))
    defer { BIO_free(bio) }
    return read(bio)
  }
}
