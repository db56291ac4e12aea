import COpenSSL
import Testing

@testable import TLS

/// The keys by which both sides agree on their secrets.
@Suite struct ExchangeKeyTests {
  /// True when a session still has the key that `command` asks for, with its bytes.
  private func holds(_ command: Int32, _ session: TLSSession?) -> Bool {
    guard let session else { return false }
    var key: OpaquePointer?
    guard SSL_ctrl(session.handle, command, 0, &key) == 1 else { return false }
    defer { EVP_PKEY_free(key) }
    // The key for X25519MLKEM768, the first that OpenSSL 3.5 offers, has 1,216.
    var bytes = [UInt8](repeating: 0, count: 2_048)
    var count = bytes.count
    defer { ERR_clear_error() }
    return EVP_PKEY_get_raw_public_key(key, &bytes, &count) == 1
  }

  /// They were in memory as long as the connection lived.
  @Test func areWipedOnceTheHandshakeIsOver() throws {
    let bed = try TLSBed(
      [("a.example", TLSBed.serverContext())], client: TLSBed.clientContext())
    _ = bed.client.with(0) { $0.handshake() }
    #expect(holds(SSL_CTRL_GET_TMP_KEY, bed.client.session))
    bed.server.arriving = bed.client.takeOutput()
    bed.shake()
    #expect(bed.client.isDone && bed.server.isDone)
    for end in [bed.client, bed.server] {
      #expect(!holds(SSL_CTRL_GET_TMP_KEY, end.session))
      #expect(!holds(SSL_CTRL_GET_PEER_TMP_KEY, end.session))
    }
    #expect(bed.carry([1, 2, 3], from: bed.client, to: bed.server) == [1, 2, 3])
  }
}
