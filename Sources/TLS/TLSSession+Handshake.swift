// What was said in a handshake, for variables that few conf files ask for.

import COpenSSL

/// Something of a session that is written as a text.
public enum TLSDetail: Sendable {
  /// The application protocol that was agreed on: `$ssl_alpn_protocol`.
  case applicationProtocol
  /// The ciphers that the client offers, colons between them: `$ssl_ciphers`.
  case clientCiphers
  /// The group that the keys were agreed on in: `$ssl_curve`.
  case group
  /// The groups that the client offers: `$ssl_curves`.
  case clientGroups
  /// The session's identifier in hexadecimal: `$ssl_session_id`.
  case sessionID
  /// Of the peer's certificate, in OpenSSL's old form: `$ssl_client_i_dn_legacy`.
  case peerIssuer
  /// The same of its subject: `$ssl_client_s_dn_legacy`.
  case peerSubject
  /// When the peer's certificate becomes valid: `$ssl_client_v_start`.
  case peerValidFrom
  /// When it ceases to be: `$ssl_client_v_end`.
  case peerValidUntil
  /// Whole days until then: `$ssl_client_v_remain`.
  case peerRemainingDays
}

extension TLSSession {
  /// Passes a detail to `body`, as nginx writes it; nothing where there is none.
  public func with(_ detail: TLSDetail, _ body: (UnsafeRawBufferPointer) -> Void) {
    guard let memory = BIO_new(BIO_s_mem()) else { return }
    defer { BIO_free(memory) }
    write(detail, into: memory)
    var bytes: UnsafeMutablePointer<CChar>?
    let count = copenssl_memory(memory, &bytes)
    if count > 0 { body(UnsafeRawBufferPointer(start: bytes, count: count)) }
  }

  private func write(_ detail: TLSDetail, into memory: OpaquePointer) {
    switch detail {
    case .applicationProtocol:
      var name: UnsafePointer<UInt8>?
      var count: UInt32 = 0
      SSL_get0_alpn_selected(handle, &name, &count)
      if let name { BIO_write(memory, name, Int32(count)) }
    case .clientCiphers: copenssl_print_client_ciphers(memory, handle)
    case .group: copenssl_print_chosen_group(memory, handle)
    case .clientGroups: copenssl_print_client_groups(memory, handle)
    case .sessionID: writeSessionID(into: memory)
    case .peerIssuer, .peerSubject, .peerValidFrom, .peerValidUntil, .peerRemainingDays:
      if let certificate = SSL_get0_peer_certificate(handle) {
        write(detail, of: certificate, into: memory)
      }
    }
  }

  private func writeSessionID(into memory: OpaquePointer) {
    var count: UInt32 = 0
    guard let session = SSL_get_session(handle), let bytes = SSL_SESSION_get_id(session, &count)
    else { return }
    let digits: StaticString = "0123456789abcdef"
    for index in 0..<Int(count) {
      for digit in [bytes[index] >> 4, bytes[index] & 15] {
        BIO_write(memory, digits.utf8Start + Int(digit), 1)
      }
    }
  }

  private func write(
    _ detail: TLSDetail, of certificate: OpaquePointer, into memory: OpaquePointer
  ) {
    switch detail {
    case .peerIssuer: copenssl_print_legacy_name(memory, X509_get_issuer_name(certificate))
    case .peerSubject: copenssl_print_legacy_name(memory, X509_get_subject_name(certificate))
    case .peerValidFrom: ASN1_TIME_print(memory, X509_get0_notBefore(certificate))
    case .peerValidUntil: ASN1_TIME_print(memory, X509_get0_notAfter(certificate))
    default: BIO_puts(memory, "\(copenssl_remaining_days(certificate))")
    }
  }
}
