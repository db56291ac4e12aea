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
  /// precedes it must be no letter and no digit; and of the other characters that an ID may have
  /// only `-` and `_` are taken for its continuation, unless it stands between quotes.
  public init(_ line: Span<UInt8>, at position: Int, count: Int) {
    if position > 0, IDMatch.isWordByte(line[position &- 1]) {
      self = .chance
      return
    }
    let end = position &+ count
    let isQuoted = position > 0 && line[position &- 1] == UInt8(ascii: "\"")
    if isQuoted, let close = IDMatch.closingQuote(line, from: end) {
      self = close == end ? .exact : .beginning(of: position..<close)
      return
    }
    guard end < line.count, IDMatch.continues(line[end]) else {
      self = .exact
      return
    }
    var close = end
    while close < line.count, IDMatch.continues(line[close]) { close &+= 1 }
    self = .beginning(of: position..<close)
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

  private static func continues(_ byte: UInt8) -> Bool {
    isWordByte(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    byte &- 0x30 <= 9 || (byte | 0x20) &- UInt8(ascii: "a") < 26
  }
}
