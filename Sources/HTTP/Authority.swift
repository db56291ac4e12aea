import Basics

/// `uri-host [ ":" port ]`, as Host and the absolute and authority forms hold it (RFC 9110 section
/// 7.2). User information is no part of it and is refused (RFC 9110 section 4.2.4).
struct Authority {
  /// The host, with its brackets if it is an address literal.
  let host: ByteRange
  /// True when a colon and at least one digit follow the host.
  let hasPort: Bool

  /// Reads the authority that `range` of `bytes` is; nil when it is none.
  @inline(__always)
  init?(_ bytes: Span<UInt8>, _ range: ByteRange) {
    let start = range.offsets.lowerBound
    let end = range.offsets.upperBound
    guard start < end else { return nil }
    let isLiteral = bytes[start] == ASCII.leftBracket
    let hostEnd =
      isLiteral
      ? Authority.endOfLiteral(bytes, from: start, to: end)
      : ByteSet.registeredName.firstOutside(bytes, from: start, to: end)
    guard hostEnd > start else { return nil }
    host = ByteRange(start: start, count: hostEnd &- start)
    guard hostEnd < end else {
      hasPort = false
      return
    }
    guard bytes[hostEnd] == ASCII.colon,
      Authority.isPort(bytes.extracting((hostEnd &+ 1)..<end))
    else { return nil }
    hasPort = hostEnd &+ 1 < end
  }

  /// Offset behind the bracket that closes an address literal; `start` when there is none.
  private static func endOfLiteral(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
    var offset = start &+ 1
    while offset < end && ByteSet.addressLiteral.contains(bytes[offset]) { offset &+= 1 }
    let isClosed = offset < end && bytes[offset] == ASCII.rightBracket && offset > start &+ 2
    return isClosed ? offset &+ 1 : start
  }

  /// True for a number up to 65535 and for nothing at all (RFC 3986 section 3.2.3).
  private static func isPort(_ digits: Span<UInt8>) -> Bool {
    guard digits.count <= 5 else { return false }
    var port = 0
    for index in digits.indices {
      guard ASCII.isDigit(digits[index]) else { return false }
      port = port &* 10 &+ Int(digits[index] &- ASCII.zero)
    }
    return port <= 65_535
  }
}
