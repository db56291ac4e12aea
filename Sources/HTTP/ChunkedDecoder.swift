/// Takes the chunked transfer coding off content, in place (RFC 9112 section 7.1).
///
/// Give it bytes as they come; it keeps what it must know between calls, so nothing has to be given
/// twice. Content is moved to the front of the bytes in whole pieces.
public struct ChunkedDecoder: Sendable, BitwiseCopyable {
  /// What one call did.
  public struct Step: Equatable, Sendable, BitwiseCopyable {
    /// Bytes read from the front. What is behind them, if anything, belongs to the trailer section
    /// or to the next message.
    public let consumed: Int
    /// Bytes of content that now stand at the front.
    public let produced: Int
    /// How far the message has come.
    public let end: End
  }

  /// How far the message has come.
  public enum End: UInt8, Sendable, BitwiseCopyable {
    /// Chunks are still to come; all bytes were consumed.
    case more
    /// The last chunk's line was read. A trailer section follows, perhaps one without lines:
    /// collect bytes for `FieldSection.parseTrailers`.
    case trailers
    /// The message ended without trailers.
    case complete
  }

  /// What the next byte belongs to.
  @usableFromInline enum Place: UInt8, Sendable, BitwiseCopyable {
    case size, blanks, chunkExtension, lineFeed, content, contentEnd, contentLineFeed, trailers, end
  }

  @usableFromInline var place = Place.size
  /// Hexadecimal digits of the chunk's size so far.
  @usableFromInline var digitCount: UInt8 = 0
  /// Bytes of the chunk's line so far.
  @usableFromInline var lineBytes: UInt32 = 0
  /// The chunk's size so far, then the bytes of it that have not come yet.
  @usableFromInline var remaining: UInt64 = 0

  /// A decoder at the start of the content.
  @inlinable public init() {}

  /// Decodes what has come. A chunk's line may have `maximumLineBytes`, without its CR LF; an
  /// extension on it is skipped. Throws `invalidChunk` for what is not exactly as the RFC has it;
  /// behind an error the decoder must not be used.
  public mutating func decode(
    _ bytes: inout MutableSpan<UInt8>, maximumLineBytes: Int
  ) throws(HTTP1Error) -> Step {
    let count = bytes.count
    var consumed = 0
    var produced = 0
    while consumed < count && place != .trailers && place != .end {
      if place == .content {
        let amount = Int(min(remaining, UInt64(count &- consumed)))
        ByteMove.move(&bytes, from: consumed, to: produced, count: amount)
        consumed &+= amount
        produced &+= amount
        remaining &-= UInt64(amount)
        if remaining == 0 { place = .contentEnd }
      } else {
        guard read(bytes[consumed], maximumLineBytes) else {
          throw HTTP1Error(.invalidChunk, at: consumed)
        }
        consumed &+= 1
      }
    }
    if place == .trailers { consumed &+= endLength(bytes.span, at: consumed) }
    return Step(consumed: consumed, produced: produced, end: end)
  }

  private var end: End {
    switch place {
    case .trailers: .trailers
    case .end: .complete
    default: .more
    }
  }

  /// Ends the message and returns 2 when its final CR LF stands at `offset`; else returns 0.
  private mutating func endLength(_ bytes: Span<UInt8>, at offset: Int) -> Int {
    guard bytes.count &- offset >= 2, bytes[offset] == ASCII.carriageReturn,
      bytes[offset &+ 1] == ASCII.lineFeed
    else { return 0 }
    place = .end
    return 2
  }

  /// Takes one byte that is not content; false when it must not stand there.
  private mutating func read(_ byte: UInt8, _ maximumLineBytes: Int) -> Bool {
    switch place {
    case .size:
      if let digit = ASCII.hexadecimalValue(byte) { return addDigit(digit, maximumLineBytes) }
      return digitCount > 0 && endSizeField(byte, maximumLineBytes)
    case .blanks:
      return endSizeField(byte, maximumLineBytes)
    case .chunkExtension:
      if byte == ASCII.carriageReturn { return endSizeField(byte, maximumLineBytes) }
      let isAllowed = !ASCII.isControl(byte) || byte == ASCII.tab
      return isAllowed && countLineByte(maximumLineBytes)
    case .lineFeed:
      startChunk()
      return byte == ASCII.lineFeed
    case .contentEnd:
      place = .contentLineFeed
      return byte == ASCII.carriageReturn
    case .contentLineFeed:
      place = .size
      return byte == ASCII.lineFeed
    case .content, .trailers, .end:
      preconditionFailure("ChunkedDecoder.read called outside of the chunk's frame")
    }
  }

  /// Adds a digit to the chunk's size; false when it is one too many or the size takes 64 bits.
  private mutating func addDigit(_ digit: UInt8, _ maximumLineBytes: Int) -> Bool {
    guard digitCount < 16, remaining >> 59 == 0 else { return false }
    digitCount &+= 1
    remaining = remaining &<< 4 | UInt64(digit)
    return countLineByte(maximumLineBytes)
  }

  /// Takes a byte behind the size: white space (which RFC 9112 section 7.1.1 allows before an
  /// extension, and which some servers pad with), the start of an extension, or CR.
  private mutating func endSizeField(_ byte: UInt8, _ maximumLineBytes: Int) -> Bool {
    switch byte {
    case ASCII.carriageReturn:
      place = .lineFeed
      return true
    case ASCII.semicolon: place = .chunkExtension
    case ASCII.space, ASCII.tab: place = .blanks
    default: return false
    }
    return countLineByte(maximumLineBytes)
  }

  private mutating func countLineByte(_ maximumLineBytes: Int) -> Bool {
    lineBytes &+= 1
    return Int(lineBytes) <= maximumLineBytes
  }

  /// The chunk's line has been read: its content follows, or the trailer section.
  private mutating func startChunk() {
    place = remaining > 0 ? .content : .trailers
    digitCount = 0
    lineBytes = 0
  }
}
