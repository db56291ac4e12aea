// What an exchange may ask about a side of it besides reading and writing: how much of what was
// sent has arrived, and whether a file may go out without passing through memory.

import Basics
import HTTP
import Platform

/// What is known of bytes that were handed over for a peer.
enum Arrival: BitwiseCopyable {
  /// The peer's system has all of them.
  case complete
  /// Some may be on their way.
  case awaited
  /// The peer is gone.
  case impossible
}

extension Worker where K: ~Copyable {
  /// What became of everything that was sent over a stream that we have ended.
  mutating func arrival(of stream: StreamPointer) -> Arrival {
    precondition(stream.pointee.flags.contains(.endWritten), "arrival: more may be sent")
    if stream.pointee.isMultiplexed { return .complete }
    let connection = stream.pointee.connection
    if let link = connection.pointee.tls, holdsAll(connection, link) { return .complete }
    if isBroken(stream) { return .impossible }
    return kernel.unacknowledgedBytes(connection.pointee.descriptor) == 0 ? .complete : .awaited
  }

  /// True when all but TLS's own end has been acknowledged: a client that has its response may be
  /// closed by then, and meet that end with a reset.
  private mutating func holdsAll(_ connection: ConnectionPointer, _ link: TLSLinkPointer) -> Bool {
    let noticeCount = link.pointee.noticeCount &- link.pointee.leaving.bytes.count
    return kernel.unacknowledgedBytes(connection.pointee.descriptor) <= noticeCount
  }

  /// True when a stream did not end in good order: nothing can be sent to its peer any more.
  mutating func isBroken(_ stream: StreamPointer) -> Bool {
    if stream.pointee.isMultiplexed { return stream.pointee.flags.contains(.failed) }
    return kernel.pendingError(stream.pointee.connection.pointee.descriptor) != nil
  }

  /// True when the peer's system has acknowledged none of the `count` bytes that were sent to it:
  /// no application can have seen them.
  mutating func receivedNothing(_ stream: StreamPointer, of count: UInt64) -> Bool {
    if count == 0 { return true }
    if stream.pointee.isMultiplexed { return false }
    let descriptor = stream.pointee.connection.pointee.descriptor
    return UInt64(kernel.unacknowledgedBytes(descriptor)) >= count
  }

  /// Ends our side of a stream, behind everything that waits at it.
  mutating func endWriting(_ stream: StreamPointer) {
    precondition(!stream.pointee.flags.contains(.endWritten), "endWriting: it has ended")
    guard stream.pointee.isMultiplexed else { return endWriting(stream.pointee.connection) }
    precondition(!stream.pointee.hasOutput, "endWriting: something waits to be written")
    precondition(
      stream.pointee.exchange?.pointee.response == .tunnel, "endWriting: a session ends its streams"
    )
    stream.pointee.flags.insert(.endWritten)
    // A failure shows again where somebody can act on it.
    _ = send(stream, prefix: noContent)
  }

  // MARK: Files

  /// True where the kernel can put a file's content on the wire as it is.
  @inline(__always) mutating func passesFiles(_ stream: StreamPointer) -> Bool {
    !stream.pointee.isMultiplexed && stream.pointee.connection.pointee.tls == nil
  }

  /// Has the kernel write bytes that more will follow at once; says how many it took.
  mutating func writeAhead(
    _ bytes: UnsafeRawBufferPointer, to stream: StreamPointer
  ) -> WriteResult {
    precondition(passesFiles(stream), "writeAhead: not to this stream")
    guard stream.pointee.flags.contains(.writable) else { return .wouldBlock }
    let result = kernel.writeAhead(stream.pointee.connection.pointee.descriptor, bytes)
    return noted(result, of: bytes.count, at: stream)
  }

  /// Has the kernel write part of a file; says how many bytes it took, 0 when the file is shorter.
  mutating func passFile(
    _ file: Descriptor, from offset: UInt64, count: Int, to stream: StreamPointer
  ) -> WriteResult {
    precondition(passesFiles(stream), "passFile: not to this stream")
    guard stream.pointee.flags.contains(.writable) else { return .wouldBlock }
    let socket = stream.pointee.connection.pointee.descriptor
    return noted(kernel.sendFile(file, from: offset, count: count, to: socket), of: 0, at: stream)
  }

  /// Notes what a write says of the stream's room.
  private mutating func noted(
    _ result: WriteResult, of wanted: Int, at stream: StreamPointer
  ) -> WriteResult {
    switch result {
    case .bytes(let count):
      if count > 0 { stream.pointee.flags.insert(.progressed) }
      if count < wanted { stream.pointee.flags.remove(.writable) }
    case .wouldBlock: stream.pointee.flags.remove(.writable)
    case .failed: break
    }
    return result
  }
}
