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
  /// An ID in a line is not always quoted: `[req-ID]`, `id=ID,`, `GET /orders/ID` and `ID: text`
  /// are usual. So it extends on both sides over every character that an ID may have, escaped or
  /// not. Behind it, points, colons and slashes that nothing follows belong to the sentence.
  /// Before it, what ends as a name, a path or the tag of our own logs does (`IDPrefix`). Between
  /// quotes it is all that is there, and so it is between brackets behind that tag.
  public init(_ line: Span<UInt8>, at position: Int, count: Int) {
    let end = position &+ count
    let token = IDToken(line, around: position..<end)
    if token.isQuoted || token.isTagged {
      let range = token.content
      guard range.lowerBound == position else {
        self = .chance
        return
      }
      self = range.upperBound == end ? .exact : .beginning(of: range)
      return
    }
    guard !token.isPartOfNamedID, IDPrefix.isLabel(line, token.range.lowerBound..<position) else {
      self = .chance
      return
    }
    let close = IDToken.trimmed(line, from: end, to: token.range.upperBound)
    self = close == end ? .exact : .beginning(of: position..<close)
  }

  /// True when the line itself says of the bytes at `range` that they are an ID: by the tag of our
  /// own logs or by a name that ends in "id".
  static func isNamed(_ line: Span<UInt8>, _ range: Range<Int>) -> Bool {
    let token = IDToken(line, around: range)
    return token.isTagged || token.isNamed
      || IDPrefix.isNamedID(line, token.range.lowerBound..<range.lowerBound)
  }
}

/// The run of characters of an ID that some of them stand in, and what is around it.
private struct IDToken {
  /// All of the run.
  private(set) var range: Range<Int>
  /// Quotes stand on both sides of it.
  private(set) var isQuoted = false
  /// It is `req-ID` in brackets.
  private(set) var isTagged = false
  /// It begins a value that is named as an ID.
  private(set) var isNamed = false
  /// A quote stands directly before it, and more than the run before the next one.
  private let isOpen: Bool

  init(_ line: Span<UInt8>, around found: Range<Int>) {
    range = IDToken.start(line, found.lowerBound)..<IDToken.end(line, found.upperBound)
    let (start, end) = (range.lowerBound, range.upperBound)
    let opens = start > 0 && IDToken.isQuote(line[start &- 1])
    isQuoted = opens && IDToken.closes(line, at: end)
    isOpen = opens && !isQuoted && start == found.lowerBound
    isTagged =
      start > 0 && line[start &- 1] == UInt8(ascii: "[") && line.has("req-", at: start)
      && end < line.count && line[end] == UInt8(ascii: "]")
    isNamed = IDPrefix.isNamedValue(line, at: found.lowerBound)
  }

  /// The ID itself.
  var content: Range<Int> { isTagged ? (range.lowerBound &+ 4)..<range.upperBound : range }

  /// True where a quoted value that is named as an ID holds more than the run: another ID then.
  var isPartOfNamedID: Bool { isNamed && isOpen }

  /// Where the run begins that goes on before `position`.
  private static func start(_ line: Span<UInt8>, _ position: Int) -> Int {
    var start = position
    while start > 0, position &- start <= longest {
      let before = SpelledByte(line, before: start)
      if before.count == 1, SpelledByte.endsForeignEscape(line, before: start) { break }
      guard SpelledByte.isInID(before.byte) else { break }
      start &-= before.count
    }
    return start
  }

  /// Where the run ends that goes on at `position`.
  private static func end(_ line: Span<UInt8>, _ position: Int) -> Int {
    var end = position
    while end < line.count, end &- position <= longest {
      let next = SpelledByte(line, at: end)
      guard SpelledByte.isInID(next.byte) else { break }
      end &+= next.count
    }
    return end
  }

  /// The end without the points, colons and slashes behind it.
  static func trimmed(_ line: Span<UInt8>, from start: Int, to end: Int) -> Int {
    var (position, trimmed) = (start, start)
    while position < end {
      let next = SpelledByte(line, at: position)
      position &+= next.count
      if !".:/".utf8.contains(next.byte) { trimmed = position }
    }
    return trimmed
  }

  /// More bytes than an ID has, escaped.
  private static var longest: Int { 1024 }

  private static func isQuote(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'")
  }

  /// Whether a quote stands there, escaped or not, or the line was cut there.
  private static func closes(_ line: Span<UInt8>, at end: Int) -> Bool {
    var place = end
    while place < line.count, line[place] == UInt8(ascii: "\\") { place &+= 1 }
    return place == line.count || isQuote(line[place])
  }
}

/// What stands before an ID without a gap.
private enum IDPrefix {
  /// True when the ID begins behind the bytes of `range`, which an ID could have, too: they end as
  /// `name=`, `name:`, `/path/` or `http://host/` does, or are signs of a sentence only, or `req-`.
  static func isLabel(_ line: Span<UInt8>, _ range: Range<Int>) -> Bool {
    let bytes = SpelledByte.plain(line, range)
    guard let last = bytes.last else { return true }
    if bytes.allSatisfy({ ".:/=".utf8.contains($0) }) { return true }
    switch last {
    case UInt8(ascii: "/"): return isPath(bytes)
    case UInt8(ascii: "="), UInt8(ascii: ":"): return bytes.contains(where: SpelledByte.isWord)
    case UInt8(ascii: "-"), UInt8(ascii: "_"): return isMark(bytes.dropLast())
    default: return false
    }
  }

  /// True when they end as `id=` does, or are `req-`.
  static func isNamedID(_ line: Span<UInt8>, _ range: Range<Int>) -> Bool {
    let bytes = SpelledByte.plain(line, range)
    switch bytes.last {
    case UInt8(ascii: "="), UInt8(ascii: ":"): return isNameOfIDs(bytes.dropLast())
    case UInt8(ascii: "-"): return isMark(bytes.dropLast())
    default: return false
    }
  }

  /// True when `"id":"`, `"id":`, `id="`, `id: ` and the like stand before `start`.
  static func isNamedValue(_ line: Span<UInt8>, at start: Int) -> Bool {
    var place = start
    func skip(_ bytes: String) {
      while place > 0, bytes.utf8.contains(line[place &- 1]) { place &-= 1 }
    }
    skip("\"'\\")
    skip(" ")
    guard place > 0, ":=".utf8.contains(line[place &- 1]) else { return false }
    place &-= 1
    skip(" \"'\\")
    let end = place
    while place > 0, end &- place <= 64,
      SpelledByte.isWord(line[place &- 1]) || "-_.".utf8.contains(line[place &- 1])
    {
      place &-= 1
    }
    return isNameOfIDs(ArraySlice((place..<end).map { line[$0] }))
  }

  /// `id`, `request_id`, `X-Request-ID`, `traceId`, `reqid`: what programs call an ID, but no word
  /// that happens to end so.
  private static func isNameOfIDs(_ name: ArraySlice<UInt8>) -> Bool {
    let word = String(decoding: name, as: UTF8.self)
    guard word.lowercased().hasSuffix("id") else { return word == "req" }
    let rest = word.dropLast(2)
    return rest.last.map { !$0.isLetter } ?? true || word.dropLast().last == "I" || isMark(name)
  }

  /// The word alone: more before it, as in `big-id-`, may belong to the ID.
  private static func isMark(_ name: ArraySlice<UInt8>) -> Bool {
    let word = String(decoding: name, as: UTF8.self).lowercased()
    let marks = [
      "req", "request", "trace", "id", "rid", "reqid", "req-id", "req_id", "requestid",
      "request-id", "request_id", "x-request-id", "trace-id", "trace_id", "correlation-id",
      "correlation_id", "traceid", "uuid", "guid",
    ]
    return marks.contains(word)
  }

  /// `/a/`, `http://h/`, `path=/a/`: the first slash begins it or follows a sign.
  private static func isPath(_ bytes: [UInt8]) -> Bool {
    guard let first = bytes.firstIndex(of: UInt8(ascii: "/")) else { return false }
    return first == 0 || ":=".utf8.contains(bytes[first - 1])
  }
}
