// Records of TLS 1.3 that OpenSSL never makes, but that who has shaken hands can send all the same
// (RFC 8446 sections 5.2, 5.4 and 7.3).

import COpenSSL

/// Seals what a client wants under the keys of its session, record by record.
public struct RecordForge {
  private let key: [UInt8]
  private let vector: [UInt8]
  /// Records that were made: the first ones of the session must be these.
  private var count: UInt64 = 0

  /// A forge for a client's session that has sent no content yet; nil for one of TLS 1.2.
  public init?(_ peer: SecurePeer) {
    guard let secret = KeyLog.secret(of: peer.session) else { return nil }
    key = RecordForge.expand(secret, "key", count: 32)
    vector = RecordForge.expand(secret, "iv", count: 12)
  }

  /// A record with this content, of this type, and so much padding.
  public mutating func record(
    _ content: [UInt8], type: UInt8 = 23, padding: Int = 0
  ) -> [UInt8] {
    let inner = content + [type] + Array(repeating: 0, count: padding)
    let length = inner.count + 16
    let header: [UInt8] = [23, 3, 3, UInt8(length >> 8 & 255), UInt8(length & 255)]
    defer { count += 1 }
    return header + seal(inner, header)
  }

  private func seal(_ inner: [UInt8], _ header: [UInt8]) -> [UInt8] {
    var nonce = vector
    for index in 0..<8 { nonce[11 - index] ^= UInt8(count >> UInt64(8 * index) & 255) }
    let context = EVP_CIPHER_CTX_new()
    defer { EVP_CIPHER_CTX_free(context) }
    var sealed = [UInt8](repeating: 0, count: inner.count)
    var tag = [UInt8](repeating: 0, count: 16)
    var written: Int32 = 0
    EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce)
    EVP_EncryptUpdate(context, nil, &written, header, Int32(header.count))
    EVP_EncryptUpdate(context, &sealed, &written, inner, Int32(inner.count))
    EVP_EncryptFinal_ex(context, nil, &written)
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, &tag)
    return sealed + tag
  }

  /// HKDF-Expand-Label for what one block of SHA-384 holds.
  private static func expand(_ secret: [UInt8], _ label: String, count: Int) -> [UInt8] {
    let name = Array("tls13 \(label)".utf8)
    let info = [0, UInt8(count), UInt8(name.count)] + name + [0, 1]
    var block = [UInt8](repeating: 0, count: 48)
    var written = 0
    EVP_Q_mac(
      nil, "HMAC", nil, "SHA384", nil, secret, secret.count, info, info.count, &block,
      block.count, &written)
    return Array(block[0..<count])
  }
}

/// The secrets of clients' sessions, as OpenSSL tells of them for tools that look at traffic.
enum KeyLog {
  private static let secrets = Guarded<[UInt: [UInt8]]>([:])

  /// Keeps those of a context's sessions.
  static func keep(_ context: OpaquePointer) {
    SSL_CTX_set_keylog_callback(context) { session, line in
      guard let session, let line else { return }
      let words = String(cString: line).split(separator: " ")
      guard words.count == 3, words[0] == "CLIENT_TRAFFIC_SECRET_0" else { return }
      let digits = Array(words[2].utf8)
      let bytes = stride(from: 0, to: digits.count, by: 2).compactMap { index in
        UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16)
      }
      KeyLog.secrets.withLock { $0[UInt(bitPattern: session)] = bytes }
    }
  }

  static func secret(of session: OpaquePointer) -> [UInt8]? {
    secrets.withLock { $0[UInt(bitPattern: session)] }
  }

  static func forget(_ session: OpaquePointer) {
    secrets.withLock { $0[UInt(bitPattern: session)] = nil }
  }
}
