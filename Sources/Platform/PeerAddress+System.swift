// Addresses between the system's form and Waybill's.

import CLinux
import HTTP

extension PeerAddress {
  /// The address in the system's form. An IPv4 address mapped into IPv6 becomes IPv4, so that one
  /// client has one address; any family but IPv4 and IPv6 is a unix socket.
  init(system: clinux_address) {
    let bytes = system.bytes
    let high = UInt64(
      bigEndianBytes: bytes.0, bytes.1, bytes.2, bytes.3, bytes.4, bytes.5, bytes.6, bytes.7)
    let low = UInt64(
      bigEndianBytes: bytes.8, bytes.9, bytes.10, bytes.11, bytes.12, bytes.13, bytes.14, bytes.15)
    switch Int32(system.family) {
    case AF_INET:
      self.init(family: .ipv4, high: 0, low: high >> 32, port: system.port)
    case AF_INET6 where high == 0 && low >> 32 == 0xffff:
      self.init(family: .ipv4, high: 0, low: low & 0xffff_ffff, port: system.port)
    case AF_INET6:
      self.init(family: .ipv6, high: high, low: low, port: system.port)
    default:
      self = .unix
    }
  }

  /// The address in the system's form.
  var system: clinux_address {
    var address = clinux_address()
    address.port = port
    switch family {
    case .ipv4:
      address.family = UInt16(AF_INET)
      store(low << 32, into: &address, at: 0)
    case .ipv6:
      address.family = UInt16(AF_INET6)
      store(high, into: &address, at: 0)
      store(low, into: &address, at: 8)
    case .unix:
      address.family = UInt16(AF_UNIX)
    }
    return address
  }

  /// Stores `value`, most significant byte first, among the sixteen bytes of `address`.
  private func store(_ value: UInt64, into address: inout clinux_address, at offset: Int) {
    withUnsafeMutableBytes(of: &address.bytes) {
      $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt64.self)
    }
  }
}

extension UInt64 {
  /// The number of these bytes, the most significant first.
  fileprivate init(
    bigEndianBytes a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, _ e: UInt8, _ f: UInt8,
    _ g: UInt8, _ h: UInt8
  ) {
    let upper = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    let lower = UInt32(e) << 24 | UInt32(f) << 16 | UInt32(g) << 8 | UInt32(h)
    self = UInt64(upper) << 32 | UInt64(lower)
  }
}
