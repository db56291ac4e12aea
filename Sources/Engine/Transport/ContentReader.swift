import HTTP
import Policy

/// The next bytes of a message's content.
struct ContentPiece: BitwiseCopyable {
  /// Content without its framing. It lies in the stream's input until more is received.
  var bytes: UnsafeRawBufferPointer
  /// True when nothing follows it, no trailer section either.
  var isLast: Bool
}

/// Reads the content of one message, a request's or a response's: takes the framing off, and knows
/// where it ends.
struct ContentReader: BitwiseCopyable {
  /// How the end of the content is found.
  enum Framing: UInt8, BitwiseCopyable {
    /// There is no content.
    case none
    /// It has `length` bytes.
    case length
    /// It is chunked, as HTTP/1.1 has it.
    case chunked
    /// It ends with its stream.
    case untilEnd
  }

  /// What the next byte belongs to.
  enum Place: UInt8, BitwiseCopyable { case content, trailers, end }

  private(set) var framing = Framing.none
  private(set) var place = Place.end
  /// True when what is there can't be understood before more has come.
  var needsMore = false
  /// Content that its sender has announced; 0 when its length is not known.
  private(set) var length: UInt64 = 0
  /// Content still to come; when that is not known, so much less than `.max` as has come.
  private(set) var left: UInt64 = 0
  /// Bytes of the content that have been taken, as they came.
  var takenCount: UInt64 {
    switch framing {
    case .none: 0
    case .length: length - left
    case .chunked, .untilEnd: .max - left
    }
  }
  private var decoder = ChunkedDecoder()

  /// A reader of no content.
  @inline(__always) init() {}

  /// Makes it a reader of no content.
  @inline(__always) mutating func reset() {
    framing = .none
    place = .end
    needsMore = false
    length = 0
  }

  /// Begins with content that is framed so.
  @inline(__always) mutating func begin(_ content: ContentFraming) {
    reset()
    switch content {
    case .none: break
    case .length(let count): begin(length: count)
    case .chunked:
      framing = .chunked
      place = .content
      left = .max
      decoder = ChunkedDecoder()
    case .untilClose:
      framing = .untilEnd
      place = .content
      left = .max
    }
  }

  /// Begins, perhaps once more, with content of that length.
  @inline(__always) mutating func begin(length count: UInt64) {
    length = count
    left = count
    guard count > 0 else { return }
    framing = .length
    place = .content
  }

  /// Makes it a reader that has taken all of content of that length: what was kept elsewhere.
  mutating func beginBehind(length count: UInt64) {
    begin(length: count)
    left = 0
    place = .end
  }

  var isComplete: Bool { place == .end }

  /// Takes what has come of the content. Throws when it is not framed as it must be; then nothing
  /// more can be read. Not to be called at the end, nor where the trailer section is to be read.
  @inline(__always) mutating func take(from stream: StreamPointer) throws(HTTP1Error)
    -> ContentPiece
  {
    assert(place == .content, "take: no content is to come")
    guard framing == .length else { return try takeUnannounced(from: stream) }
    let arrived = UnsafeRawBufferPointer(stream.pointee.inputBytes)
    let count = Int(min(UInt64(arrived.count), left))
    stream.pointee.inputStart &+= UInt32(count)
    left &-= UInt64(count)
    if left == 0 { place = .end }
    return ContentPiece(
      bytes: UnsafeRawBufferPointer(rebasing: arrived[0..<count]), isLast: place == .end)
  }

  /// Takes content whose length is not known. Chunks are decoded in place.
  @inline(never) private mutating func takeUnannounced(
    from stream: StreamPointer
  ) throws(HTTP1Error) -> ContentPiece {
    guard framing == .chunked else {
      if stream.pointee.isMultiplexed { return takeFromSession(stream) }
      let arrived = UnsafeRawBufferPointer(stream.pointee.inputBytes)
      stream.pointee.inputStart = stream.pointee.inputEnd
      left &-= UInt64(arrived.count)
      return ContentPiece(bytes: arrived, isLast: false)
    }
    let bytes = stream.pointee.mutableInputBytes
    var span = bytes.mutableSpan
    let step = try decoder.decode(&span, maximumLineBytes: Limits.chunkLineBytes)
    assert(step.consumed <= bytes.count && step.produced <= step.consumed)
    stream.pointee.inputStart &+= UInt32(step.consumed)
    left &-= UInt64(step.consumed)
    switch step.end {
    case .more: needsMore = step.consumed == 0
    case .trailers: place = .trailers
    case .complete: place = .end
    }
    let content = UnsafeRawBufferPointer(bytes)[0..<step.produced]
    return ContentPiece(
      bytes: UnsafeRawBufferPointer(rebasing: content), isLast: place == .end)
  }

  /// Takes content that a session has told the end of, or has not yet.
  private mutating func takeFromSession(_ stream: StreamPointer) -> ContentPiece {
    let state = stream.place.pointee
    let arrived = UnsafeRawBufferPointer(stream.pointee.inputBytes)
    let isAll = state.later.isNone
    let count = arrived.count - (isAll ? Int(state.trailerCount) : 0)
    precondition(count >= 0, "takeFromSession: its trailers have been taken")
    stream.pointee.inputStart &+= UInt32(count)
    left &-= UInt64(count)
    if isAll && state.hasEnded && state.failure == .none {
      place = state.trailerCount > 0 ? .trailers : .end
    }
    return ContentPiece(
      bytes: UnsafeRawBufferPointer(rebasing: arrived[0..<count]), isLast: place == .end)
  }

  /// Reads the trailer section into `trailers`, whose ranges count from the first of `bytes`, which
  /// were the stream's input. False when not all of it has come.
  mutating func takeTrailers(
    _ trailers: inout FieldSection, from stream: StreamPointer
  ) throws(HTTP1Error) -> Bool {
    assert(place == .trailers, "takeTrailers: no trailer section is to come")
    let bytes = stream.pointee.inputBytes.span
    guard let count = try trailers.parseTrailers(bytes, maximumBytes: Limits.trailerBytes) else {
      needsMore = true
      return false
    }
    stream.pointee.inputStart &+= UInt32(count)
    left &-= UInt64(count)
    place = .end
    return true
  }

  /// Notes that the stream has ended. True when that is the end of the content, too; else the
  /// content was cut.
  mutating func noteEnd() -> Bool {
    guard framing == .untilEnd else { return false }
    place = .end
    return true
  }
}
