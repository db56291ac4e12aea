import Basics
import HTTP

/// A request's head: the same for every cut, within its bytes, with one meaning, and the same again
/// when it is written anew.
final class RequestHeadProperty: Property {
  private var whole = RequestHead()
  private var other = RequestHead()
  private let ended = Scratch()
  private let rewritten = Scratch()

  func check(_ input: Span<UInt8>) throws(Violation) {
    guard try parseEveryWay(input, &whole, &other, ended) == .complete else { return }
    let bytes = ended.written.span
    try expect(isSame(whole, other), "a cut changes the head")
    try checkRanges()
    try checkLineEnds(bytes, from: Int(whole.methodRange.start), byteCount: whole.byteCount)
    try checkMeaning(bytes)
    try checkRewritten(bytes)
  }

  /// All that the head names lies in its start line or its fields.
  private func checkRanges() throws(Violation) {
    let (target, method) = (whole.target.offsets, whole.methodRange.offsets)
    try expect(!method.isEmpty && method.upperBound + 1 == target.lowerBound, "method SP target")
    for part in [whole.path, whole.query] where !part.isEmpty {
      let range = part.offsets
      try expect(
        range.lowerBound >= target.lowerBound && range.upperBound <= target.upperBound,
        "path and query lie in the target")
    }
    for part in [whole.target, whole.authority, whole.host] {
      try expect(part.offsets.upperBound + 2 <= whole.byteCount, "each range lies in the head")
    }
    try expect(
      whole.host.isEmpty
        || (whole.host.offsets.lowerBound == whole.authority.offsets.lowerBound
          && whole.host.count <= whole.authority.count),
      "the host begins the authority")
  }

  private func checkMeaning(_ bytes: Span<UInt8>) throws(Violation) {
    try expect(isToken(bytes.extracting(whole.methodRange.offsets)), "the method is a token")
    for index in whole.target.offsets {
      let byte = bytes[index]
      try expect(byte > 0x20 && byte != 0x7F, "the target has no blank or control")
    }
    try checkFields(whole.fields, bytes, byteCount: whole.byteCount)
    let counted = try countFraming(whole.fields, bytes)
    try expect(counted.hosts <= 1, "Host comes at most once")
    try expect(counted.hosts == 1 || whole.version == .http10, "HTTP/1.1 has a Host")
    switch whole.framing {
    case .none: try checkFraming(counted, whole.version, isChunked: false, length: nil)
    case .length(let length):
      try checkFraming(counted, whole.version, isChunked: false, length: length)
    case .chunked: try checkFraming(counted, whole.version, isChunked: true, length: nil)
    case .untilClose: throw Violation(rule: "a request does not end with its connection")
    }
  }

  /// The head written anew is accepted and means the same.
  private func checkRewritten(_ bytes: Span<UInt8>) throws(Violation) {
    rewritten.clear()
    rewritten.writer.append(bytes, whole.methodRange)
    rewritten.writer.append(" ")
    rewritten.writer.append(bytes, whole.target)
    rewritten.writer.append(whole.version == .http11 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n")
    let fieldsStart = rewritten.writer.count
    var run = FieldRun()
    for index in 0..<whole.fields.count {
      run.add(whole.fields[index], of: bytes, into: &rewritten.writer)
    }
    run.flush(bytes, into: &rewritten.writer)
    rewritten.writer.append("\r\n")
    let again = rewritten.written.span
    try checkLines(bytes, again.extracting(fieldsStart..<again.count))
    let wide = HeadLimits(
      maximumLineBytes: 1 << 17, maximumHeadBytes: 1 << 18, maximumFieldCount: 128)
    try expect(parse(&other, again, wide) == .complete, "a head written anew is accepted")
    try expect(other.byteCount == again.count, "a head written anew ends where it ends")
    try expect(meansSame(bytes, again), "a head written anew means the same")
  }

  /// `FieldRun` has written each line as `name: value`, as if one by one.
  private func checkLines(_ bytes: Span<UInt8>, _ lines: Span<UInt8>) throws(Violation) {
    var position = 0
    for index in 0..<whole.fields.count {
      let line = whole.fields[index]
      let (name, value) = (Int(line.nameCount), Int(line.valueCount))
      let isWritten =
        position + name + value + 4 <= lines.count
        && isEqual(
          lines.extracting(position..<(position + name)), bytes.extracting(line.name.offsets))
        && lines[position + name] == 0x3A && lines[position + name + 1] == 0x20
        && isEqual(
          lines.extracting((position + name + 2)..<(position + name + 2 + value)),
          bytes.extracting(line.value.offsets))
      try expect(isWritten, "a run of fields is written line by line")
      position += name + value + 4
    }
    try expect(position + 2 == lines.count, "a run of fields has no line more")
  }

  private func meansSame(_ bytes: Span<UInt8>, _ again: Span<UInt8>) -> Bool {
    func isSamePart(_ left: ByteRange, _ right: ByteRange) -> Bool {
      isEqual(bytes.extracting(left.offsets), again.extracting(right.offsets))
    }
    return whole.method == other.method && whole.targetForm == other.targetForm
      && whole.hasQuery == other.hasQuery && whole.version == other.version
      && whole.connection == other.connection && whole.framing == other.framing
      && whole.expectsContinue == other.expectsContinue
      && whole.requestsUpgrade == other.requestsUpgrade && whole.keepsAlive == other.keepsAlive
      && isSamePart(whole.path, other.path) && isSamePart(whole.query, other.query)
      && isSamePart(whole.authority, other.authority) && isSamePart(whole.host, other.host)
      && whole.fields.count == other.fields.count
  }
}

/// True when both heads, of the same bytes, say the same.
private func isSame(_ left: borrowing RequestHead, _ right: borrowing RequestHead) -> Bool {
  left.method == right.method && left.methodRange == right.methodRange
    && left.target == right.target && left.targetForm == right.targetForm
    && left.path == right.path && left.query == right.query && left.hasQuery == right.hasQuery
    && left.version == right.version && left.authority == right.authority
    && left.host == right.host && left.connection == right.connection
    && left.framing == right.framing && left.expectsContinue == right.expectsContinue
    && left.requestsUpgrade == right.requestsUpgrade && left.byteCount == right.byteCount
    && isSame(left.fields, right.fields)
}

/// True when both sections, of the same bytes, have the same lines.
func isSame(_ left: borrowing FieldSection, _ right: borrowing FieldSection) -> Bool {
  guard left.count == right.count else { return false }
  for index in 0..<left.count {
    let (one, other) = (left[index], right[index])
    guard one.name == other.name, one.value == other.value, one.known == other.known else {
      return false
    }
  }
  return true
}
