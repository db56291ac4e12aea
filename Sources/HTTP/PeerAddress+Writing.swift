import Basics

/// Writing addresses: the log, forwarded fields, the PROXY protocol.
extension PeerAddress {
  /// Appends the address without its port: `1.2.3.4`, `2001:db8::1` (RFC 5952) or `unix:`.
  public func write(into writer: inout ByteWriter) {
    switch family {
    case .ipv4: writeIPv4(&writer)
    case .ipv6: writeIPv6(&writer)
    case .unix: writer.append("unix:")
    }
  }

  /// Appends the address and its port: `1.2.3.4:80`, `[::1]:80` or `unix:`.
  public func writeWithPort(into writer: inout ByteWriter) {
    switch family {
    case .unix:
      writer.append("unix:")
      return
    case .ipv4:
      writeIPv4(&writer)
    case .ipv6:
      writer.append(ASCII.leftBracket)
      writeIPv6(&writer)
      writer.append(ASCII.rightBracket)
    }
    writer.append(ASCII.colon)
    writer.append(decimal: UInt64(port))
  }

  private func writeIPv4(_ writer: inout ByteWriter) {
    writeOctet(low >> 24 & 255, isLast: false, &writer)
    writeOctet(low >> 16 & 255, isLast: false, &writer)
    writeOctet(low >> 8 & 255, isLast: false, &writer)
    writeOctet(low & 255, isLast: true, &writer)
  }

  /// A number of up to three digits and the dot behind it, put together in one word.
  @inline(__always)
  private func writeOctet(_ value: UInt64, isLast: Bool, _ writer: inout ByteWriter) {
    let dot = UInt64(ASCII.dot)
    if value < 10 {
      return writer.append(word: 0x30 | value | dot &<< 8, count: isLast ? 1 : 2)
    }
    // Multiplying by 41 / 2^12 divides by 100, by 103 / 2^10 divides by 10.
    let hundreds = (value &* 41) &>> 12
    let rest = value &- hundreds &* 100
    let tens = (rest &* 103) &>> 10
    let digits = hundreds | tens &<< 8 | (rest &- tens &* 10) &<< 16 | 0x30_3030 | dot &<< 24
    let skipped: UInt64 = value < 100 ? 1 : 0
    writer.append(word: digits &>> (skipped &* 8), count: (isLast ? 3 : 4) &- Int(skipped))
  }

  /// Lowercase, without leading zeros, the first longest run of two zero groups or more as `::`.
  private func writeIPv6(_ writer: inout ByteWriter) {
    let zeros = longestZeroRun
    var place = 0
    while place < 8 {
      if place == zeros.start && zeros.count >= 2 {
        writer.append("::")
        place &+= zeros.count
        continue
      }
      if place > 0 && place != zeros.start &+ zeros.count { writer.append(ASCII.colon) }
      writer.append(hexadecimal: group(at: place))
      place &+= 1
    }
  }

  private func group(at place: Int) -> UInt64 {
    let word = place < 4 ? high : low
    return word &>> UInt64(48 &- (place & 3) &* 16) & 0xFFFF
  }

  /// Where `::` belongs; a run of one group is none (RFC 5952 section 4.2.2).
  private var longestZeroRun: (start: Int, count: Int) {
    var best = (start: -1, count: 0)
    var place = 0
    while place < 8 {
      let start = place
      while place < 8 && group(at: place) == 0 { place &+= 1 }
      if place &- start >= 2 && place &- start > best.count { best = (start, place &- start) }
      place &+= 1
    }
    return best
  }
}
