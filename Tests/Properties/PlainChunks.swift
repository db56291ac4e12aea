/// The chunked transfer coding read line by line from bytes that have all come: the second opinion
/// on `ChunkedDecoder`, without its states (RFC 9112 section 7.1).
struct PlainChunks {
  /// How far the chunks go.
  enum End { case more, last, refused }

  private(set) var end = End.more
  /// Bytes up to and with the last chunk's line.
  private(set) var consumed = 0
  /// Bytes of content.
  private(set) var contentCount = 0
  /// A hash of the content.
  private(set) var contentHash = PlainChunks.emptyHash

  private static let emptyHash: UInt64 = 0xCBF2_9CE4_8422_2325

  /// The hash that equal content has.
  static func hash(_ bytes: Span<UInt8>, from start: UInt64 = emptyHash) -> UInt64 {
    var hash = start
    for index in bytes.indices { hash = (hash ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01B3 }
    return hash
  }

  /// Reads chunks from the first byte on.
  init(_ bytes: Span<UInt8>, maximumLineBytes: Int) {
    var position = 0
    while true {
      guard let line = ChunkLine(bytes, from: position, maximumLineBytes: maximumLineBytes) else {
        end = .refused
        return
      }
      guard line.isComplete else { return }
      guard line.size > 0 else {
        end = .last
        consumed = line.end
        return
      }
      let available = bytes.count - line.end
      let amount = line.size > UInt64(available) ? available : Int(line.size)
      let content = bytes.extracting(line.end..<(line.end + amount))
      contentCount += amount
      contentHash = PlainChunks.hash(content, from: contentHash)
      position = line.end + amount
      guard UInt64(amount) == line.size else { return }
      for byte in [0x0D, 0x0A] as [UInt8] {
        guard position < bytes.count else { return }
        guard bytes[position] == byte else {
          end = .refused
          return
        }
        position += 1
      }
    }
  }
}

/// One chunk's line: a size, perhaps blanks, perhaps an extension, CR LF.
private struct ChunkLine {
  var size: UInt64 = 0
  var end = 0
  var isComplete = false

  /// The line at `start`; nil when no further byte could make it a valid one.
  init?(_ bytes: Span<UInt8>, from start: Int, maximumLineBytes: Int) {
    var position = start
    while position < bytes.count, let digit = ChunkLine.value(ofDigit: bytes[position]) {
      guard position - start < 16, size < 1 << 59 else { return nil }
      size = size * 16 + UInt64(digit)
      position += 1
    }
    let digitsEnd = position
    while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x09 {
      position += 1
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: ";"), digitsEnd > start {
      while position < bytes.count, !isControl(bytes[position]) || bytes[position] == 0x09 {
        position += 1
      }
    }
    guard min(position, bytes.count) - start <= maximumLineBytes else { return nil }
    guard position < bytes.count else {
      if digitsEnd == start && position > start { return nil }
      return
    }
    guard digitsEnd > start, bytes[position] == 0x0D else { return nil }
    guard position + 1 < bytes.count else { return }
    guard bytes[position + 1] == 0x0A else { return nil }
    end = position + 2
    isComplete = true
  }

  private static func value(ofDigit byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }
}
