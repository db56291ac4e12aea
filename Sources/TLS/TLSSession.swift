// One connection's TLS, without a socket: what comes is put into the transport, and what is to be
// sent is found there afterwards.

import COpenSSL

/// The TLS of one connection, of either side. A plain word; `free` must be called once.
public struct TLSSession {
  /// What a step of the handshake came to.
  public enum HandshakeStep {
    /// It is complete.
    case done
    /// More must come from the peer.
    case needsInput
    /// A client has begun to say hello and `serverName` of the transport is what it asks for:
    /// call `choose` or `reject`, then `handshake` again.
    case needsServer
    /// It has failed; an alert may be in the transport's output.
    case failed(TLSFailure)
  }

  /// What reading came to.
  public enum ReadStep {
    /// This many bytes were decrypted, at least one, and then maybe the end was found: it is not
    /// found again.
    case bytes(Int, then: ReadEnd?)
    /// More must come from the peer.
    case needsInput
    /// Nothing can be read any more.
    case over(ReadEnd)
  }

  /// Why nothing can be read any more.
  public enum ReadEnd {
    /// The peer has ended its stream (close_notify).
    case end
    /// The session is broken; an alert may be in the transport's output.
    case failed(TLSFailure)
  }

  /// The word kept at a session: how far the choice of the server has come.
  enum Choice {
    static let open = 0
    static let asked = 1
    static let rejected = 2
  }

  let handle: OpaquePointer

  private init?(_ context: OpaquePointer, _ transport: TLSTransportPointer) {
    guard let handle = SSL_new(context) else { return nil }
    self.handle = handle
    guard attach(transport) else {
      SSL_free(handle)
      return nil
    }
  }

  /// A session with a client; nil when memory has run out.
  public init?(_ context: TLSServerContext, _ transport: TLSTransportPointer) {
    self.init(context.handle, transport)
    SSL_set_accept_state(handle)
  }

  /// A session with a server that has the name given, which may be an address; with an empty name
  /// none is asked for. Nil when memory has run out, or the name is empty and must be checked.
  public init?(
    _ context: TLSClientContext, name: TLSPeerName, resuming saved: TLSSavedSession?,
    _ transport: TLSTransportPointer
  ) {
    self.init(context.handle, transport)
    SSL_set_connect_state(handle)
    guard name.apply(to: handle, context) else {
      SSL_free(handle)
      return nil
    }
    if let saved { _ = SSL_set_session(handle, saved.handle) }
  }

  /// Gives the session's memory back.
  public func free() { SSL_free(handle) }

  /// Carries the handshake on with what the transport holds.
  public func handshake() -> HandshakeStep {
    ERR_clear_error()
    let result = SSL_do_handshake(handle)
    if result == 1 {
      // They were needed once. A connection may live for days, and what is not in memory can't be
      // taken from it; besides, that is 460 bytes.
      copenssl_forget_exchange_keys(handle)
      return .done
    }
    switch SSL_get_error(handle, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .needsInput
    case SSL_ERROR_WANT_CLIENT_HELLO_CB: return .needsServer
    default: return .failed(.last(of: handle))
    }
  }

  /// Answers `needsServer`: the server whose certificate and rules hold from here on.
  public func choose(_ context: TLSServerContext) {
    guard SSL_get_SSL_CTX(handle) != context.handle else { return }
    context.takeOver(handle)
  }

  /// Answers `needsServer`: there is none; the handshake will fail with `unrecognized_name`.
  public func reject() { copenssl_set_word(handle, Choice.rejected) }

  /// Decrypts into `target`, as much as there is and fits.
  public func read(into target: UnsafeMutableRawBufferPointer) -> ReadStep {
    var count = 0
    while count < target.count, let base = target.baseAddress {
      var taken = 0
      ERR_clear_error()
      let result = SSL_read_ex(handle, base + count, target.count - count, &taken)
      if result == 1 {
        count += taken
        continue
      }
      let end = readEnd(result)
      if count > 0 { return .bytes(count, then: end) }
      return end.map { .over($0) } ?? .needsInput
    }
    return count > 0 ? .bytes(count, then: nil) : .needsInput
  }

  /// What a read that brought nothing means; nil when more must come.
  private func readEnd(_ result: Int32) -> ReadEnd? {
    switch SSL_get_error(handle, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: nil
    case SSL_ERROR_ZERO_RETURN: .end
    default: .failed(.last(of: handle))
    }
  }

  /// Bytes of content that one record holds at most (RFC 8446 section 5.1).
  public static let recordBytes = 16_384
  /// Bytes that a record takes up besides its content, at most; TLS 1.2's CBC is the worst.
  public static let recordOverhead = 256

  /// Encrypts `bytes`, at most `recordBytes`, into one record. The transport must have room for it
  /// and for its overhead. False when the session is broken.
  public func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var written = 0
    ERR_clear_error()
    guard SSL_write_ex(handle, bytes.baseAddress, bytes.count, &written) == 1 else {
      ERR_clear_error()
      return false
    }
    return written == bytes.count
  }

  /// Ends our stream: a close_notify is in the transport's output then.
  public func end() {
    ERR_clear_error()
    _ = SSL_shutdown(handle)
    ERR_clear_error()
  }

  /// True once the handshake is complete.
  public var isEstablished: Bool { SSL_is_init_finished(handle) == 1 }
  /// True when something was decrypted that `read` has not taken yet, or may be.
  public var hasPending: Bool { SSL_has_pending(handle) == 1 }

  /// What later connections to the same server can resume; nil when nothing can.
  public func saved() -> TLSSavedSession? {
    guard let session = SSL_get1_session(handle) else { return nil }
    guard SSL_SESSION_is_resumable(session) == 1 else {
      SSL_SESSION_free(session)
      return nil
    }
    return TLSSavedSession(handle: session)
  }
}

/// What resuming a session needs. A plain word; `free` must be called once.
public struct TLSSavedSession {
  let handle: OpaquePointer

  /// Gives its memory back.
  public func free() { SSL_SESSION_free(handle) }
}

/// The name of a server as a client asks for it and checks it.
public struct TLSPeerName {
  /// The name or address, ended by a NUL; just the NUL for none.
  let bytes: UnsafePointer<CChar>
  /// Sent as SNI.
  let isSent: Bool

  /// The name in `bytes`, which ends with a NUL and outlives this value.
  public init(bytes: UnsafePointer<CChar>, isSent: Bool) {
    self.bytes = bytes
    self.isSent = isSent
  }

  fileprivate func apply(to session: OpaquePointer, _ context: TLSClientContext) -> Bool {
    guard bytes[0] != 0 else { return !context.verifies }
    let parameters = SSL_get0_param(session)
    // An address can't be asked for by SNI (RFC 6066 section 3), but a certificate may hold it.
    let isAddress = X509_VERIFY_PARAM_set1_ip_asc(parameters, bytes) == 1
    if isAddress { return true }
    ERR_clear_error()
    if isSent && copenssl_set_server_name(session, bytes) != 1 { return false }
    return !context.verifies || SSL_set1_host(session, bytes) == 1
  }
}
