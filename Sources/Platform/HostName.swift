// Names of hosts: this one's, and the addresses of others.

import CLinux
import Glibc
import HTTP

/// Looks up names of hosts; blocks, so only before the workers start.
public enum HostName {
  /// A name that could not be resolved.
  public struct Problem: Error, Equatable, Sendable {
    /// What the resolver says: `name or service not known`.
    public var message: String
  }

  /// The name of this host; empty when the system does not tell.
  public static var own: String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
      // A name that fills all of it may lack its end.
      gethostname(text.baseAddress!, text.count - 1) == 0 ? String(cString: text.baseAddress!) : ""
    }
  }

  /// All addresses of `host`, IPv4 and IPv6, each once, in the resolver's order; their port is 0.
  public static func resolve(_ host: String) -> Result<[PeerAddress], Problem> {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_family = AF_UNSPEC
    var first: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, nil, &hints, &first)
    guard code == 0 else { return .failure(problem(code, errno)) }
    defer { freeaddrinfo(first) }
    var addresses: [PeerAddress] = []
    var entry = first
    while let current = entry {
      if let address = address(of: current.pointee), !addresses.contains(address) {
        addresses.append(address)
      }
      entry = current.pointee.ai_next
    }
    return .success(addresses)
  }

  private static func address(of entry: addrinfo) -> PeerAddress? {
    guard entry.ai_family == AF_INET || entry.ai_family == AF_INET6 else { return nil }
    var name = clinux_socket_address()
    let count = min(Int(entry.ai_addrlen), MemoryLayout.size(ofValue: name))
    memcpy(&name, entry.ai_addr, count)
    return PeerAddress(system: clinux_address_from(&name))
  }

  private static func problem(_ code: Int32, _ systemCode: Int32) -> Problem {
    if code == EAI_SYSTEM { return Problem(message: KernelError(code: systemCode).describe()) }
    let text = String(cString: gai_strerror(code))
    return Problem(message: text.prefix(1).lowercased() + text.dropFirst())
  }
}
