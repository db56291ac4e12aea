/// What waits to be written to a connection: at most a held piece, then content, then framing.
///
/// Heads and chunk sizes are composed in the worker's scratch memory and mostly leave it at once;
/// only what the socket does not take is held in a buffer. Content is never copied: it stays in the
/// buffer that it was read into, which is not touched until it has been written.
struct Outbound: BitwiseCopyable {
  /// The end of a chunk, or of the whole chunked content.
  enum Suffix: UInt8, BitwiseCopyable {
    case none
    /// The line end behind a chunk.
    case chunkEnd
    /// The line end behind a chunk, the last chunk and the end of an empty trailer section.
    case chunkEndAndLast

    var text: StaticString {
      switch self {
      case .none: ""
      case .chunkEnd: "\r\n"
      case .chunkEndAndLast: "\r\n0\r\n\r\n"
      }
    }
  }

  var held = Buffer.none
  var heldStart: UInt32 = 0
  var heldEnd: UInt32 = 0
  var suffix = Suffix.none
  /// Bytes of the suffix that have been written.
  var suffixWritten: UInt8 = 0
  var payloadCount: UInt32 = 0
  var payload: UnsafeRawPointer?

  var isEmpty: Bool { heldEnd == heldStart && payloadCount == 0 && suffix == .none }

  var heldBytes: UnsafeRawBufferPointer {
    guard let base = held.base else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(
      start: base + Int(heldStart), count: Int(heldEnd &- heldStart))
  }

  var payloadBytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: payload, count: Int(payloadCount))
  }

  @inline(__always) var suffixBytes: UnsafeRawBufferPointer {
    guard suffix != .none else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    let text = suffix.text
    return UnsafeRawBufferPointer(
      start: text.utf8Start + Int(suffixWritten),
      count: text.utf8CodeUnitCount &- Int(suffixWritten))
  }

  /// Sets the content to be written next, and the framing behind it.
  @inline(__always) mutating func setPayload(
    _ bytes: UnsafeRawBufferPointer, suffix: Suffix = .none
  ) {
    precondition(payloadCount == 0, "setPayload: other content has not been sent")
    payload = bytes.baseAddress
    payloadCount = UInt32(bytes.count)
    self.suffix = suffix
    suffixWritten = 0
  }

  /// Notes that `count` bytes behind the held ones were written.
  mutating func consume(payloadAndSuffix count: Int) {
    precondition(count >= 0, "consume: a negative number")
    precondition(
      count <= Int(payloadCount) + suffix.text.utf8CodeUnitCount, "consume: more than there was")
    let fromPayload = min(count, Int(payloadCount))
    payload = payload.map { $0 + fromPayload }
    payloadCount &-= UInt32(fromPayload)
    suffixWritten &+= UInt8(count &- fromPayload)
    if payloadCount == 0 && Int(suffixWritten) == suffix.text.utf8CodeUnitCount {
      suffix = .none
      suffixWritten = 0
    }
  }
}
