import CZlib

/// Unpacks what gzip has packed (RFC 1952), by zlib; several members follow each other.
public final class GzipDecompressor {
  private let stream: UnsafeMutablePointer<z_stream>
  /// Nothing of a member has been read.
  private var isBetweenMembers = true
  /// zlib may hold something that there was no room for.
  private var holdsOutput = false

  /// A decompressor; nil when there is no memory for it.
  public init?() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard czlib_begin_gzip(stream) == Z_OK else { return nil }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Takes from the front of `input`, which `end` follows, and gives to the front of `room`. Throws
  /// when the content is no gzip or is cut.
  func advance(
    _ input: inout UnsafeRawBufferPointer, _ end: ContentEnd,
    into room: inout UnsafeMutableRawBufferPointer
  ) throws(ContentStageError) -> StageState {
    while true {
      guard !room.isEmpty else { return .needsRoom }
      if input.isEmpty && !holdsOutput {
        guard end == .last else { return .needsInput }
        guard isBetweenMembers else { throw ContentStageError("is cut") }
        return .ended
      }
      try step(&input, into: &room)
    }
  }

  private func step(
    _ input: inout UnsafeRawBufferPointer, into room: inout UnsafeMutableRawBufferPointer
  ) throws(ContentStageError) {
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(input.count)
    stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(room.count)
    if !input.isEmpty { isBetweenMembers = false }
    let result = inflate(stream, Z_SYNC_FLUSH)
    input.keepLast(Int(stream.pointee.avail_in))
    room.keepLast(Int(stream.pointee.avail_out))
    switch result {
    case Z_STREAM_END:
      isBetweenMembers = true
      holdsOutput = false
      inflateReset(stream)
    case Z_OK: holdsOutput = room.isEmpty
    case Z_BUF_ERROR:
      precondition(input.isEmpty || room.isEmpty, "inflate has stopped")
      holdsOutput = false
    default: throw ContentStageError("is not what gzip writes")
    }
  }
}
