import Basics

/// Reading the formats for people: `verbose` is `LEVEL date time module [req-ID] message`, `simple`
/// is `LEVEL message [req-ID]`.
extension AccessEntry {
  /// The entry of a `verbose` line; nil when it is none, or another module's.
  public init?(verbose line: Span<UInt8>) {
    guard let level = AccessEntry.endOfWord(line, from: 0), level < line.count,
      line[0] >= UInt8(ascii: "A"), line[0] <= UInt8(ascii: "Z"),
      line.has(" access [", at: level &+ 27), line[level &+ 11] == UInt8(ascii: " ")
    else { return nil }
    self.init()
    escape = .text
    time = ByteRange((level &+ 1)..<(level &+ 27))
    let tag = level &+ 36
    let close = line.index(of: UInt8(ascii: "]"), from: tag)
    guard close &+ 1 < line.count else { return nil }
    takeTag(line, tag..<close)
    guard takeMessage(line, (close &+ 2)..<line.count) else { return nil }
  }

  /// The entry of a `simple` line; nil when it is none.
  public init?(simple line: Span<UInt8>) {
    guard let level = AccessEntry.endOfWord(line, from: 0), line.count > level &+ 4,
      line[0] >= UInt8(ascii: "A"), line[0] <= UInt8(ascii: "Z"),
      line[line.count &- 1] == UInt8(ascii: "]"),
      let open = line.lastIndex(of: UInt8(ascii: "["), before: line.count), open > level &+ 2
    else { return nil }
    self.init()
    escape = .text
    takeTag(line, (open &+ 1)..<(line.count &- 1))
    guard takeMessage(line, (level &+ 1)..<(open &- 1)) else { return nil }
  }

  /// `req-ID`; a `conn-NUMBER` is no ID.
  private mutating func takeTag(_ line: Span<UInt8>, _ tag: Range<Int>) {
    if line.has("req-", at: tag.lowerBound) { requestID = ByteRange(tag.dropFirst(4)) }
  }

  /// `GET /path HTTP/1.1 -> 200 123 bytes in 0.001234 s from 127.0.0.1:5000 via 127.0.0.1:8001`
  /// and what went wrong.
  private mutating func takeMessage(_ line: Span<UInt8>, _ message: Range<Int>) -> Bool {
    // What precedes the last arrow is the client's; what follows it is not.
    guard let arrow = AccessEntry.lastArrow(line, message) else { return false }
    takeRequestLine(line, message.lowerBound..<arrow)
    var words = Words((arrow &+ 4)..<message.upperBound)
    guard let first = words.next(in: line) else { return false }
    status = UInt16(clamping: DecimalReading.integer(line, first) ?? 0)
    if status == 0 { _ = words.next(in: line) }
    while let word = words.next(in: line) {
      let text = line.extracting(word)
      if text.equals("upgrade") || text.equals("subrequest") {
        isEvent = true
        isSubrequest = text.equals("subrequest")
      } else if text.equals("bytes") {
        bytesOut = ByteRange(words.previous)
      } else if text.equals("in"), let value = words.next(in: line) {
        duration = DecimalReading.microseconds(line, value) ?? AccessEntry.unknownTime
      } else if text.equals("from"), let value = words.next(in: line) {
        client = ByteRange(value)
      } else if text.equals("via"), let value = words.next(in: line) {
        upstream = ByteRange(value)
      } else if line.has("error=", at: word.lowerBound) {
        error = ByteRange(word.dropFirst(6))
      } else if line.has("termination=", at: word.lowerBound) {
        termination = ByteRange(word.dropFirst(12))
      }
      words.previous = word
    }
    return duration != AccessEntry.unknownTime
  }

  /// `GET /path HTTP/1.1`; anything else leaves method and URI empty.
  mutating func takeRequestLine(_ line: Span<UInt8>, _ range: Range<Int>) {
    var words = Words(range)
    guard let method = words.next(in: line), let target = words.next(in: line),
      let version = words.next(in: line), line.has("HTTP/", at: version.lowerBound)
    else { return }
    self.method = ByteRange(method)
    uri = ByteRange(target)
  }

  private static func lastArrow(_ line: Span<UInt8>, _ range: Range<Int>) -> Int? {
    var position = range.upperBound &- 4
    while position >= range.lowerBound {
      if line[position] == UInt8(ascii: " "), line.has(" -> ", at: position) { return position }
      position &-= 1
    }
    return nil
  }

  private static func endOfWord(_ line: Span<UInt8>, from start: Int) -> Int? {
    let end = line.index(of: UInt8(ascii: " "), from: start)
    return end > start && end < min(line.count, start &+ 10) ? end : nil
  }
}

/// The words of a range of a line, separated by spaces.
private struct Words {
  private var rest: Range<Int>
  /// For the caller to keep the word before.
  var previous = 0..<0

  init(_ range: Range<Int>) { rest = range }

  mutating func next(in line: Span<UInt8>) -> Range<Int>? {
    var start = rest.lowerBound
    while start < rest.upperBound, line[start] == UInt8(ascii: " ") { start &+= 1 }
    guard start < rest.upperBound else { return nil }
    let end = min(line.index(of: UInt8(ascii: " "), from: start), rest.upperBound)
    rest = end..<rest.upperBound
    return start..<end
  }
}
