import Basics

/// Reading one field line: `name ":" OWS value OWS CRLF` (RFC 9112 section 5).
extension FieldSection {
  /// Appends the field line at `start` and returns it and where the next line starts; nil when this
  /// one's end has not come yet. Errors depend only on the bytes up to the first that is wrong.
  @inline(__always)
  mutating func appendLine(
    _ bytes: Span<UInt8>, at start: Int, _ window: LineWindow, maximumCount: Int
  ) throws(HTTP1Error) -> (line: FieldLine, next: Int)? {
    let end = window.scanEnd
    let colon = WordScan.endOfName(in: bytes, from: start, to: end)
    guard colon < end else { return nil }
    guard bytes[colon] == ASCII.colon else {
      throw FieldSection.nameError(bytes, from: start, stop: colon)
    }
    let name = bytes.extracting(start..<colon)
    let known = FieldName(classifying: name)
    guard known != .other || FieldSection.isValidName(name) else {
      throw HTTP1Error(.invalidFieldName, at: start)
    }
    var valueStart = colon &+ 1
    while valueStart < end && ASCII.isBlank(bytes[valueStart]) { valueStart &+= 1 }
    let stop = WordScan.firstControl(in: bytes, from: valueStart, to: end)
    guard stop < end, try window.hasLineEnd(bytes, at: stop, otherwise: .invalidFieldValue) else {
      return nil
    }
    var valueEnd = stop
    while valueEnd > valueStart && ASCII.isBlank(bytes[valueEnd &- 1]) { valueEnd &-= 1 }
    let line = FieldLine(
      name: ByteRange(start: start, count: colon &- start),
      value: ByteRange(start: valueStart, count: valueEnd &- valueStart), known: known)
    guard count < maximumCount, append(line) else { throw HTTP1Error(.tooManyFields, at: start) }
    return (line, stop &+ 2)
  }

  /// True for a token whose length fits `FieldLine.nameCount`.
  @inline(__always) private static func isValidName(_ name: Span<UInt8>) -> Bool {
    !name.isEmpty && name.count <= Int(UInt16.max) && ByteSet.token.containsAll(of: name)
  }

  /// Why a line whose name ends with the byte at `stop`, which is no colon, is refused.
  private static func nameError(_ bytes: Span<UInt8>, from start: Int, stop: Int) -> HTTP1Error {
    guard ASCII.isBlank(bytes[stop]) else { return HTTP1Error(.invalidFieldName, at: stop) }
    return HTTP1Error(stop == start ? .obsoleteFolding : .whitespaceBeforeColon, at: stop)
  }
}
