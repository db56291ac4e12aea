import Basics

/// The address of a peer on the network: IPv4, IPv6 or a unix socket (which has none).
/// IPv4-mapped IPv6 addresses are held as IPv4.
public struct PeerAddress: Hashable, Sendable, BitwiseCopyable {
  /// The kind of address.
  public enum Family: UInt8, Sendable, BitwiseCopyable {
    /// Four bytes and a port.
    case ipv4
    /// Sixteen bytes and a port.
    case ipv6
    /// A unix socket; carries no address.
    case unix
  }

  /// The kind of address.
  public var family: Family
  /// The port, in host byte order; 0 for unix.
  public var port: UInt16
  /// The first eight bytes of an IPv6 address in network order (most significant byte first); 0
  /// else.
  public var high: UInt64
  /// The last eight bytes of an IPv6 address, or the four of an IPv4 address in the low half.
  public var low: UInt64

  /// An address of its parts.
  @inlinable public init(family: Family, high: UInt64, low: UInt64, port: UInt16) {
    self.family = family
    self.high = high
    self.low = low
    self.port = port
  }

  /// The address of every peer on a unix socket.
  @inlinable public static var unix: PeerAddress {
    PeerAddress(family: .unix, high: 0, low: 0, port: 0)
  }
}
