// What TLS means for a request: what a line can say of it, and whether the client may ask at all.

import Basics
import HTTP
import Plan
import Platform
import Policy
import TLS
import Telemetry

extension Worker where K: ~Copyable {
  /// Fills in what the record can say of the connection's TLS.
  mutating func describeSecurity(_ exchange: ExchangePointer, _ link: TLSLinkPointer) {
    let session = link.pointee.session
    exchange.pointee.record.secure.version.assign(session.protocolName.span.span)
    exchange.pointee.record.secure.cipher.assign(session.cipherName.span.span)
    exchange.pointee.record.secure.serverName.removeAll()
    if let name = session.serverName {
      exchange.pointee.record.secure.serverName.assign(name.span.span)
    }
    exchange.pointee.record.secure.isResumed = session.isResumed
    exchange.pointee.record.secure.subject.removeAll()
    exchange.pointee.record.secure.issuer.removeAll()
    switch session.clientCertificate {
    case .none: return exchange.pointee.record.secure.certificate = .none
    case .verified: exchange.pointee.record.secure.certificate = .verified
    case .failed(let reason):
      exchange.pointee.record.secure.certificate = .failed
      exchange.pointee.record.secure.failure.assign(reason.span.span)
    }
    if tables.usesClientCertificate { keepCertificate(exchange, session) }
    session.withPeerSubject { name in
      exchange.pointee.record.secure.subject.assign(
        name.assumingMemoryBound(to: UInt8.self).span)
    }
    session.withPeerIssuer { name in
      exchange.pointee.record.secure.issuer.assign(
        name.assumingMemoryBound(to: UInt8.self).span)
    }
  }

  /// Keeps the client's certificate for templates that ask for it.
  @inline(never)
  private mutating func keepCertificate(_ exchange: ExchangePointer, _ session: TLSSession) {
    var kept: ByteRange?
    session.withPeerCertificate { certificate in
      kept = keep(certificate.assumingMemoryBound(to: UInt8.self).span, exchange)
    }
    guard let kept, kept.count > 0 else { return }
    exchange.pointee.record.hasCaptures = true
    exchange.pointee.record.certificate = kept
  }

  /// True for HTTP without TLS on a port where TLS is spoken.
  @inline(__always) mutating func isPlainOnSecure(_ exchange: ExchangePointer) -> Bool {
    exchange.pointee.client.pointee.flags.contains(.plainOnSecure)
  }

  /// True when the client has shown a certificate that holds (`request_id_trust mtls`).
  @inline(__always) mutating func isVerified(_ exchange: ExchangePointer) -> Bool {
    exchange.pointee.record.isSecure && exchange.pointee.record.secure.certificate == .verified
  }

  /// Whether a request over TLS may go on: false when it has been refused.
  mutating func acceptsSecurity(_ exchange: ExchangePointer) -> Bool {
    precondition(exchange.isLive, "acceptsSecurity: the exchange has ended")
    precondition(exchange.pointee.response == .none, "acceptsSecurity: a response has begun")
    if isPlainOnSecure(exchange) {
      return refuse(
        exchange, 400, "plain HTTP was sent to a TLS port",
        explanation: "The plain HTTP request was sent to an HTTPS port.", condition: 497)
    }
    if settings.assumesTLS { return true }
    let rule = tables.servers[exchange.pointee.server].clientCertificates
    let greeted = exchange.pointee.downstream.pointee.tls?.pointee.server ?? 0
    if exchange.pointee.server != greeted {
      // Another server's certificate was shown, and another server's rule was applied to the
      // client's (RFC 9110 section 15.5.20).
      guard greeted >= 0 && rule == .off && tables.servers[greeted].clientCertificates == .off
      else {
        return refuse(
          exchange, 421, "the host differs from the one in the TLS handshake",
          explanation: "The request's host differs from the one in the TLS handshake.")
      }
    }
    let certificate = exchange.pointee.record.secure.certificate
    switch rule {
    case .off, .optionalWithoutAuthority: return true
    case .on where certificate == .none:
      return refuse(
        exchange, 400, "no client certificate was sent",
        explanation: "The required TLS certificate was not sent.", condition: 496)
    case .on, .optional:
      guard certificate == .failed else { return true }
      return refuse(
        exchange, 400, "the client's certificate is not valid",
        explanation: "The TLS certificate that was sent is not valid.", condition: 495)
    }
  }

  private mutating func refuse(
    _ exchange: ExchangePointer, _ status: UInt16, _ reason: StaticString,
    explanation: StaticString, condition: UInt16? = nil
  ) -> Bool {
    let isFailed =
      exchange.pointee.record.isSecure && exchange.pointee.record.secure.certificate == .failed
    report(.error, "tls", exchange, exchange.pointee.downstream) { line in
      line.append("refused: ")
      line.append(reason)
      guard isFailed else { return }
      line.append(", ")
      line.append(exchange.pointee.record.secure.failure)
    }
    exchange.pointee.requireClosure(.orderly)
    refuse(
      exchange, status, .httpRequestDenied, Termination(.proxy, .route), explanation: explanation,
      condition: condition)
    return false
  }
}
