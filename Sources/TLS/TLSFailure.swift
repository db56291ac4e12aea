// Why a session or a certificate is of no use, in OpenSSL's words.

import COpenSSL

/// Why a session failed.
public struct TLSFailure: Error, Equatable {
  /// The names of RFC 9209 section 2.3 tell these apart.
  public enum Kind: Sendable {
    /// `tls_protocol_error`
    case protocolError
    /// `tls_certificate_error`
    case certificate
    /// `tls_alert_received`
    case alert
  }

  /// What kind of failure.
  public var kind: Kind
  /// OpenSSL's reason; memory that lives as long as the process.
  public var reason: TLSText

  /// The failure given.
  init(kind: Kind, reason: TLSText) {
    self.kind = kind
    self.reason = reason
  }

  /// A failure that OpenSSL does not know of.
  init(kind: Kind, _ reason: StaticString) {
    self.kind = kind
    self.reason = TLSText(reason)
  }

  /// The failure that a session and OpenSSL's error queue tell of; the queue is empty afterwards.
  static func last(of session: OpaquePointer?) -> TLSFailure {
    let code = ERR_peek_last_error()
    let failure: TLSFailure
    let verification = SSL_get_verify_result(session)
    // OpenSSL packs the library into the bits from 23 on; reasons from 1000 on are alerts.
    let reason = code & 0x7f_ffff
    let isOfTLS = (code >> 23) & 0xff == UInt(ERR_LIB_SSL)
    if isOfTLS && reason == UInt(SSL_R_CERTIFICATE_VERIFY_FAILED) {
      failure = TLSFailure(
        kind: .certificate,
        reason: TLSText(X509_verify_cert_error_string(verification)))
    } else if let text = ERR_reason_error_string(code) {
      let isAlert = isOfTLS && reason >= UInt(SSL_AD_REASON_OFFSET)
      failure = TLSFailure(
        kind: isAlert ? .alert : .protocolError, reason: TLSText(text))
    } else {
      failure = TLSFailure(kind: .protocolError, "the session is broken")
    }
    ERR_clear_error()
    return failure
  }
}

/// Text of OpenSSL's tables, or of a session.
public struct TLSText: Equatable, @unchecked Sendable {
  /// Its bytes, ended by a NUL.
  public let bytes: UnsafePointer<CChar>

  /// One of OpenSSL's texts.
  init(_ bytes: UnsafePointer<CChar>) { self.bytes = bytes }

  /// One of our own.
  init(_ text: StaticString) {
    bytes = UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
  }

  /// The bytes without the NUL.
  public var span: UnsafeBufferPointer<UInt8> {
    var count = 0
    while bytes[count] != 0 { count += 1 }
    return UnsafeBufferPointer(
      start: UnsafeRawPointer(bytes).assumingMemoryBound(to: UInt8.self), count: count)
  }

  /// The text.
  public var text: String { String(cString: bytes) }
}

/// What is wrong with a certificate, a key or a setting.
public struct TLSProblem: Error, Equatable, Sendable {
  /// What is wrong, as a clause.
  public var message: String

  /// The problem given.
  public init(_ message: String) { self.message = message }

  /// `what`, and the reason that OpenSSL's error queue gives; the queue is empty afterwards.
  static func last(_ what: String) -> TLSProblem {
    defer { ERR_clear_error() }
    guard let reason = ERR_reason_error_string(ERR_peek_last_error()) else {
      return TLSProblem(what)
    }
    return TLSProblem("\(what): \(String(cString: reason))")
  }
}
