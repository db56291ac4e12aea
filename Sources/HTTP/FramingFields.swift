import Basics

/// What Content-Length and Transfer-Encoding lines say about where content ends. Anything that two
/// recipients could read differently is refused: that is how requests are smuggled (RFC 9112
/// section 11.2).
struct FramingFields: Sendable, BitwiseCopyable {
  /// Content-Length, once it has come.
  private(set) var contentLength: UInt64? = nil
  /// True once `Transfer-Encoding: chunked` has come.
  private(set) var isChunked = false

  /// Takes a Content-Length line. A second one is refused even if it is equal, as RFC 9112 section
  /// 6.3 allows.
  mutating func addContentLength(
    _ bytes: Span<UInt8>, _ value: ByteRange
  ) throws(HTTP1Error) {
    guard contentLength == nil, let length = FramingFields.number(bytes, value) else {
      throw HTTP1Error(.invalidContentLength, at: Int(value.start))
    }
    contentLength = length
  }

  /// Takes a Transfer-Encoding line, which must be exactly `chunked` and the only one.
  mutating func addTransferEncoding(
    _ bytes: Span<UInt8>, _ value: ByteRange
  ) throws(HTTP1Error) {
    guard !isChunked else { throw HTTP1Error(.invalidTransferEncoding, at: Int(value.start)) }
    guard FieldNameMatch.equalIgnoringCase(bytes.extracting(value.offsets), "chunked") else {
      let isKnown = FramingFields.endsWithChunked(bytes, value)
      let kind: HTTP1Error.Kind =
        isKnown ? .unsupportedTransferEncoding : .invalidTransferEncoding
      throw HTTP1Error(kind, at: Int(value.start))
    }
    isChunked = true
  }

  /// Refuses what the lines say together: both fields, or a transfer coding in HTTP/1.0 (RFC 9112
  /// section 6.1). `offset` is where the head ends.
  func validate(_ version: HTTPVersion, at offset: Int) throws(HTTP1Error) {
    guard isChunked else { return }
    guard contentLength == nil else { throw HTTP1Error(.conflictingFraming, at: offset) }
    guard version == .http11 else { throw HTTP1Error(.invalidTransferEncoding, at: offset) }
  }

  /// The number that `value` is in decimal digits alone; nil when it is none or takes 64 bits.
  private static func number(_ bytes: Span<UInt8>, _ value: ByteRange) -> UInt64? {
    guard !value.isEmpty else { return nil }
    var number: UInt64 = 0
    for index in value.offsets {
      let byte = bytes[index]
      guard ASCII.isDigit(byte), number <= (UInt64(Int64.max) &- 9) / 10 else { return nil }
      number = number &* 10 &+ UInt64(byte &- ASCII.zero)
    }
    return number
  }

  /// True for a list of tokens of which the last, and no other, is `chunked`: a message whose end
  /// is clear, in a coding that is not served.
  private static func endsWithChunked(_ bytes: Span<UInt8>, _ value: ByteRange) -> Bool {
    var list = ListElements(bytes, value)
    var chunkedCount = 0
    var endsWithChunked = false
    while let element = list.next() {
      let coding = bytes.extracting(element.offsets)
      guard ByteSet.token.containsAll(of: coding) else { return false }
      endsWithChunked = FieldNameMatch.equalIgnoringCase(coding, "chunked")
      chunkedCount &+= endsWithChunked ? 1 : 0
    }
    return endsWithChunked && chunkedCount == 1 && list.emptyCount == 0
  }
}
