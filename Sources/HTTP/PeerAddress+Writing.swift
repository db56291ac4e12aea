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
    // The longest address, and the rest of the word that its last octet is written as.
    guard writer.remaining >= 15 + 8 else { return writeIPv4AtEnd(&writer) }
    // Safe: each word fits, as has just been seen.
    unsafe writeOctet(low >> 24 & 255, isLast: false, &writer)
    unsafe writeOctet(low >> 16 & 255, isLast: false, &writer)
    unsafe writeOctet(low >> 8 & 255, isLast: false, &writer)
    unsafe writeOctet(low & 255, isLast: true, &writer)
  }

  /// Where words have no room any more.
  private func writeIPv4AtEnd(_ writer: inout ByteWriter) {
    for shift in [24, 16, 8, 0] as [UInt64] {
      writer.append(decimal: low >> shift & 255)
      if shift > 0 { writer.append(ASCII.dot) }
    }
  }

  /// A number of up to three digits and the dot behind it, written as one word, which must fit.
  @inline(__always) @unsafe
  private func writeOctet(_ value: UInt64, isLast: Bool, _ writer: inout ByteWriter) {
    precondition(value < 256, "writeOctet: not an octet")
    // Safe: the table has four bytes for each of the 256 values.
    let word = unsafe UnsafeRawPointer(PeerAddress.octets.utf8Start)
      .loadUnaligned(fromByteOffset: Int(value) &* 4, as: UInt32.self)
    let count = 2 &+ (value >= 10 ? 1 : 0) &+ (value >= 100 ? 1 : 0)
    unsafe writer.append(
      fittingWord: UInt64(UInt32(littleEndian: word)), count: isLast ? count &- 1 : count)
  }

  /// Each octet with its dot, in four bytes.
  private static var octets: StaticString {
    """
    0.  1.  2.  3.  4.  5.  6.  7.  8.  9.  10. 11. 12. 13. 14. 15. 16. 17. 18. 19. \
    20. 21. 22. 23. 24. 25. 26. 27. 28. 29. 30. 31. 32. 33. 34. 35. 36. 37. 38. 39. \
    40. 41. 42. 43. 44. 45. 46. 47. 48. 49. 50. 51. 52. 53. 54. 55. 56. 57. 58. 59. \
    60. 61. 62. 63. 64. 65. 66. 67. 68. 69. 70. 71. 72. 73. 74. 75. 76. 77. 78. 79. \
    80. 81. 82. 83. 84. 85. 86. 87. 88. 89. 90. 91. 92. 93. 94. 95. 96. 97. 98. 99. \
    100.101.102.103.104.105.106.107.108.109.110.111.112.113.114.115.116.117.118.119.\
    120.121.122.123.124.125.126.127.128.129.130.131.132.133.134.135.136.137.138.139.\
    140.141.142.143.144.145.146.147.148.149.150.151.152.153.154.155.156.157.158.159.\
    160.161.162.163.164.165.166.167.168.169.170.171.172.173.174.175.176.177.178.179.\
    180.181.182.183.184.185.186.187.188.189.190.191.192.193.194.195.196.197.198.199.\
    200.201.202.203.204.205.206.207.208.209.210.211.212.213.214.215.216.217.218.219.\
    220.221.222.223.224.225.226.227.228.229.230.231.232.233.234.235.236.237.238.239.\
    240.241.242.243.244.245.246.247.248.249.250.251.252.253.254.255.
    """
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
