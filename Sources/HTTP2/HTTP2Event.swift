// What a session has found in the bytes of its connection.

/// One thing that has happened, of a stream named by its number.
public enum HTTP2Event: BitwiseCopyable {
  /// No more before further bytes have come.
  case nothing
  /// A head has come whole, a request's or a response's, an interim one included; `takeHead` tells
  /// it. `ends` when nothing follows it.
  case head(UInt32, ends: Bool)
  /// A trailer section has come whole, with which the stream ends; `takeTrailers` tells it.
  case trailers(UInt32)
  /// A request has begun whose head breaks RFC 9113: its stream has been reset.
  case malformed(UInt32)
  /// Content, in memory that is valid until the next event. `ends` when nothing follows it.
  case content(UInt32, UnsafeRawBufferPointer, ends: Bool)
  /// The stream has ended before its time.
  case reset(UInt32, HTTP2ResetReason)
  /// What the peer allows has changed: how many streams may be begun, or whether any.
  case changed
  /// The connection can't go on. What is left in `output` tells the peer why.
  case broken

  /// True for what comes with a section of fields.
  var hasSection: Bool {
    switch self {
    case .head, .trailers: true
    default: false
    }
  }
}

/// Why a stream has ended before its time.
public enum HTTP2ResetReason: BitwiseCopyable, Equatable, Sendable {
  /// The peer has given it up.
  case cancelled
  /// The peer has not processed anything of it, and says so.
  case refused
  /// The peer has broken the rules on it.
  case malformed
  /// Its head can't be sent: it is larger than 64 KiB.
  case headTooLarge
}
