// Content on its way out: as it is, or as HTTP/1.1's chunks.

import Basics

/// No bytes.
var noContent: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

extension Worker where K: ~Copyable {
  /// Hands content to a stream, to be sent behind what `writer` holds. It is not copied: it must
  /// stay where it is until the stream has no output. `.nothing` when there is none and more is to
  /// come.
  @inline(__always) mutating func put(
    _ content: UnsafeRawBufferPointer, isLast: Bool, _ stream: StreamPointer?, isChunked: Bool,
    _ writer: inout ByteWriter
  ) -> Piece {
    guard let stream else { preconditionFailure("put: there is no one to send content to") }
    if isChunked && !stream.pointee.isMultiplexed {
      return putChunk(content, isLast: isLast, stream, &writer)
    }
    if content.isEmpty { return isLast ? .ready : .nothing }
    stream.pointee.output.setPayload(content)
    return .ready
  }

  /// Frames content as one chunk.
  private mutating func putChunk(
    _ content: UnsafeRawBufferPointer, isLast: Bool, _ stream: StreamPointer,
    _ writer: inout ByteWriter
  ) -> Piece {
    if content.isEmpty {
      guard isLast else { return .nothing }
      writer.append("0\r\n\r\n")
      return .ready
    }
    writer.append(hexadecimal: UInt64(content.count))
    writer.append("\r\n")
    stream.pointee.output.setPayload(content, suffix: isLast ? .chunkEndAndLast : .chunkEnd)
    return .ready
  }
}
