// What the contexts of both sides have in common.

import COpenSSL

/// What is wrong, and with which setting.
public struct TLSContextProblem: Error, Equatable, Sendable {
  /// The setting.
  public var part: TLSPart
  /// What is wrong with it.
  public var problem: TLSProblem
}

/// A context while it is being made: freed unless it is taken.
struct ContextBuilder: ~Copyable {
  let handle: OpaquePointer
  private var isTaken = false

  init(_ method: OpaquePointer?) throws(TLSContextProblem) {
    guard let handle = SSL_CTX_new(method) else {
      throw TLSContextProblem(part: .versions, problem: .last("OpenSSL can't be initialized"))
    }
    self.handle = handle
    // Buffers only while bytes are on their way: an idle connection must cost little.
    copenssl_set_mode(handle, Int(SSL_MODE_RELEASE_BUFFERS))
    copenssl_turn_off_session_cache(handle)
    _ = SSL_CTX_set_options(
      handle, copenssl_no_compression | copenssl_no_renegotiation)
  }

  deinit { if !isTaken { SSL_CTX_free(handle) } }

  /// The context, which the caller frees.
  consuming func take() -> OpaquePointer {
    isTaken = true
    return handle
  }

  func apply(_ settings: TLSCommonSettings) throws(TLSContextProblem) {
    try setVersions(settings.versions)
    if SSL_CTX_set_cipher_list(handle, settings.ciphers) != 1 {
      throw TLSContextProblem(part: .ciphers, problem: .last("none of these ciphers is known"))
    }
    if let names = settings.ciphersuites, SSL_CTX_set_ciphersuites(handle, names) != 1 {
      throw TLSContextProblem(
        part: .ciphersuites, problem: .last("one of these cipher suites is unknown"))
    }
    if let names = settings.groups, copenssl_set_groups(handle, names) != 1 {
      throw TLSContextProblem(part: .groups, problem: .last("one of these curves is unknown"))
    }
    try trust(settings)
  }

  private func setVersions(_ versions: TLSVersions) throws(TLSContextProblem) {
    let known: [(TLSVersions, number: Int32, off: UInt64)] = [
      (.tls10, TLS1_VERSION, copenssl_no_tls10),
      (.tls11, TLS1_1_VERSION, copenssl_no_tls11),
      (.tls12, TLS1_2_VERSION, copenssl_no_tls12),
      (.tls13, TLS1_3_VERSION, copenssl_no_tls13),
    ]
    let wanted = known.filter { versions.contains($0.0) }
    guard let least = wanted.first, let most = wanted.last,
      copenssl_set_versions(handle, least.number, most.number) == 1
    else {
      throw TLSContextProblem(part: .versions, problem: .last("OpenSSL rejects these versions"))
    }
    for version in known where !versions.contains(version.0) {
      _ = SSL_CTX_set_options(handle, version.off)
    }
  }

  private func trust(_ settings: TLSCommonSettings) throws(TLSContextProblem) {
    SSL_CTX_set_verify_depth(handle, Int32(settings.verifyDepth))
    let store = SSL_CTX_get_cert_store(handle)
    for file in settings.authorities {
      do throws(TLSProblem) {
        for certificate in try PEM.certificates(file.bytes) {
          X509_STORE_add_cert(store, certificate.handle)
        }
      } catch { throw TLSContextProblem(part: .authorities, problem: error) }
    }
    guard let lists = settings.revocationLists else { return }
    do throws(TLSProblem) {
      try PEM.addRevocationLists(lists.bytes, to: store)
    } catch { throw TLSContextProblem(part: .revocationLists, problem: error) }
    X509_STORE_set_flags(store, UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL))
  }

  /// Adds the pair with that number.
  func use(_ pair: TLSPair, _ number: Int, passwords: [[UInt8]]) throws(TLSContextProblem) {
    do throws(TLSProblem) {
      let certificates = try PEM.certificates(pair.certificates.bytes)
      guard SSL_CTX_use_certificate(handle, certificates[0].handle) == 1 else {
        throw .last("OpenSSL rejects the certificate")
      }
      for certificate in certificates.dropFirst() {
        guard copenssl_add_chain_certificate(handle, certificate.handle) == 1 else {
          throw .last("OpenSSL rejects the chain")
        }
      }
    } catch { throw TLSContextProblem(part: .certificate(number), problem: error) }
    do throws(TLSProblem) {
      let key = try PEM.privateKey(pair.key.bytes, passwords: passwords)
      guard SSL_CTX_use_PrivateKey(handle, key.handle) == 1,
        SSL_CTX_check_private_key(handle) == 1
      else {
        ERR_clear_error()
        throw TLSProblem("the key does not match the certificate in \(pair.certificates.path)")
      }
    } catch { throw TLSContextProblem(part: .key(number), problem: error) }
  }
}

/// The groups for key exchange that OpenSSL has.
public enum TLSGroups {
  /// Whether all groups of a list, as `ssl_ecdh_curve` has it, are known.
  public static func areKnown(_ list: String) -> Bool {
    guard let context = SSL_CTX_new(TLS_method()) else { return false }
    defer { SSL_CTX_free(context) }
    defer { ERR_clear_error() }
    return copenssl_set_groups(context, list) == 1
  }
}

/// How a certificate stands towards a moment: what `-t` warns of.
public enum TLSValidity: Equatable, Sendable {
  case valid, expired, notYet

  /// Of the first certificate of `file` at a moment, in seconds since 1970-01-01 UTC.
  public static func of(_ file: TLSFile, at seconds: Int) -> TLSValidity {
    guard let first = try? PEM.certificates(file.bytes).first else { return .valid }
    return first.validity(at: seconds)
  }
}
