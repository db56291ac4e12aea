import Basics
import HTTP

/// A response's head: the same for every cut, within its bytes, with one meaning, and the same
/// again when it is written anew.
final class ResponseHeadProperty: Property {
  private var whole = ResponseHead()
  private var other = ResponseHead()
  private let ended = Scratch()
  private let rewritten = Scratch()

  func check(_ input: Span<UInt8>) throws(Violation) {
    guard try parseEveryWay(input, &whole, &other, ended) == .complete else { return }
    let bytes = ended.written.span
    try expect(isSame(whole, other), "a cut changes the head")
    try expect(whole.status >= 100 && whole.status <= 999, "a status code has three digits")
    try checkLineEnds(bytes, from: 0, byteCount: whole.byteCount)
    try checkFields(whole.fields, bytes, byteCount: whole.byteCount)
    try checkFraming(
      try countFraming(whole.fields, bytes), whole.version, isChunked: whole.isChunked,
      length: whole.contentLength)
    try checkContent()
    try checkRewritten(bytes)
  }

  /// Where the content ends, by RFC 9112 section 6.3.
  private func checkContent() throws(Violation) {
    let hasNone = whole.status < 200 || whole.status == 204 || whole.status == 304
    var expected = ContentFraming.untilClose
    if let length = whole.contentLength { expected = .length(length) }
    if whole.isChunked { expected = .chunked }
    if hasNone { expected = .none }
    try expect(whole.framing(for: .get) == expected, "content ends where the RFC says")
    try expect(whole.framing(for: .head) == .none, "HEAD has no content")
  }

  /// The head written anew is accepted and means the same.
  private func checkRewritten(_ bytes: Span<UInt8>) throws(Violation) {
    rewritten.clear()
    rewritten.writer.append(whole.version == .http11 ? "HTTP/1.1 " : "HTTP/1.0 ")
    rewritten.writer.append(decimal: UInt64(whole.status))
    rewritten.writer.append(" ")
    rewritten.writer.append(bytes, whole.reason)
    rewritten.writer.append("\r\n")
    for index in 0..<whole.fields.count {
      let line = whole.fields[index]
      rewritten.writer.appendField(
        bytes.extracting(line.name.offsets), bytes.extracting(line.value.offsets))
    }
    rewritten.writer.append("\r\n")
    let again = rewritten.written.span
    let wide = HeadLimits(
      maximumLineBytes: 1 << 17, maximumHeadBytes: 1 << 18, maximumFieldCount: 128)
    try expect(parse(&other, again, wide) == .complete, "a head written anew is accepted")
    try expect(other.byteCount == again.count, "a head written anew ends where it ends")
    try expect(
      isEqual(
        bytes.extracting(whole.reason.offsets), again.extracting(other.reason.offsets)),
      "a reason written anew is the same")
    try expect(meansSame(), "a head written anew means the same")
  }

  private func meansSame() -> Bool {
    whole.version == other.version && whole.status == other.status
      && whole.connection == other.connection && whole.contentLength == other.contentLength
      && whole.isChunked == other.isChunked && whole.keepsAlive == other.keepsAlive
      && whole.fields.count == other.fields.count
  }
}

/// True when both heads, of the same bytes, say the same.
private func isSame(_ left: borrowing ResponseHead, _ right: borrowing ResponseHead) -> Bool {
  left.version == right.version && left.status == right.status && left.reason == right.reason
    && left.connection == right.connection && left.contentLength == right.contentLength
    && left.isChunked == right.isChunked && left.byteCount == right.byteCount
    && isSame(left.fields, right.fields)
}
