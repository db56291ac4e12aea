import Basics

/// Whether a record goes on with a line.
struct Continuation {
  let time: LogTime
  /// The record's first line has a time stamp.
  let isStamped: Bool
  private var isAfterIndented = false
  private var isInGo = false

  init(time: LogTime, isStamped: Bool) {
    self.time = time
    self.isStamped = isStamped
  }

  /// Whether the record goes on with `line`, which is not empty. Lines are asked about in order.
  mutating func includes(_ line: Span<UInt8>) -> Bool {
    let isPart =
      Continuation.isIndented(line, time) || Continuation.isTraceback(line)
      || (isAfterIndented && Continuation.isException(line))
      || (isInGo && line[line.count &- 1] == UInt8(ascii: ")"))
      || (isStamped && !Continuation.beginsRecord(line) && time.stamp(in: line) == nil)
    if isPart { note(line) }
    return isPart
  }

  /// Remembers a line of the record that was not asked about.
  mutating func note(_ line: Span<UInt8>) {
    isAfterIndented = Continuation.isIndented(line, time)
    if line.has("goroutine ", at: 0) || line.has("panic: ", at: 0) { isInGo = true }
  }

  static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
  }

  /// An indented line. Levels may be padded on the left: one that a time stamp follows begins a
  /// record.
  static func isIndented(_ line: Span<UInt8>, _ time: LogTime) -> Bool {
    guard line.count > 0, isSpace(line[0]) else { return false }
    var margin = 1
    while margin < line.count, isSpace(line[margin]) { margin &+= 1 }
    let text = line.extracting(margin..<min(line.count, margin &+ 48))
    if text.count > 0, text[0] &- 0x30 <= 9 { return time.stamp(text, at: 0) == nil }
    return !beginsWithLevel(text) || time.stamp(in: text) == nil
  }

  /// A line of a traceback that is not indented.
  static func isTraceback(_ line: Span<UInt8>) -> Bool {
    for start in starts where line.has(start, at: 0) { return true }
    if line.count > 2, line[0] == UInt8(ascii: "#"), line[1] &- 0x30 <= 9 { return true }
    if line.count <= 2, let last = line.count > 0 ? line[0] : nil {
      return last == UInt8(ascii: "}") || last == UInt8(ascii: "]") || last == UInt8(ascii: ")")
    }
    return isRubyFrame(line)
  }

  private static var starts: [StaticString] {
    [
      "Traceback (most recent call last)", "During handling of the above exception",
      "The above exception was the direct cause", "Caused by: ", "Suppressed: ", "Stack trace:",
      "goroutine ", "created by ", "panic: ", "[signal ", "Exception in thread ", "thrown in ",
      "--- End of ", "Node.js v", "from /", "at /",
    ]
  }

  /// `app/models/order.rb:12:in 'find'`, with either quote.
  private static func isRubyFrame(_ line: Span<UInt8>) -> Bool {
    var position = 0
    while position < min(line.count, 512) {
      position = line.index(of: UInt8(ascii: ":"), from: position)
      if line.has(":in '", at: position) || line.has(":in `", at: position) { return true }
      position &+= 1
    }
    return false
  }

  /// `KeyError: 'x'`, `shop.models.Missing`, `Shop::Missing (gone)`: the name of a class first.
  static func isException(_ line: Span<UInt8>) -> Bool {
    var end = 0
    while end < line.count, isNameByte(line[end]) { end &+= 1 }
    if end > 0, line[end &- 1] == UInt8(ascii: ":") { end &-= 1 }
    guard end > 0, line[0] &- 0x30 > 9, !beginsRecord(line) else { return false }
    return end == line.count || line[end] == UInt8(ascii: ":") || line.has(" (", at: end)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    byte &- 0x30 <= 9 || (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "\\")
  }

  /// What begins as a log line does: with a level, with JSON, with a tag, or a hole of zeros.
  static func beginsRecord(_ line: Span<UInt8>) -> Bool {
    guard line.count > 0 else { return false }
    let first = line[0]
    if first == 0 || (first == UInt8(ascii: "{") && line.count > 1) { return true }
    let isTag = first == UInt8(ascii: "[")
    return beginsWithLevel(isTag ? line.extracting(1..<line.count) : line)
  }

  private static func beginsWithLevel(_ line: Span<UInt8>) -> Bool {
    let levels: [StaticString] = [
      "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "CRITICAL", "FATAL", "SEVERE",
      "debug", "info", "notice", "warn", "error", "critical", "fatal", "req-",
    ]
    return levels.contains { level in
      guard line.has(level, at: 0) else { return false }
      let end = level.utf8CodeUnitCount
      // Python's names of exceptions begin so as well: `WarningError`.
      return end == line.count || line[end] &- UInt8(ascii: "a") >= 26 || line.has("WARNING", at: 0)
    }
  }
}
