// Certificates, keys and revocation lists out of the text of a file (RFC 7468).

import COpenSSL

enum PEM {
  /// All certificates of a text, at least one.
  static func certificates(_ text: [UInt8]) throws(TLSProblem) -> [Certificate] {
    var found: [Certificate] = []
    try forEach(in: text, "certificate") { bio in
      guard let handle = PEM_read_bio_X509(bio, nil, nil, nil) else { return false }
      found.append(Certificate(handle: handle))
      return true
    }
    return found
  }

  /// Adds all revocation lists of a text to a store, at least one.
  static func addRevocationLists(
    _ text: [UInt8], to store: OpaquePointer?
  ) throws(TLSProblem) {
    try forEach(in: text, "certificate revocation list") { bio in
      guard let list = PEM_read_bio_X509_CRL(bio, nil, nil, nil) else { return false }
      defer { X509_CRL_free(list) }
      return X509_STORE_add_crl(store, list) == 1
    }
  }

  /// The private key of a text; each of `passwords` is tried when it is encrypted.
  static func privateKey(
    _ text: [UInt8], passwords: [[UInt8]]
  ) throws(TLSProblem) -> PrivateKey {
    for password in passwords.isEmpty ? [[]] : passwords {
      if let handle = privateKey(text, password: password) { return PrivateKey(handle: handle) }
    }
    // OpenSSL's reason for a wrong password is that of a cipher, and for a certificate in its place
    // that of a decoder: neither helps.
    ERR_clear_error()
    guard holds(text, "PRIVATE KEY-----") else {
      throw TLSProblem("the file has no private key")
    }
    guard holds(text, "ENCRYPTED") else { throw TLSProblem("the private key can't be read") }
    throw TLSProblem(
      passwords.isEmpty
        ? "the private key is encrypted, and no ssl_password_file is set"
        : "the private key is encrypted, and none of the passwords is correct")
  }

  private static func privateKey(_ text: [UInt8], password: [UInt8]) -> OpaquePointer? {
    guard let bio = BIO_new_mem_buf(text, Int32(text.count)) else { return nil }
    defer { BIO_free(bio) }
    ERR_clear_error()
    var password = password
    return withUnsafeMutablePointer(to: &password) { password in
      // Without a callback OpenSSL would ask on the terminal.
      PEM_read_bio_PrivateKey(
        bio, nil,
        { buffer, capacity, _, argument in
          let password = argument?.assumingMemoryBound(to: [UInt8].self).pointee ?? []
          guard !password.isEmpty, password.count <= capacity else { return -1 }
          buffer?.withMemoryRebound(to: UInt8.self, capacity: password.count) {
            $0.update(from: password, count: password.count)
          }
          return Int32(password.count)
        }, password)
    }
  }

  private static func holds(_ text: [UInt8], _ word: StaticString) -> Bool {
    let sought = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
    guard text.count >= sought.count else { return false }
    return (0...text.count - sought.count).contains { start in
      text[start..<start + sought.count].elementsEqual(sought)
    }
  }

  private static func lastReason() -> Int32 {
    Int32(truncatingIfNeeded: ERR_peek_last_error() & 0x7f_ffff)
  }

  /// Calls `body` until it finds nothing more; an error other than the text's end is thrown.
  private static func forEach(
    in text: [UInt8], _ what: String, _ body: (OpaquePointer) -> Bool
  ) throws(TLSProblem) {
    guard let bio = BIO_new_mem_buf(text, Int32(text.count)) else {
      throw .last("out of memory")
    }
    defer { BIO_free(bio) }
    ERR_clear_error()
    var count = 0
    while body(bio) { count += 1 }
    guard lastReason() == PEM_R_NO_START_LINE else {
      throw .last("\(what) \(count + 1) in the file can't be read")
    }
    ERR_clear_error()
    if count == 0 { throw TLSProblem("the file has no \(what)") }
  }
}

/// An X.509 certificate.
final class Certificate {
  let handle: OpaquePointer

  init(handle: OpaquePointer) { self.handle = handle }
  deinit { X509_free(handle) }

  /// How it stands towards a moment, in seconds since 1970-01-01 UTC.
  func validity(at seconds: Int) -> TLSValidity {
    var time = time_t(seconds)
    // 0 is an error of the date itself; -1 lies before the moment, or at it.
    if X509_cmp_time(X509_get0_notAfter(handle), &time) < 0 { return .expired }
    return X509_cmp_time(X509_get0_notBefore(handle), &time) > 0 ? .notYet : .valid
  }
}

/// A private key.
final class PrivateKey {
  let handle: OpaquePointer

  init(handle: OpaquePointer) { self.handle = handle }
  deinit { EVP_PKEY_free(handle) }
}
