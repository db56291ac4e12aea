import Basics
import HTTP

/// Reading address ranges of a conf file, and finding addresses in them.
extension Network {
  /// The range that `text` names: an address alone, or with `/` and the length of its prefix.
  ///
  /// Bits behind the prefix are cleared; `hasHostBits` tells whether there were any. An IPv4-mapped
  /// IPv6 range (`::ffff:10.0.0.0/104`) is the IPv4 range that it maps, since addresses are held
  /// so. Nil for anything else, an address with a port or in brackets included.
  public init?(parsing text: Span<UInt8>) {
    guard let written = Network.parse(text) else { return nil }
    self.init(address: written.address, prefixLength: UInt8(written.length))
  }

  /// True when `text` is a range with bits set behind its prefix, as `10.0.0.1/8` has: nginx warns
  /// about these, since more or something else may have been meant.
  public static func hasHostBits(_ text: Span<UInt8>) -> Bool {
    guard let written = parse(text) else { return false }
    return written.address.masked(to: written.length) != written.address
  }

  /// True when `peer` lies in the range. Ports do not matter; a unix socket lies in none.
  public func contains(_ peer: PeerAddress) -> Bool {
    guard peer.family == address.family else { return false }
    switch peer.family {
    case .ipv4:
      return peer.low & Network.leadingBits(Int(prefixLength) &+ 32) == address.low
    case .ipv6:
      return peer.high & Network.leadingBits(Int(prefixLength)) == address.high
        && peer.low & Network.leadingBits(Int(prefixLength) &- 64) == address.low
    case .unix:
      return false
    }
  }

  /// A word of which the first `count` bits are set; none when it is negative, all from 64 on.
  @inline(__always) static func leadingBits(_ count: Int) -> UInt64 {
    count <= 0 ? 0 : UInt64.max << UInt64(max(0, 64 &- count))
  }

  /// The address and the prefix length as they are written, host bits included.
  private static func parse(_ text: Span<UInt8>) -> (address: PeerAddress, length: Int)? {
    var slash = text.count
    var colons = 0
    for index in text.indices {
      switch text[index] {
      case UInt8(ascii: "/") where slash == text.count: slash = index
      case UInt8(ascii: ":"): colons += 1
      case UInt8(ascii: "["): return nil
      default: break
      }
    }
    // One colon separates a port; an IPv6 address has two at least.
    guard colons != 1, let address = PeerAddress(parsing: text.extracting(0..<slash)),
      address.family != .unix
    else { return nil }
    let isMapped = address.family == .ipv4 && colons > 1
    let longest = address.family == .ipv6 || isMapped ? 128 : 32
    var length = longest
    if slash < text.count {
      guard let written = number(text.extracting((slash + 1)..<text.count)) else { return nil }
      length = written
    }
    if isMapped { length -= 96 }
    guard length >= 0, length <= (isMapped ? 32 : longest) else { return nil }
    return (address, length)
  }

  /// One to three decimal digits.
  private static func number(_ text: Span<UInt8>) -> Int? {
    guard (1...3).contains(text.count) else { return nil }
    var value = 0
    for index in text.indices {
      let digit = Int(text[index]) - 0x30
      guard (0...9).contains(digit) else { return nil }
      value = value * 10 + digit
    }
    return value
  }
}

extension PeerAddress {
  /// The address without its port and with all bits cleared behind the first `prefixLength`.
  func masked(to prefixLength: Int) -> PeerAddress {
    switch family {
    case .ipv4:
      PeerAddress(
        family: .ipv4, high: 0, low: low & Network.leadingBits(prefixLength + 32), port: 0)
    case .ipv6:
      PeerAddress(
        family: .ipv6, high: high & Network.leadingBits(prefixLength),
        low: low & Network.leadingBits(prefixLength - 64), port: 0)
    case .unix: self
    }
  }
}
