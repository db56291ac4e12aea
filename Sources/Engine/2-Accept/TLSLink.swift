// A connection's TLS: its session, and sealed bytes that wait on either side of it.

import Basics
import TLS

/// Where the TLS of a connection lies; nil for a plain one.
typealias TLSLinkPointer = UnsafeMutablePointer<TLSLink>

/// What a connection with TLS has besides the connection itself.
struct TLSLink {
  var session: TLSSession
  /// Sealed bytes that came and OpenSSL has not looked at: its reader had no room for more.
  var arrived = SealedBytes()
  /// Sealed bytes that the socket did not take.
  var leaving = SealedBytes()
  /// Upstream: what the connection was made with; the link owns it.
  var identity: BackendIdentity?
  /// Downstream: the server that the client has asked for by name; -1 for one that would not greet
  /// the client so any more.
  var server = 0
  /// The handshake can't go on without the peer.
  var awaitsPeer = false
  /// The first bytes have been looked at.
  var hasBegun = false
  /// Upstream: its session has been kept for later connections.
  var isSaved = false
  /// The peer was told that our stream ends: by this many bytes, the last that leave.
  var hasToldEnd = false
  var noticeCount = 0
  /// The socket's stream is to be ended as soon as that has left.
  var shutsLater = false
  /// What was found behind the last bytes that could be read: the peer's end, or a fault.
  var readEnd: TLSSession.ReadEnd?

  init(session: TLSSession) { self.session = session }
}

/// Bytes in a buffer from the pool.
struct SealedBytes: BitwiseCopyable {
  var buffer = Buffer.none
  var start = 0
  var end = 0

  var isEmpty: Bool { start == end }

  var bytes: UnsafeRawBufferPointer {
    guard let base = buffer.base else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(start: base + start, count: end - start)
  }
}

extension BufferPool {
  /// Keeps a copy of `bytes` in place of what `sealed` held; they may lie in its own buffer.
  mutating func keep(_ bytes: UnsafeRawBufferPointer, in sealed: inout SealedBytes) {
    guard let source = bytes.baseAddress, !bytes.isEmpty else { return drop(&sealed) }
    if sealed.buffer.capacity < bytes.count {
      guard let size = Buffer.Size(holding: bytes.count) else {
        preconditionFailure("keep: more sealed bytes than the largest buffer holds")
      }
      let larger = take(size)
      larger.base?.copyMemory(from: source, byteCount: bytes.count)
      giveBack(&sealed.buffer)
      sealed.buffer = larger
    } else {
      sealed.buffer.base?.copyMemory(from: source, byteCount: bytes.count)
    }
    sealed.start = 0
    sealed.end = bytes.count
  }

  /// Gives the buffer back.
  mutating func drop(_ sealed: inout SealedBytes) {
    precondition(sealed.start <= sealed.end, "drop: it ends before it begins")
    giveBack(&sealed.buffer)
    sealed.start = 0
    sealed.end = 0
  }
}
