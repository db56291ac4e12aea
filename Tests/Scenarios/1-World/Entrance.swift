import HTTP
import Simulation

/// A listener of a conf file: where clients come in, and whether a balancer stands before it.
struct Entrance {
  let location: Location
  /// `listen ... proxy_protocol`: each connection begins with a header that names the client.
  let isProxied: Bool
  /// `listen ... ssl`: clients speak TLS, behind that header.
  var isSecure = false

  static let plain = Entrance(location: .ipv4(127, 0, 0, 1, port: 80), isProxied: false)
  static let proxied = Entrance(location: .ipv4(127, 0, 0, 1, port: 81), isProxied: true)
  static let local = Entrance(location: .unix("/front"), isProxied: false)
  static let localProxied = Entrance(location: .unix("/balanced"), isProxied: true)

  /// The listeners such as a seed decides, one at least.
  static func chosen(
    _ chance: inout SeededGenerator, _ security: SecurityPlan
  ) -> [Entrance] {
    let all = [plain, proxied, local, localProxied]
    let chosen = all.filter { _ in chance.happens(400) }
    return (chosen.isEmpty ? [plain] : chosen).map { entrance in
      var entrance = entrance
      entrance.isSecure = security.isSecure(entrance)
      return entrance
    }
  }

  /// True for a unix socket, whose peers have no address.
  var isUnix: Bool {
    if case .unix = location { true } else { false }
  }

  /// The `listen` line.
  func line(isDefault: Bool) -> String {
    let place: String
    switch location {
    case .network(let address): place = "127.0.0.1:\(address.port)"
    case .unix(let path): place = "unix:\(path)"
    }
    return "listen \(place)\(isDefault ? " default_server" : "")"
      + "\(isProxied ? " proxy_protocol" : "")\(isSecure ? " ssl" : "");"
  }
}

/// Which peers are believed when they say who the client is (`set_real_ip_from`).
enum Believed: CaseIterable {
  case nobody, unixSockets, everybody

  private static let unixLines = ["set_real_ip_from unix:;", "real_ip_header proxy_protocol;"]

  /// The lines that say so.
  var lines: [String] {
    switch self {
    case .nobody: []
    case .unixSockets: Believed.unixLines
    case .everybody: ["set_real_ip_from 192.0.2.0/24;"] + Believed.unixLines
    }
  }

  /// True when the peers of a listener are among them.
  func includes(_ entrance: Entrance) -> Bool {
    switch self {
    case .nobody: false
    case .unixSockets: entrance.isUnix
    case .everybody: true
    }
  }
}
