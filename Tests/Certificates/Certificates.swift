// Certificates for tests, made while they run, so that none expires in the repository.

import COpenSSL

/// An authority that signs certificates for tests.
public final class TestAuthority: Sendable {
  // Made once, only read afterwards.
  private nonisolated(unsafe) let key: OpaquePointer?
  private nonisolated(unsafe) let certificate: OpaquePointer?

  /// An authority of that name, whose own certificate is `pem`.
  public init(_ name: String = "Test Authority") {
    key = Self.makeKey()
    certificate = Self.make(
      name, key, serial: 1, days: -10...3650, extensions: [(NID_basic_constraints, "CA:TRUE")],
      issuer: nil, signer: key)
  }

  deinit {
    X509_free(certificate)
    EVP_PKEY_free(key)
  }

  /// Its certificate as a file holds it.
  public var pem: [UInt8] { Self.text(certificate) }

  /// A certificate and its key as files hold them.
  public struct Pair: Sendable {
    /// In PEM.
    public var certificate: [UInt8]
    /// In PEM, PKCS #8.
    public var key: [UInt8]
  }

  /// A certificate for `name`, valid on `days` counted from today.
  public func issue(
    _ name: String, days: ClosedRange<Int> = -1...30, password: String? = nil
  ) -> Pair {
    let own = Self.makeKey()
    let made = Self.make(
      name, own, serial: 2, days: days,
      extensions: [(NID_subject_alt_name, "DNS:\(name)")], issuer: certificate, signer: key)
    defer {
      X509_free(made)
      EVP_PKEY_free(own)
    }
    return Pair(certificate: Self.text(made), key: Self.text(key: own, password))
  }

  // Ed25519 needs no parameters, and no choice of a digest.
  private static func makeKey() -> OpaquePointer? {
    let context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil)
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    EVP_PKEY_keygen_init(context)
    EVP_PKEY_keygen(context, &key)
    return key
  }

  private static func make(
    _ name: String, _ key: OpaquePointer?, serial: Int, days: ClosedRange<Int>,
    extensions: [(kind: Int32, value: String)], issuer: OpaquePointer?, signer: OpaquePointer?
  ) -> OpaquePointer? {
    let made = X509_new()
    X509_set_version(made, 2)
    ASN1_INTEGER_set(X509_get_serialNumber(made), serial)
    X509_gmtime_adj(X509_getm_notBefore(made), days.lowerBound * 86_400)
    X509_gmtime_adj(X509_getm_notAfter(made), days.upperBound * 86_400)
    X509_set_pubkey(made, key)
    X509_NAME_add_entry_by_txt(
      X509_get_subject_name(made), "CN", MBSTRING_UTF8, name, -1, -1, 0)
    X509_set_issuer_name(made, X509_get_subject_name(issuer ?? made))
    for item in extensions {
      let value = X509V3_EXT_conf_nid(nil, nil, item.kind, item.value)
      X509_add_ext(made, value, -1)
      X509_EXTENSION_free(value)
    }
    X509_sign(made, signer, nil)
    return made
  }

  private static func text(_ certificate: OpaquePointer?) -> [UInt8] {
    collect { PEM_write_bio_X509($0, certificate) }
  }

  private static func text(key: OpaquePointer?, _ password: String?) -> [UInt8] {
    collect { bio in
      guard let password else {
        return PEM_write_bio_PKCS8PrivateKey(bio, key, nil, nil, 0, nil, nil)
      }
      var bytes = Array(password.utf8CString)
      return PEM_write_bio_PKCS8PrivateKey(
        bio, key, EVP_aes_128_cbc(), &bytes, Int32(bytes.count - 1), nil, nil)
    }
  }

  private static func collect(_ write: (OpaquePointer?) -> Int32) -> [UInt8] {
    let bio = BIO_new(BIO_s_mem())
    defer { BIO_free(bio) }
    guard write(bio) == 1 else { return [] }
    var bytes: UnsafeMutablePointer<CChar>?
    let count = copenssl_memory(bio, &bytes)
    return Array(UnsafeRawBufferPointer(start: bytes, count: count))
  }
}
