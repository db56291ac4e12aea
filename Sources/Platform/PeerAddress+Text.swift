// Addresses as text, for messages and host names; never on a request's way.

import CLinux
import Glibc
import HTTP

extension PeerAddress {
  /// The address and port as in a conf file: `127.0.0.1:80`, `[::1]:80`, `unix:`. Allocates.
  public var text: String {
    switch family {
    case .ipv4: "\(host):\(port)"
    case .ipv6: "[\(host)]:\(port)"
    case .unix: "unix:"
    }
  }

  /// The address alone (RFC 5952 for IPv6); `unix:` for a unix socket.
  public var host: String {
    guard family != .unix else { return "unix:" }
    var address = system
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
      _ = withUnsafeBytes(of: &address.bytes) {
        inet_ntop(Int32(address.family), $0.baseAddress, text.baseAddress, socklen_t(text.count))
      }
      return String(cString: text.baseAddress!)
    }
  }
}
