import Basics

/// What a line can say of the TLS that a request came over. Meaningful only where `isSecure`.
public struct SecureFacts: Sendable, ~Copyable {
  /// Whether the client has shown a certificate: `$ssl_client_verify`.
  public enum Certificate: UInt8, Sendable, BitwiseCopyable {
    /// `NONE`
    case none
    /// `SUCCESS`
    case verified
    /// `FAILED:reason`
    case failed
  }

  /// `TLSv1.3`: `tls_version`, `$ssl_protocol`.
  public var version = InlineBytes<32>()
  /// OpenSSL's name: `tls_cipher`, `$ssl_cipher`.
  public var cipher = InlineBytes<48>()
  /// The name that the client asked for, raw: `sni`, `$ssl_server_name`.
  public var serverName = InlineBytes<255>()
  /// An earlier session was resumed: `tls_resumed`, `$ssl_session_reused`.
  public var isResumed = false
  /// See `Certificate`.
  public var certificate = Certificate.none
  /// Why the certificate does not hold.
  public var failure = InlineBytes<64>()
  /// The subject of the client's certificate, raw: `tls_client` when it holds, `$ssl_client_s_dn`.
  public var subject = InlineBytes<512>()
  /// Its issuer: `$ssl_client_i_dn`.
  public var issuer = InlineBytes<512>()

  /// Facts of nothing yet.
  public init() {}

  /// Makes them the same as others.
  mutating func assign(_ other: borrowing SecureFacts) {
    version.assign(other.version)
    cipher.assign(other.cipher)
    serverName.assign(other.serverName)
    isResumed = other.isResumed
    certificate = other.certificate
    failure.assign(other.failure)
    subject.assign(other.subject)
    issuer.assign(other.issuer)
  }
}

extension ExchangeRecord {
  /// Writes the client's certificate in PEM, as nginx does: without the line's end behind it, but
  /// for the encoded one; false when it has shown none.
  func writeCertificate(
    _ variable: Variable, _ bytes: borrowing ExchangeBytes, as form: ValueForm,
    into writer: inout ByteWriter
  ) -> Bool {
    guard hasCaptures, !certificate.isEmpty else { return false }
    let whole = bytes.computed.part(certificate)
    let text = whole.extracting(0..<whole.count &- 1)
    switch variable {
    case .sslClientEscapedCertificate: writer.appendPercentEncoded(whole)
    case .sslClientRawCertificate: writer.append(text, as: form)
    case .sslClientFingerprint: CertificateFacts.writeFingerprint(of: whole, into: &writer)
    case .sslClientSerial: CertificateFacts.writeSerial(of: whole, into: &writer)
    default:
      var start = 0
      for index in text.indices where text[index] == UInt8(ascii: "\n") {
        writer.append(text.extracting(start..<index + 1), as: form)
        writer.append(UInt8(ascii: "\t"))
        start = index + 1
      }
      writer.append(text.extracting(start..<text.count), as: form)
    }
    return true
  }

  /// Writes the value of a `$ssl_*` variable; false when it has none.
  func writeSecureValue(
    _ variable: Variable, as form: ValueForm, into writer: inout ByteWriter
  ) -> Bool {
    guard isSecure else { return false }
    switch variable {
    case .sslProtocol: writer.append(secure.version.span)
    case .sslCipher: writer.append(secure.cipher.span)
    case .sslServerName: return writer.appendIfPresent(secure.serverName.span, as: form)
    case .sslSessionReused: writer.append(secure.isResumed ? "r" : ".")
    case .sslClientSubject: return writer.appendIfPresent(secure.subject.span, as: form)
    case .sslClientIssuer: return writer.appendIfPresent(secure.issuer.span, as: form)
    default:
      switch secure.certificate {
      case .none: writer.append("NONE")
      case .verified: writer.append("SUCCESS")
      case .failed:
        writer.append("FAILED:")
        writer.append(secure.failure.span, as: form)
      }
    }
    return true
  }
}

extension ByteWriter {
  /// Appends bytes of which only those stay that are reserved for nothing (RFC 3986 section 2.3).
  fileprivate mutating func appendPercentEncoded(_ bytes: Span<UInt8>) {
    for index in bytes.indices {
      let byte = bytes[index]
      let isLetter = (byte | 0x20) &- 0x61 < 26
      if isLetter || byte &- 0x30 < 10 || byte == 0x2d || byte == 0x2e || byte == 0x5f
        || byte == 0x7e
      {
        append(byte)
        continue
      }
      append(UInt8(ascii: "%"))
      for digit in [byte &>> 4, byte & 15] { append(digit < 10 ? 0x30 &+ digit : 0x37 &+ digit) }
    }
  }
}
