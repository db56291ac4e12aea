// What a session has found in the bytes of its connection.

/// One thing that has happened, of a stream named by its number.
public enum HTTP2Event: BitwiseCopyable {
  /// No more before further bytes have come.
  case nothing
  /// A request's head has come whole; `takeHead` tells it. `ends` when nothing follows it.
  case head(UInt32, ends: Bool)
  /// A request has begun whose head breaks RFC 9113: its stream has been reset.
  case malformed(UInt32)
  /// Content, in memory that is valid until the next event. `ends` when nothing follows it.
  case content(UInt32, UnsafeRawBufferPointer, ends: Bool)
  /// The stream has ended before its time: the client has reset it, or broken the rules on it.
  case reset(UInt32)
  /// The connection can't go on. What is left in `output` tells the client why.
  case broken
}
