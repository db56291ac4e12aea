// TLS as scripted peers speak it: OpenSSL's own sessions over its own memory BIOs, so that nothing
// of what is under test stands on both sides.

import COpenSSL
import Certificates
import Simulation

/// One end of a TLS connection that belongs to a scripted client or backend.
public final class SecurePeer: PeerSecurity {
  let session: OpaquePointer
  private let context: SecureContext
  // What came, and what is to be sent; the session frees them.
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer
  private var content: [UInt8] = []
  private var scratch = [UInt8](repeating: 0, count: 16_384)

  /// How it ends its stream.
  public let farewell: PeerFarewell
  /// The handshake is complete.
  public private(set) var isEstablished = false
  /// A close_notify has come.
  public private(set) var hasEnd = false
  /// OpenSSL's reason.
  public private(set) var failure: String?

  /// An end that works by the rules of `context`. A client asks for `name`, unless it is empty.
  public init(_ context: SecureContext, name: String = "", farewell: PeerFarewell = .both) {
    // A peer is made while the worker waits, and is none of what the worker makes.
    let session = SessionCensus.uncounted { SSL_new(context.handle) }
    guard let session, let incoming = BIO_new(BIO_s_mem()), let outgoing = BIO_new(BIO_s_mem())
    else { fatalError("memory has run out") }
    SSL_set_bio(session, incoming, outgoing)
    (self.session, self.incoming, self.outgoing) = (session, incoming, outgoing)
    (self.context, self.farewell) = (context, farewell)
    if context.isServer {
      SSL_set_accept_state(session)
    } else {
      SSL_set_connect_state(session)
      if !name.isEmpty { _ = copenssl_set_server_name(session, name) }
    }
  }

  deinit {
    KeyLog.forget(session)
    SSL_free(session)
  }

  /// `TLSv1.3`
  public var version: String { String(cString: SSL_get_version(session)) }

  /// Says hello, if that is its part.
  public func begin() { advance() }

  /// Opens what came, and goes on in the handshake.
  public func receive(_ bytes: [UInt8]) {
    guard failure == nil else { return }
    if !bytes.isEmpty { BIO_write(incoming, bytes, Int32(bytes.count)) }
    advance()
  }

  /// What was opened.
  public func takeContent() -> [UInt8] {
    defer { content = [] }
    return content
  }

  /// Seals content.
  public func send(_ bytes: [UInt8]) {
    guard failure == nil, !bytes.isEmpty else { return }
    var written = 0
    ERR_clear_error()
    let result = SSL_write_ex(session, bytes, bytes.count, &written)
    if result != 1 { note(result) }
  }

  /// Makes a close_notify.
  public func end() {
    ERR_clear_error()
    SSL_shutdown(session)
    ERR_clear_error()
  }

  /// Records for the other side.
  public func takeOutput() -> [UInt8] {
    var output: [UInt8] = []
    while true {
      let count = BIO_read(outgoing, &scratch, Int32(scratch.count))
      if count <= 0 { return output }
      output += scratch[0..<Int(count)]
    }
  }

  private func advance() {
    ERR_clear_error()
    if !isEstablished {
      let result = SSL_do_handshake(session)
      guard result == 1 else { return note(result) }
      isEstablished = true
    }
    while failure == nil && !hasEnd {
      var count = 0
      let result = SSL_read_ex(session, &scratch, scratch.count, &count)
      guard result == 1 else { return note(result) }
      content += scratch[0..<count]
    }
  }

  /// Understands why a call has not done all.
  private func note(_ result: Int32) {
    switch SSL_get_error(session, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return
    case SSL_ERROR_ZERO_RETURN: hasEnd = true
    default:
      let reason = ERR_reason_error_string(ERR_peek_last_error())
      failure = reason.map { String(cString: $0) } ?? "no reason"
    }
    ERR_clear_error()
  }
}

/// What peers do that no good one would.
extension SecurePeer {
  /// New keys for both directions, as often as said: the other side must answer each of them.
  public func askForKeys(times: Int) -> [UInt8] {
    var output: [UInt8] = []
    for _ in 0..<times {
      SSL_key_update(session, SSL_KEY_UPDATE_REQUESTED)
      SSL_do_handshake(session)
      output += takeOutput()
    }
    ERR_clear_error()
    return output
  }

  /// A second handshake on the same connection, as TLS 1.2 knows it.
  public func askForRenegotiation() -> [UInt8] {
    SSL_renegotiate(session)
    SSL_do_handshake(session)
    ERR_clear_error()
    return takeOutput()
  }
}
