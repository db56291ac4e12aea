import HTTP

/// Where somebody can be reached in a simulated network.
public enum Location: Hashable, Sendable {
  /// An IP address and a port.
  case network(PeerAddress)
  /// The path of a unix socket.
  case unix(String)

  /// An IPv4 address and a port: `.ipv4(10, 0, 0, 1, port: 80)`.
  public static func ipv4(
    _ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8, port: UInt16
  ) -> Location {
    let bytes = [first, second, third, fourth]
    let low = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return .network(PeerAddress(family: .ipv4, high: 0, low: low, port: port))
  }

  /// The address as a socket's peer would see it.
  public var address: PeerAddress {
    switch self {
    case .network(let address): address
    case .unix: .unix
    }
  }

  /// True for a unix socket.
  var isUnix: Bool {
    if case .unix = self { true } else { false }
  }
}

/// What becomes of an attempt to connect.
public enum ConnectOutcome: Equatable, Sendable {
  /// The connection is made.
  case accepted
  /// It is refused: nobody listens, or a firewall says so.
  case refused
  /// A router says that there is no way.
  case unreachable
  /// Nothing comes back, until the system gives up after `NetworkSettings.connectTimeout`.
  case silent
}
