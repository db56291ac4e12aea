// The server's side: certificates and rules of one `server`, shared by all workers.

import COpenSSL

/// The TLS of a `server`; never changed once it is made.
public final class TLSServerContext: Sendable {
  // OpenSSL counts its references, and nothing changes it after `init`.
  nonisolated(unsafe) let handle: OpaquePointer
  /// True when clients that ask for its names are refused.
  public let rejectsHandshake: Bool
  /// The same for servers that would judge a client by the same files, and for no others.
  public let mark: [UInt8]
  private let groups: String?

  /// A context of these settings. Tickets are made with `keys`, which must live as long as the
  /// process.
  public init(_ settings: TLSServerSettings, keys: TicketKeys) throws(TLSContextProblem) {
    let builder = try ContextBuilder(TLS_server_method())
    try builder.apply(settings.common)
    for (number, pair) in settings.pairs.enumerated() {
      try builder.use(pair, number, passwords: settings.common.passwords)
    }
    let context = builder.handle
    if settings.prefersServerCiphers {
      // ChaCha20 for clients that put it first: those have no AES in hardware.
      _ = SSL_CTX_set_options(
        context,
        copenssl_server_preference | copenssl_prioritize_chacha)
    }
    SSL_CTX_set_timeout(context, settings.sessionTimeout)
    if settings.usesTickets {
      keys.install(in: context)
      // Each resumed session brings a new ticket: one at a time is enough.
      SSL_CTX_set_num_tickets(context, 1)
    } else {
      _ = SSL_CTX_set_options(context, copenssl_no_ticket)
      SSL_CTX_set_num_tickets(context, 0)
    }
    mark = Self.setIdentity(context, settings)
    Self.setVerification(context, settings)
    SSL_CTX_set_client_hello_cb(
      context, { session, alert, _ in TLSServerContext.clientHello(session, alert) }, nil)
    copenssl_set_server_name_callback(context) { _, _, _ in SSL_TLSEXT_ERR_OK }
    // The callback's argument is no pointer: it only says whether there is one.
    let offers = settings.offersHTTP2 ? UnsafeMutableRawPointer(bitPattern: 1) : nil
    SSL_CTX_set_alpn_select_cb(context, Self.selectProtocol, offers)
    if let response = settings.stapledResponse {
      do throws(TLSProblem) {
        try StapledResponse(response.bytes).install(in: context)
      } catch { throw TLSContextProblem(part: .stapledResponse, problem: error) }
    }
    groups = settings.common.groups
    rejectsHandshake = settings.rejectsHandshake
    handle = builder.take()
  }

  deinit { SSL_CTX_free(handle) }

  /// Makes a session that began under another server's context go on under this one.
  func takeOver(_ session: OpaquePointer) {
    SSL_set_SSL_CTX(session, handle)
    // What OpenSSL has copied into the session at its begin.
    _ = SSL_clear_options(session, SSL_get_options(session) & ~SSL_CTX_get_options(handle))
    _ = SSL_set_options(session, SSL_CTX_get_options(handle))
    _ = copenssl_follow_versions(session, handle)
    SSL_set_verify(session, SSL_CTX_get_verify_mode(handle), SSL_CTX_get_verify_callback(handle))
    SSL_set_verify_depth(session, SSL_CTX_get_verify_depth(handle))
    SSL_set_num_tickets(session, SSL_CTX_get_num_tickets(handle))
    if let groups { _ = copenssl_set_session_groups(session, groups) }
  }

  /// A session is resumed only where the same server would judge its client by the same files and
  /// to the same depth.
  private static func setIdentity(
    _ context: OpaquePointer, _ settings: TLSServerSettings
  ) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    // Each part behind its length, so that no part can pass for the end of another.
    var bytes: [UInt8] = [settings.asksForCertificate ? 1 : 0]
    let files = settings.common.authorities.map(\.bytes)
    let lists = settings.common.revocationLists?.bytes ?? []
    let words = "\(settings.common.verifyDepth) \(files.count) \(settings.identity)"
    for part in [Array(words.utf8), lists] + files {
      bytes += withUnsafeBytes(of: UInt64(part.count).littleEndian) { Array($0) } + part
    }
    EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil)
    SSL_CTX_set_session_id_context(context, digest, UInt32(digest.count))
    return digest
  }

  private static func setVerification(_ context: OpaquePointer, _ settings: TLSServerSettings) {
    guard settings.asksForCertificate else { return }
    // A bad certificate is refused with a status and an ID, not by a broken handshake.
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE) { _, _ in 1 }
    let advertised = settings.common.advertised.flatMap { try? PEM.certificates($0.bytes) }
    for certificate in advertised ?? [] { SSL_CTX_add_client_CA(context, certificate.handle) }
  }

  /// Stops at a client's first word, so that the engine can choose the server by name.
  private static func clientHello(
    _ session: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?
  ) -> Int32 {
    guard let session else { return SSL_CLIENT_HELLO_ERROR }
    switch copenssl_word(session) {
    case TLSSession.Choice.open:
      copenssl_set_word(session, TLSSession.Choice.asked)
      TransportBIO.transport(of: session)?.pointee.serverName = ServerNameExtension.name(session)
      return SSL_CLIENT_HELLO_RETRY
    case TLSSession.Choice.rejected:
      alert?.pointee = SSL_AD_UNRECOGNIZED_NAME
      return SSL_CLIENT_HELLO_ERROR
    default: return SSL_CLIENT_HELLO_SUCCESS
    }
  }

  /// HTTP/2 where it is spoken and the client offers it, else HTTP/1.1; a client that offers only
  /// other protocols must not go on in one that it does not mean (RFC 7301 section 3.2).
  private static let selectProtocol:
    @convention(c) (
      OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
      UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
    ) -> Int32 = { session, chosen, chosenCount, offered, count, serverOffersHTTP2 in
      let names = UnsafeBufferPointer(start: offered, count: Int(count))
      let listenerOffersHTTP2 = TransportBIO.transport(of: session)?.pointee.offersHTTP2 == true
      let offersHTTP2 = serverOffersHTTP2 != nil || listenerOffersHTTP2
      let http2 = offersHTTP2 ? TLSServerContext.find("h2", in: names) : nil
      guard let name = http2 ?? TLSServerContext.find("http/1.1", in: names) else {
        return SSL_TLSEXT_ERR_ALERT_FATAL
      }
      chosen?.pointee = name.baseAddress
      chosenCount?.pointee = UInt8(name.count)
      return SSL_TLSEXT_ERR_OK
    }

  /// Where a protocol's name lies among those that a client offers, each behind its length.
  private static func find(
    _ wanted: StaticString, in offered: UnsafeBufferPointer<UInt8>
  ) -> UnsafeBufferPointer<UInt8>? {
    let wanted = UnsafeBufferPointer(start: wanted.utf8Start, count: wanted.utf8CodeUnitCount)
    var start = 0
    while start < offered.count {
      let end = start + 1 + Int(offered[start])
      guard end <= offered.count else { return nil }
      let name = UnsafeBufferPointer(rebasing: offered[(start + 1)..<end])
      if name.elementsEqual(wanted) { return name }
      start = end
    }
    return nil
  }
}

/// The name that a client asks for, before OpenSSL has looked at it (RFC 6066 section 3).
enum ServerNameExtension {
  static func name(_ session: OpaquePointer) -> [UInt8] {
    var bytes: UnsafePointer<UInt8>?
    var count = 0
    guard
      SSL_client_hello_get0_ext(
        session, UInt32(TLSEXT_TYPE_server_name), &bytes, &count) == 1
    else { return [] }
    return name(UnsafeBufferPointer(start: bytes, count: count))
  }

  /// The host name of an extension's content, in lowercase; empty when there is none.
  static func name(_ content: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    // Length of the list, type 0 (host_name), length of the name, name.
    guard content.count > 5, content[2] == 0 else { return [] }
    let listCount = Int(content[0]) << 8 | Int(content[1])
    let nameCount = Int(content[3]) << 8 | Int(content[4])
    guard listCount == content.count - 2, nameCount <= content.count - 5, nameCount <= 255 else {
      return []
    }
    return content[5..<5 + nameCount].map { byte in
      (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
  }
}
