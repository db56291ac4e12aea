// The memory that takes the place of a socket: OpenSSL reads what came from the peer here, and
// leaves here what is to be sent. It never touches a descriptor.

import COpenSSL

/// What goes in and out of a session in one step. Each worker has one for all its sessions, because
/// a step is never interrupted.
public struct TLSTransport {
  /// What came and was not read yet.
  public var input: UnsafeRawBufferPointer
  /// Room for what is to be sent.
  public let room: UnsafeMutableRawBufferPointer
  /// Bytes in `room` that are to be sent.
  public private(set) var outputCount = 0
  /// The name that the last client asked for which began to say hello; lowercase.
  public internal(set) var serverName: [UInt8] = []
  /// The client whose handshake goes on is offered HTTP/2 whatever its server says.
  public var offersHTTP2 = false

  /// OpenSSL's view of it, shared by all its sessions and freed with the last of them.
  fileprivate var bio: OpaquePointer?

  /// A transport that leaves what it sends in `room`.
  public init(room: UnsafeMutableRawBufferPointer) {
    input = UnsafeRawBufferPointer(start: nil, count: 0)
    self.room = room
  }

  /// What is to be sent.
  public var output: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: room[0..<outputCount])
  }

  /// Makes the room free again.
  public mutating func clearOutput() { outputCount = 0 }

  /// Bytes that still fit.
  public var freeCount: Int { room.count - outputCount }

  /// Moves input into `target`; 0 when there is none.
  fileprivate mutating func take(_ target: UnsafeMutableRawPointer, _ count: Int) -> Int {
    let taken = min(count, input.count)
    guard taken > 0, let base = input.baseAddress else { return 0 }
    target.copyMemory(from: base, byteCount: taken)
    input = UnsafeRawBufferPointer(rebasing: input[taken...])
    return taken
  }

  /// Appends to the output; 0 when not all of it fits.
  fileprivate mutating func put(_ source: UnsafeRawPointer, _ count: Int) -> Int {
    guard count <= freeCount, let base = room.baseAddress else { return 0 }
    (base + outputCount).copyMemory(from: source, byteCount: count)
    outputCount += count
    return count
  }
}

/// Where a worker's transport lies.
public typealias TLSTransportPointer = UnsafeMutablePointer<TLSTransport>

/// OpenSSL's view of a transport.
enum TransportBIO {
  /// A further reference to the BIO over a transport; nil when memory has run out. One for all
  /// sessions, because it keeps nothing of theirs, and each of its own would cost 220 bytes.
  static func shared(_ transport: TLSTransportPointer) -> OpaquePointer? {
    if let bio = transport.pointee.bio { return BIO_up_ref(bio) == 1 ? bio : nil }
    guard let bio = BIO_new(method) else { return nil }
    BIO_set_data(bio, transport)
    BIO_set_init(bio, 1)
    transport.pointee.bio = bio
    return bio
  }

  /// The transport of a session.
  static func transport(of session: OpaquePointer?) -> TLSTransportPointer? {
    BIO_get_data(SSL_get_rbio(session))?.assumingMemoryBound(to: TLSTransport.self)
  }

  private nonisolated(unsafe) static let method: OpaquePointer? = {
    let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "memory")
    BIO_meth_set_read(method) { bio, target, count in
      copenssl_clear_retry(bio)
      guard let target, count > 0, let transport = TransportBIO.transport(ofBIO: bio) else {
        return 0
      }
      let taken = transport.pointee.take(target, Int(count))
      if taken > 0 { return Int32(taken) }
      copenssl_retry_read(bio)
      return -1
    }
    BIO_meth_set_write(method) { bio, source, count in
      copenssl_clear_retry(bio)
      guard let source, count > 0, let transport = TransportBIO.transport(ofBIO: bio) else {
        return 0
      }
      let put = transport.pointee.put(source, Int(count))
      if put > 0 { return Int32(put) }
      copenssl_retry_write(bio)
      return -1
    }
    BIO_meth_set_ctrl(method) { _, command, _, _ in
      // All is "sent" as soon as it is in the transport.
      command == BIO_CTRL_FLUSH ? 1 : 0
    }
    BIO_meth_set_destroy(method) { bio in
      TransportBIO.transport(ofBIO: bio)?.pointee.bio = nil
      return 1
    }
    return method
  }()

  private static func transport(ofBIO bio: OpaquePointer?) -> TLSTransportPointer? {
    BIO_get_data(bio)?.assumingMemoryBound(to: TLSTransport.self)
  }
}
