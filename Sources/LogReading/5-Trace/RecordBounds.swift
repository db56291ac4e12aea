import Basics
import Policy

/// Finds the whole record that a line belongs to: a message with its traceback, or a JSON object
/// over several lines.
///
/// A record goes on with lines that are indented, that belong to a traceback as Python, Java, Ruby,
/// Go, Node, PHP and .NET write it, or, below a line with a time stamp, that neither have one nor
/// begin as log lines do. Every byte of a block is looked at a few times at most: a record ends
/// after `Limits.recordBytes`.
public struct RecordBounds: Sendable {
  /// A record in a block.
  public struct Record: Equatable {
    /// From its first line to its last, without the last one's line end.
    public var range: Range<Int>
    /// True when it may begin before the block.
    public var mayBeginEarlier = false
    /// True when it may go on behind the block.
    public var mayGoOn = false
  }

  let time: LogTime

  /// Tells lines with a time stamp from others by `time`.
  public init(time: LogTime) { self.time = time }

  /// The record of `line`, which lies in `block` without its line end. What precedes `start`
  /// belongs to another record.
  public func record(
    in block: Span<UInt8>, around line: Range<Int>, notBefore start: Int = 0
  ) -> Record {
    if let object = object(in: block, around: line, notBefore: start),
      object.range.upperBound >= line.upperBound
    {
      return object
    }
    let (head, mayBeginEarlier) = head(in: block, of: line, notBefore: start)
    var record = Record(range: head..<line.upperBound, mayBeginEarlier: mayBeginEarlier)
    // What one line says in JSON is all that there is.
    if line.count > 1, block[line.lowerBound] == UInt8(ascii: "{"),
      block[line.upperBound &- 1] == UInt8(ascii: "}")
    {
      return record
    }
    extend(&record, in: block, from: line)
    return record
  }

  /// Goes on below `line` as far as the record does.
  private func extend(_ record: inout Record, in block: Span<UInt8>, from line: Range<Int>) {
    let first = RecordBounds.line(in: block, at: record.range.lowerBound)
    var continuation = Continuation(time: time, isStamped: isStamped(block, first))
    continuation.note(block.extracting(line))
    var position = block.index(of: UInt8(ascii: "\n"), from: line.upperBound) &+ 1
    while position < block.count {
      let next = RecordBounds.line(in: block, at: position)
      guard next.upperBound &- line.upperBound <= Limits.recordBytes else { return }
      let text = block.extracting(next)
      if text.count > 0 {
        guard continuation.includes(text) else { return }
        record.range = record.range.lowerBound..<next.upperBound
      }
      position = block.index(of: UInt8(ascii: "\n"), from: next.upperBound) &+ 1
    }
    record.mayGoOn = true
  }

  /// Where the record of `line` begins, if that is not its first one.
  private func head(
    in block: Span<UInt8>, of line: Range<Int>, notBefore start: Int
  ) -> (Int, mayBeginEarlier: Bool) {
    var line = line
    var head = line.lowerBound
    // Java's frames follow the exception, which follows the message.
    var isBelow = false
    let lowest = max(start, line.lowerBound &- Limits.recordBytes)
    while true {
      let text = block.extracting(line)
      let above = RecordBounds.line(in: block, above: line.lowerBound)
      let isIndentedAbove = above.map { Continuation.isIndented(block.extracting($0), time) }
      let belongsToAbove =
        text.count == 0 || Continuation.isIndented(text, time) || Continuation.isTraceback(text)
        || (Continuation.isException(text)
          && (isIndentedAbove ?? false || (isBelow && above.map { isStamped(block, $0) } ?? false)))
      guard belongsToAbove else { return (line.lowerBound, false) }
      if text.count > 0 { head = line.lowerBound }
      guard let above else { return (head, start == 0) }
      guard above.lowerBound >= lowest else { return (head, false) }
      line = above
      isBelow = true
    }
  }

  private func isStamped(_ block: Span<UInt8>, _ line: Range<Int>) -> Bool {
    time.stamp(in: block.extracting(line)) != nil
  }

  /// The line that begins at `start`, without its line end.
  static func line(in block: Span<UInt8>, at start: Int) -> Range<Int> {
    var end = block.index(of: UInt8(ascii: "\n"), from: start)
    if end > start, block[end &- 1] == UInt8(ascii: "\r") { end &-= 1 }
    return start..<end
  }

  /// The line that ends before the one that begins at `start`.
  static func line(in block: Span<UInt8>, above start: Int) -> Range<Int>? {
    guard start > 0 else { return nil }
    let before = block.lastIndex(of: UInt8(ascii: "\n"), before: start &- 1).map { $0 &+ 1 } ?? 0
    return line(in: block, at: before)
  }
}

// MARK: JSON over several lines

extension RecordBounds {
  /// The JSON object over several lines that `line` stands in: from a line with nothing but its
  /// brace to the one with the brace that closes it, which stands as far from the margin.
  private func object(
    in block: Span<UInt8>, around line: Range<Int>, notBefore start: Int
  ) -> Record? {
    guard RecordBounds.mayBeMember(block, line) else { return nil }
    let lowest = max(start, line.lowerBound &- Limits.recordBytes)
    var depth = RecordBounds.margin(block, line)
    if depth == 0 { return close(line, in: block) }
    var current = line
    while let above = RecordBounds.line(in: block, above: current.lowerBound) {
      guard above.lowerBound >= lowest else { return nil }
      let margin = RecordBounds.margin(block, above)
      // A brace at the margin of the line's own brothers begins another object.
      if margin < depth {
        if RecordBounds.isBrace(block, above) { return close(above, in: block) }
        depth = margin
      }
      if margin == 0, !above.isEmpty { return nil }
      current = above
    }
    return start == 0 ? Record(range: line, mayBeginEarlier: true) : nil
  }

  private func close(_ brace: Range<Int>, in block: Span<UInt8>) -> Record {
    let margin = RecordBounds.margin(block, brace)
    var record = Record(range: brace)
    var position = block.index(of: UInt8(ascii: "\n"), from: brace.upperBound) &+ 1
    while position < block.count {
      let next = RecordBounds.line(in: block, at: position)
      guard next.upperBound &- brace.lowerBound <= 2 * Limits.recordBytes else { return record }
      let depth = RecordBounds.margin(block, next)
      let isClosing =
        depth == margin && next.count > depth
        && block[next.lowerBound &+ depth] == UInt8(ascii: "}")
      guard isClosing || depth > margin else { return record }
      record.range = brace.lowerBound..<next.upperBound
      if isClosing { return record }
      position = block.index(of: UInt8(ascii: "\n"), from: next.upperBound) &+ 1
    }
    record.mayGoOn = true
    return record
  }

  /// A name in quotes at some distance from the margin, or a lone brace.
  private static func mayBeMember(_ block: Span<UInt8>, _ line: Range<Int>) -> Bool {
    let margin = margin(block, line)
    guard line.count > margin else { return false }
    if isBrace(block, line) { return true }
    return margin > 0 && block[line.lowerBound &+ margin] == UInt8(ascii: "\"")
  }

  private static func isBrace(_ block: Span<UInt8>, _ line: Range<Int>) -> Bool {
    let margin = margin(block, line)
    return line.count == margin &+ 1 && block[line.lowerBound &+ margin] == UInt8(ascii: "{")
  }

  /// Spaces and tabs that a line begins with.
  private static func margin(_ block: Span<UInt8>, _ line: Range<Int>) -> Int {
    var count = 0
    while count < line.count, Continuation.isSpace(block[line.lowerBound &+ count]) { count &+= 1 }
    return count
  }
}
