// The keys of session tickets: shared by all workers, replaced on their own, forgotten.

import COpenSSL
import Synchronization

/// Keys that session tickets are sealed with (RFC 5077 section 4, RFC 8446 section 4.6.1).
///
/// The newest one seals, the one before it still opens: so a ticket lives for one interval at
/// least, and a key is gone from memory after two.
public final class TicketKeys: Sendable {
  /// One key: what marks its tickets, what encrypts them and what proves that they are whole.
  private struct Key {
    var name: [UInt8]
    var cipherKey: [UInt8]
    var digestKey: [UInt8]

    static let size = 80

    /// A key of the system's randomness; nil when there is none.
    static func make() -> Key? {
      var bytes = [UInt8](repeating: 0, count: size)
      guard RAND_priv_bytes(&bytes, Int32(bytes.count)) == 1 else { return nil }
      defer { OPENSSL_cleanse(&bytes, bytes.count) }
      return Key(bytes)
    }

    /// A key of `size` bytes.
    init(_ bytes: [UInt8]) {
      name = Array(bytes[0..<16])
      cipherKey = Array(bytes[16..<48])
      digestKey = Array(bytes[48..<80])
    }
  }

  private let keys = Mutex<[Key]>([])
  /// When the newest key is replaced, in seconds of the caller's clock.
  private let nextRotation = Atomic<Int>(Int.min)
  /// Seconds that a key seals.
  public let interval: Int

  /// Keys that are replaced each `interval` seconds, which is at least as long as sessions last.
  public init(interval: Int) { self.interval = interval }

  /// Replaces the key if its time has come. To be called before handshakes; costs next to nothing.
  public func rotate(now seconds: Int) {
    let due = nextRotation.load(ordering: .relaxed)
    guard seconds >= due else { return }
    let next = seconds + interval
    // Of several workers one does it.
    guard
      nextRotation.compareExchange(expected: due, desired: next, ordering: .relaxed).exchanged,
      let key = Key.make()
    else { return }
    keys.withLock { $0 = Array(([key] + $0).prefix(2)) }
  }

  /// All of it in bytes, for another process of this machine.
  public var exported: [UInt8] {
    let due = nextRotation.load(ordering: .relaxed)
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: due >> ($0 * 8)) }
    return keys.withLock { keys in
      keys.isEmpty ? [] : bytes + keys.flatMap { $0.name + $0.cipherKey + $0.digestKey }
    }
  }

  /// Takes over what another process has exported; nothing, if it is nothing. To be called before
  /// the first handshake.
  public func adopt(_ exported: [UInt8]) {
    let due = exported.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let found = stride(from: 8, to: exported.count - Key.size + 1, by: Key.size).map { start in
      Key(Array(exported[start..<start + Key.size]))
    }
    guard !found.isEmpty else { return }
    keys.withLock { $0 = found }
    nextRotation.store(due, ordering: .relaxed)
  }

  private static let share = ContextShare()

  /// Makes a context use these keys.
  func install(in context: OpaquePointer) {
    _ = Self.share.give(self, to: context)
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context) { session, name, vector, cipher, digest, seals in
      guard let session, let name, let vector,
        let pointer = TicketKeys.share.held(by: SSL_get_SSL_CTX(session))
      else { return -1 }
      let keys = Unmanaged<TicketKeys>.fromOpaque(pointer).takeUnretainedValue()
      if seals == 1 { return keys.seal(name, vector, cipher, digest) }
      let opened = keys.open(name, vector, cipher, digest)
      // Clients use a ticket of TLS 1.3 once (RFC 8446 appendix C.4): without a new one, each
      // second connection would begin with a full handshake.
      return opened == 1 && SSL_version(session) == TLS1_3_VERSION ? 2 : opened
    }
  }

  private func seal(
    _ name: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>,
    _ cipher: OpaquePointer?, _ digest: OpaquePointer?
  ) -> Int32 {
    guard let key = keys.withLock({ $0.first }), RAND_bytes(vector, 16) == 1 else {
      // No ticket is made; the handshake goes on.
      return 0
    }
    name.update(from: key.name, count: 16)
    guard EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nil, key.cipherKey, vector) == 1,
      copenssl_key_code(digest, key.digestKey, key.digestKey.count) == 1
    else { return -1 }
    return 1
  }

  /// 0: not ours, a full handshake follows; 1: opened; 2: opened, and a new ticket is to be made.
  private func open(
    _ name: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>,
    _ cipher: OpaquePointer?, _ digest: OpaquePointer?
  ) -> Int32 {
    let sought = UnsafeBufferPointer(start: name, count: 16)
    let found = keys.withLock { keys in
      keys.firstIndex { sought.elementsEqual($0.name) }.map { (index: $0, key: keys[$0]) }
    }
    guard let found else { return 0 }
    guard copenssl_key_code(digest, found.key.digestKey, found.key.digestKey.count) == 1,
      EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nil, found.key.cipherKey, vector) == 1
    else { return -1 }
    return found.index == 0 ? 1 : 2
  }
}
