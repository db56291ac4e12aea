import Basics

/// Whether a text found in a line is the ID looked for, a longer one that begins so, or chance.
public enum IDMatch: Equatable, Sendable {
  /// The ID itself.
  case exact
  /// The first characters of another ID, which lies in this range.
  case beginning(of: Range<Int>)
  /// Letters in the middle of something else.
  case chance

  /// Judges the `count` bytes that were found at `position`.
  ///
  /// An ID in a line is not always quoted: `[req-ID]`, `id=ID,` and `ID: text` are usual. So what
  /// precedes it must be no letter and no digit. It goes on with every character that an ID may
  /// have, escaped or not, but a point, a colon or a slash that nothing follows belongs to the
  /// sentence around it. Between quotes it is all that is there.
  public init(_ line: Span<UInt8>, at position: Int, count: Int) {
    guard SpelledByte.isBoundary(line, before: position) else {
      self = .chance
      return
    }
    let end = position &+ count
    let isQuoted = position > 0 && line[position &- 1] == UInt8(ascii: "\"")
    if isQuoted, let close = IDMatch.closingQuote(line, from: end) {
      self = close == end ? .exact : .beginning(of: position..<close)
      return
    }
    let close = IDMatch.end(of: line, from: end)
    self = close == end ? .exact : .beginning(of: position..<close)
  }

  /// Where an ID that goes on at `start` ends.
  private static func end(of line: Span<UInt8>, from start: Int) -> Int {
    var (position, end) = (start, start)
    while position < line.count {
      let next = SpelledByte(line, at: position)
      guard SpelledByte.isInID(next.byte) else { break }
      position &+= next.count
      if !".:/".utf8.contains(next.byte) { end = position }
    }
    return end
  }

  /// The quote that ends an ID; nil when something else than an ID comes before it.
  private static func closingQuote(_ line: Span<UInt8>, from start: Int) -> Int? {
    var position = start
    while position < line.count, position &- start <= 255 {
      let byte = line[position]
      if byte == UInt8(ascii: "\"") { return position }
      guard byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "\\") else { return nil }
      position &+= 1
    }
    return nil
  }
}
