import Basics

/// The header of the PROXY protocol, version 1 or 2, in which a balancer in front says whose
/// connection this is (haproxy's proxy-protocol.txt; `listen ... proxy_protocol`).
public struct ProxyHeader: Equatable, Sendable, BitwiseCopyable {
  /// Bytes of the header; the client's own bytes follow.
  public let byteCount: Int
  /// The client's address; nil when the header tells none (LOCAL, UNKNOWN, AF_UNSPEC).
  public let source: PeerAddress?
  /// The address that the client connected to; nil when the header tells none.
  public let destination: PeerAddress?

  /// Longest header of version 1, with its CR LF.
  private static var maximumTextBytes: Int { 107 }
  /// Longest part of a version 2 header behind its first sixteen bytes.
  private static var maximumBinaryBytes: Int { 4_096 }
  /// Bytes of a version 2 header before its addresses.
  private static var binaryPrefixBytes: Int { 16 }

  /// Reads the header that `bytes` must start with; nil while its end has not come. Throws
  /// `invalidProxyHeader` as soon as it can't be one.
  public static func parse(_ bytes: Span<UInt8>) throws(HTTP1Error) -> ProxyHeader? {
    guard !bytes.isEmpty else { return nil }
    return try bytes[0] == UInt8(ascii: "P") ? parseText(bytes) : parseBinary(bytes)
  }

  /// True when `bytes` and `literal` are the same as far as both go.
  private static func agree(_ bytes: Span<UInt8>, _ literal: InlineArray<12, UInt8>) -> Bool {
    for index in 0..<min(bytes.count, literal.count) where bytes[index] != literal[index] {
      return false
    }
    return true
  }
}

extension ProxyHeader {
  /// `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443` and CR LF.
  private static func parseText(_ bytes: Span<UInt8>) throws(HTTP1Error) -> ProxyHeader? {
    let end = WordScan.firstControl(
      in: bytes, from: 0, to: min(bytes.count, maximumTextBytes &- 1))
    guard startsLikeText(bytes) else { throw HTTP1Error(.invalidProxyHeader, at: 0) }
    guard end < bytes.count else { return nil }
    guard end &+ 1 < maximumTextBytes, bytes[end] == ASCII.carriageReturn else {
      throw HTTP1Error(.invalidProxyHeader, at: end)
    }
    guard end &+ 1 < bytes.count else { return nil }
    guard bytes[end &+ 1] == ASCII.lineFeed else {
      throw HTTP1Error(.invalidProxyHeader, at: end)
    }
    guard let header = parseTextLine(bytes.extracting(0..<end)) else {
      throw HTTP1Error(.invalidProxyHeader, at: 6)
    }
    return header
  }

  private static func startsLikeText(_ bytes: Span<UInt8>) -> Bool {
    let start: InlineArray<6, UInt8> = [0x50, 0x52, 0x4F, 0x58, 0x59, 0x20]
    for index in 0..<min(bytes.count, 6) where bytes[index] != start[index] { return false }
    return true
  }

  /// The line without its CR LF. Whatever follows `UNKNOWN` is to be ignored.
  private static func parseTextLine(_ line: Span<UInt8>) -> ProxyHeader? {
    var position = 6
    let byteCount = line.count &+ 2
    guard let family = nextWord(line, &position) else { return nil }
    let familyName = line.extracting(family.offsets)
    if isSame(familyName, "UNKNOWN") {
      return ProxyHeader(byteCount: byteCount, source: nil, destination: nil)
    }
    let isTCP4 = isSame(familyName, "TCP4")
    guard isTCP4 || isSame(familyName, "TCP6"),
      let sourceText = nextWord(line, &position),
      let destinationText = nextWord(line, &position),
      let sourcePort = nextWord(line, &position),
      let destinationPort = nextWord(line, &position), position > line.count,
      let source = address(line, sourceText, sourcePort, isTCP4: isTCP4),
      let destination = address(line, destinationText, destinationPort, isTCP4: isTCP4)
    else { return nil }
    return ProxyHeader(byteCount: byteCount, source: source, destination: destination)
  }

  /// The words of the protocol are in capitals.
  private static func isSame(_ word: Span<UInt8>, _ capitals: StaticString) -> Bool {
    for index in word.indices where word[index] & 0x20 != 0 && word[index] >= 0x60 { return false }
    return FieldNameMatch.equalIgnoringCase(word, capitals)
  }

  /// The bytes up to the next space, which must be there or the line's end; `position` goes behind.
  private static func nextWord(_ line: Span<UInt8>, _ position: inout Int) -> ByteRange? {
    guard position <= line.count else { return nil }
    let start = position
    while position < line.count && line[position] != ASCII.space { position &+= 1 }
    defer { position &+= 1 }
    return position > start ? ByteRange(start: start, count: position &- start) : nil
  }

  private static func address(
    _ line: Span<UInt8>, _ text: ByteRange, _ portText: ByteRange, isTCP4: Bool
  ) -> PeerAddress? {
    let bytes = line.extracting(text.offsets)
    guard let port = PeerAddress.decimal(line.extracting(portText.offsets)) else { return nil }
    if isTCP4 {
      guard let address = IPv4Text.parse(bytes) else { return nil }
      return PeerAddress(family: .ipv4, high: 0, low: UInt64(address), port: port)
    }
    guard let words = IPv6Text.parse(bytes) else { return nil }
    return PeerAddress(internet6High: words.high, low: words.low, port: port)
  }
}

extension ProxyHeader {
  /// A signature of twelve bytes, version and command, family, length, addresses, extensions.
  private static func parseBinary(_ bytes: Span<UInt8>) throws(HTTP1Error) -> ProxyHeader? {
    let signature: InlineArray<12, UInt8> = [
      0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    guard agree(bytes, signature) else { throw HTTP1Error(.invalidProxyHeader, at: 0) }
    guard bytes.count > 12 else { return nil }
    let isLocal = bytes[12] == 0x20
    guard isLocal || bytes[12] == 0x21 else { throw HTTP1Error(.invalidProxyHeader, at: 12) }
    guard bytes.count >= binaryPrefixBytes else { return nil }
    let length = Int(number(bytes, at: 14, byteCount: 2))
    guard length <= maximumBinaryBytes else { throw HTTP1Error(.invalidProxyHeader, at: 14) }
    let byteCount = binaryPrefixBytes &+ length
    guard bytes.count >= byteCount else { return nil }
    guard !isLocal else {
      return ProxyHeader(byteCount: byteCount, source: nil, destination: nil)
    }
    return try parseAddresses(bytes.extracting(0..<byteCount))
  }

  /// The high half of the family byte says what the addresses are, the low half that they are of
  /// streams. All that is not in the protocol's list must be refused, and so are datagrams, which
  /// can't have brought HTTP/1 here. `AF_UNSPEC` tells no address, and whatever follows it is to
  /// be ignored.
  private static func parseAddresses(_ bytes: Span<UInt8>) throws(HTTP1Error) -> ProxyHeader {
    let needed: Int
    switch bytes[13] {
    case 0x00: return ProxyHeader(byteCount: bytes.count, source: nil, destination: nil)
    case 0x11: needed = 12
    case 0x21: needed = 36
    case 0x31: needed = 216
    default: throw HTTP1Error(.invalidProxyHeader, at: 13)
    }
    guard bytes.count >= binaryPrefixBytes &+ needed else {
      throw HTTP1Error(.invalidProxyHeader, at: 14)
    }
    try checkExtensions(bytes, from: binaryPrefixBytes &+ needed)
    if needed == 216 {
      return ProxyHeader(byteCount: bytes.count, source: .unix, destination: .unix)
    }
    let isIPv4 = needed == 12
    let size = isIPv4 ? 4 : 16
    let ports = binaryPrefixBytes &+ 2 &* size
    return ProxyHeader(
      byteCount: bytes.count,
      source: address(bytes, at: binaryPrefixBytes, port: ports, isIPv4: isIPv4),
      destination: address(bytes, at: binaryPrefixBytes &+ size, port: ports &+ 2, isIPv4: isIPv4))
  }

  /// Walks over the extensions (type, length, value), whose meaning does not matter here; throws
  /// at one that reaches beyond the header.
  private static func checkExtensions(
    _ bytes: Span<UInt8>, from start: Int
  ) throws(HTTP1Error) {
    var offset = start
    while offset < bytes.count {
      guard offset &+ 3 <= bytes.count else { throw HTTP1Error(.invalidProxyHeader, at: offset) }
      let end = offset &+ 3 &+ Int(number(bytes, at: offset &+ 1, byteCount: 2))
      guard end <= bytes.count else { throw HTTP1Error(.invalidProxyHeader, at: offset) }
      offset = end
    }
  }

  private static func address(
    _ bytes: Span<UInt8>, at start: Int, port: Int, isIPv4: Bool
  ) -> PeerAddress {
    let port = UInt16(truncatingIfNeeded: number(bytes, at: port, byteCount: 2))
    if isIPv4 {
      return PeerAddress(
        family: .ipv4, high: 0, low: number(bytes, at: start, byteCount: 4), port: port)
    }
    return PeerAddress(
      internet6High: number(bytes, at: start, byteCount: 8),
      low: number(bytes, at: start &+ 8, byteCount: 8), port: port)
  }

  /// An integer in network byte order.
  private static func number(_ bytes: Span<UInt8>, at start: Int, byteCount: Int) -> UInt64 {
    var number: UInt64 = 0
    for index in start..<(start &+ byteCount) { number = number &<< 8 | UInt64(bytes[index]) }
    return number
  }
}
