import Basics

/// `uri-host [ ":" port ]`, as Host and the absolute and authority forms hold it (RFC 9110 section
/// 7.2). User information is no part of it and is refused (RFC 9110 section 4.2.4).
struct Authority {
  /// The host, with its brackets if it is an address literal, and without the dot that may end a
  /// name: `example.com.` is `example.com`, as nginx has it.
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
      : Authority.endOfName(bytes, from: start, to: end)
    guard hostEnd > start else { return nil }
    let isFinalDot = bytes[hostEnd &- 1] == ASCII.dot
    let nameEnd = isFinalDot ? hostEnd &- 1 : hostEnd
    guard isLiteral || Authority.hasLabels(bytes, from: start, to: nameEnd) else { return nil }
    host = ByteRange(start: start, count: nameEnd &- start)
    guard hostEnd < end else {
      hasPort = false
      return
    }
    guard bytes[hostEnd] == ASCII.colon,
      Authority.isPort(bytes, from: hostEnd &+ 1, to: end)
    else { return nil }
    hasPort = hostEnd &+ 1 < end
  }

  /// Offset behind the registered name at `start`; `start` when there is none.
  @inline(__always)
  private static func endOfName(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
    let stop = ByteSet.unencodedName.firstOutside(bytes, from: start, to: end)
    guard stop < end, bytes[stop] == ASCII.percent else { return stop }
    return endOfEncodedName(bytes, from: stop, to: end) ?? start
  }

  /// The same from a `%` on, which two hexadecimal digits must follow; nil when they do not.
  @inline(never)
  private static func endOfEncodedName(
    _ bytes: Span<UInt8>, from start: Int, to end: Int
  ) -> Int? {
    var offset = start
    while offset < end, ByteSet.registeredName.contains(bytes[offset]) {
      if bytes[offset] == ASCII.percent {
        guard offset &+ 2 < end, ASCII.hexadecimalValue(bytes[offset &+ 1]) != nil,
          ASCII.hexadecimalValue(bytes[offset &+ 2]) != nil
        else { return nil }
        offset &+= 2
      }
      offset &+= 1
    }
    return offset
  }

  /// True when no label of the name from `start` to `end` is empty but the first, as nginx has it:
  /// `.`, `..` and `a..b` are no names (RFC 1034 section 3.5).
  @inline(never)
  private static func hasLabels(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Bool {
    guard start < end, bytes[end &- 1] != ASCII.dot else { return false }
    var offset = start
    while offset &+ 8 <= end {
      if WordScan.hasPair(of: ASCII.dot, WordScan.word(bytes, at: offset)) { return false }
      offset &+= 7
    }
    if offset > start {
      return !WordScan.hasPair(of: ASCII.dot, WordScan.word(bytes, at: end &- 8))
    }
    while offset &+ 1 < end {
      if bytes[offset] == ASCII.dot && bytes[offset &+ 1] == ASCII.dot { return false }
      offset &+= 1
    }
    return true
  }

  /// Offset behind the bracket that closes the address literal at `start`; `start` when there is
  /// none (RFC 3986 section 3.2.2). Zones of addresses mean nothing to others and are refused.
  @inline(never)
  private static func endOfLiteral(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
    var close = start &+ 1
    while close < end && bytes[close] != ASCII.rightBracket { close &+= 1 }
    guard close < end else { return start }
    let address = bytes.extracting((start &+ 1)..<close)
    return IPv6Text.parse(address) != nil || isFutureAddress(address) ? close &+ 1 : start
  }

  /// `"v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )`
  private static func isFutureAddress(_ address: Span<UInt8>) -> Bool {
    guard address.count >= 4, address[0] | 0x20 == UInt8(ascii: "v") else { return false }
    var offset = 1
    while offset < address.count, ASCII.hexadecimalValue(address[offset]) != nil { offset &+= 1 }
    guard offset > 1, offset &+ 1 < address.count, address[offset] == ASCII.dot else {
      return false
    }
    for index in (offset &+ 1)..<address.count {
      let byte = address[index]
      let isAllowed = byte == ASCII.colon || ByteSet.registeredName.contains(byte)
      guard isAllowed && byte != ASCII.percent else { return false }
    }
    return true
  }

  /// True for a number up to 65535 and for nothing at all (RFC 3986 section 3.2.3).
  @inline(__always)
  private static func isPort(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Bool {
    let count = end &- start
    guard count > 0 else { return true }
    guard count <= 5 else { return false }
    guard end >= 8 else { return isPort(near: bytes, from: start, to: end) }
    // The digits stand in the highest bytes; what stands before them becomes zeros.
    let ahead = UInt64(64 &- 8 &* count)
    let word = (WordScan.word(bytes, at: end &- 8) ^ 0x3030_3030_3030_3030) &>> ahead
    let digits = word &<< ahead
    let above = digits | (digits &+ 0x7676_7676_7676_7676)
    guard above & 0x8080_8080_8080_8080 == 0 else { return false }
    let pairs = (digits &* 10 &+ digits &>> 8) & 0x00FF_00FF_00FF_00FF
    let fours = (pairs &* 100 &+ pairs &>> 16) & 0x0000_FFFF_0000_FFFF
    return (fours &* 10_000 &+ fours &>> 32) & 0xFFFF_FFFF <= 65_535
  }

  /// The same where no eight bytes can be read at once.
  @inline(never)
  private static func isPort(near bytes: Span<UInt8>, from start: Int, to end: Int) -> Bool {
    var port = 0
    for index in start..<end {
      guard ASCII.isDigit(bytes[index]) else { return false }
      port = port &* 10 &+ Int(bytes[index] &- ASCII.zero)
    }
    return port <= 65_535
  }
}
