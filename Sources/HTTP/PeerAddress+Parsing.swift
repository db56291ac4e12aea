import Basics

/// Reading addresses as configuration, forwarded fields and the PROXY protocol write them.
extension PeerAddress {
  /// Reads `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80` or `unix:` with any path behind it.
  /// Nil for anything else: no names, no zones, no leading zeros in IPv4, no white space.
  public init?(parsing text: Span<UInt8>) {
    if text.count >= 5 && FieldNameMatch.equalIgnoringCase(text.extracting(first: 5), "unix:") {
      self = .unix
      return
    }
    guard !text.isEmpty else { return nil }
    if text[0] == ASCII.leftBracket {
      self.init(bracketed: text)
      return
    }
    let colon = PeerAddress.firstIndex(of: ASCII.colon, in: text)
    let afterColon = text.extracting(min(colon &+ 1, text.count)..<text.count)
    if PeerAddress.firstIndex(of: ASCII.colon, in: afterColon) < afterColon.count {
      guard let words = IPv6Text.parse(text) else { return nil }
      self.init(internet6High: words.high, low: words.low, port: 0)
      return
    }
    guard let address = IPv4Text.parse(text.extracting(0..<colon)),
      let port = PeerAddress.port(text, from: colon)
    else { return nil }
    self.init(family: .ipv4, high: 0, low: UInt64(address), port: port)
  }

  /// An IPv6 address; an IPv4-mapped one (RFC 4291 section 2.5.5.2) becomes IPv4.
  @inlinable public init(internet6High high: UInt64, low: UInt64, port: UInt16) {
    let isMapped = high == 0 && low >> 32 == 0xFFFF
    self.init(
      family: isMapped ? .ipv4 : .ipv6, high: high, low: isMapped ? low & 0xFFFF_FFFF : low,
      port: port)
  }

  /// `[IPv6]` with or without a port.
  private init?(bracketed text: Span<UInt8>) {
    let close = PeerAddress.firstIndex(of: ASCII.rightBracket, in: text)
    guard close < text.count, let words = IPv6Text.parse(text.extracting(1..<close)),
      let port = PeerAddress.port(text, from: close &+ 1)
    else { return nil }
    self.init(internet6High: words.high, low: words.low, port: port)
  }

  /// The port in `:port` from `start` to the end of `text`; 0 when nothing is there.
  private static func port(_ text: Span<UInt8>, from start: Int) -> UInt16? {
    guard start < text.count else { return 0 }
    guard text[start] == ASCII.colon else { return nil }
    return decimal(text.extracting((start &+ 1)..<text.count))
  }

  /// A port number of one to five digits.
  static func decimal(_ digits: Span<UInt8>) -> UInt16? {
    guard !digits.isEmpty, digits.count <= 5 else { return nil }
    var number: UInt32 = 0
    for index in digits.indices {
      guard ASCII.isDigit(digits[index]) else { return nil }
      number = number &* 10 &+ UInt32(digits[index] &- ASCII.zero)
    }
    return UInt16(exactly: number)
  }

  private static func firstIndex(of byte: UInt8, in text: Span<UInt8>) -> Int {
    var index = 0
    while index < text.count && text[index] != byte { index &+= 1 }
    return index
  }
}

/// The text form of IPv4 addresses.
enum IPv4Text {
  /// Reads four decimal numbers with dots between them, all of `text`. Leading zeros are refused:
  /// some readers take them for octal.
  static func parse(_ text: Span<UInt8>) -> UInt32? {
    var address: UInt32 = 0
    var index = 0
    for part in 0..<4 {
      if part > 0 {
        guard index < text.count, text[index] == ASCII.dot else { return nil }
        index &+= 1
      }
      let start = index
      var number: UInt32 = 0
      while index < text.count && index &- start < 3 && ASCII.isDigit(text[index]) {
        number = number &* 10 &+ UInt32(text[index] &- ASCII.zero)
        index &+= 1
      }
      guard index > start, number <= 255, index &- start == 1 || text[start] != ASCII.zero else {
        return nil
      }
      address = address &<< 8 | number
    }
    return index == text.count ? address : nil
  }
}

/// The text form of IPv6 addresses (RFC 4291 section 2.2).
enum IPv6Text {
  /// Reads eight groups, or fewer and one `::`, the last two perhaps as IPv4; all of `text`.
  static func parse(_ text: Span<UInt8>) -> (high: UInt64, low: UInt64)? {
    var groups = Groups()
    var index = 0
    if text.count >= 2 && text[0] == ASCII.colon && text[1] == ASCII.colon {
      groups.gap = 0
      index = 2
    }
    while index < text.count {
      let start = index
      guard let group = hexadecimalGroup(text, &index) else { return nil }
      if index < text.count && text[index] == ASCII.dot {
        guard let address = IPv4Text.parse(text.extracting(start..<text.count)),
          groups.append(UInt16(address >> 16)),
          groups.append(UInt16(truncatingIfNeeded: address))
        else { return nil }
        break
      }
      guard groups.append(group) else { return nil }
      if index == text.count { break }
      guard text[index] == ASCII.colon, index &+ 1 < text.count else { return nil }
      index &+= 1
      if text[index] == ASCII.colon {
        guard groups.gap < 0 else { return nil }
        groups.gap = groups.count
        index &+= 1
      }
    }
    return groups.words
  }

  /// One to four hexadecimal digits.
  private static func hexadecimalGroup(_ text: Span<UInt8>, _ index: inout Int) -> UInt16? {
    let start = index
    var group: UInt16 = 0
    while index < text.count, index &- start < 4,
      let digit = ASCII.hexadecimalValue(text[index])
    {
      group = group &<< 4 | UInt16(digit)
      index &+= 1
    }
    return index > start ? group : nil
  }

  /// The groups read so far, and where `::` stood among them.
  private struct Groups {
    var values = InlineArray<8, UInt16>(repeating: 0)
    var count = 0
    var gap = -1

    mutating func append(_ group: UInt16) -> Bool {
      guard count < 8 else { return false }
      values[count] = group
      count &+= 1
      return true
    }

    /// The address; nil when there are too few groups, or too many for `::` to stand for any.
    var words: (high: UInt64, low: UInt64)? {
      guard gap >= 0 ? count < 8 : count == 8 else { return nil }
      var high: UInt64 = 0
      var low: UInt64 = 0
      for place in 0..<8 {
        high = high &<< 16 | low &>> 48
        low = low &<< 16 | UInt64(group(at: place))
      }
      return (high, low)
    }

    /// The group at one of the eight places, once `::` is filled with zeros.
    private func group(at place: Int) -> UInt16 {
      guard gap >= 0, place >= gap else { return values[place] }
      let missing = 8 &- count
      return place < gap &+ missing ? 0 : values[place &- missing]
    }
  }
}
