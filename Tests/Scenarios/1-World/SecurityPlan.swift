// Where a world speaks TLS, and how. OpenSSL takes its random numbers from the system, so the bytes
// on a connection differ from run to run, and with them the length of a session ticket now and
// then: two runs of such a seed may cut records at other places. Everything else is the seed's:
// what is sent, by whom and when, and which faults come at which rate.

import Certificates
import SecurePeers
import Simulation

/// What is secured in a world: the way in, the way to the backends, or both; mostly nothing.
struct SecurityPlan: Sendable {
  /// Clients speak TLS where chance wants it.
  private var entrances: Set<Int> = []
  /// Backends speak TLS.
  private(set) var backends = false
  private var clientVersions: [SecureContext.Version] = []
  private var backendVersion = SecureContext.Version.tls13
  private var clientFarewells: [PeerFarewell] = [.both]
  private var backendFarewells: [PeerFarewell] = [.both]
  /// What the conf file says about it.
  private(set) var lines: [String] = []

  /// No TLS anywhere.
  static var none: SecurityPlan { SecurityPlan() }

  private init() {}

  /// One world in five speaks TLS. Chance of its own decides, so that the other worlds are what
  /// they would be without.
  static func isSecure(seed: UInt64) -> Bool {
    var chance = SeededGenerator(seed: seed ^ 0x7153)
    return chance.happens(200)
  }

  /// What a seed decides.
  init(seed: UInt64, isCalm: Bool) {
    guard SecurityPlan.isSecure(seed: seed) else { return }
    var chance = SeededGenerator(seed: seed ^ 0x7154)
    let place = chance.pick(["front", "front", "back", "both", "both"])
    if place != "back" {
      let chosen = (0..<4).filter { _ in chance.happens(750) }
      entrances = chosen.isEmpty ? [0, 1, 2, 3] : Set(chosen)
    }
    backends = place != "front"
    clientVersions = chance.pick([[.tls12], [.tls13], [.tls12, .tls13]])
    backendVersion = chance.pick([.tls12, .tls13])
    clientFarewells = chance.pick([[.both], [.both, .noticeOnly, .transportOnly]])
    // Content that lasts until the end is cut by an end that is no good one.
    backendFarewells = chance.pick(
      isCalm ? [[.both], [.noticeOnly]] : [[.both], [.noticeOnly], [.both, .transportOnly]])
    lines = SecurityPlan.chosenLines(&chance)
  }

  private static func chosenLines(_ chance: inout SeededGenerator) -> [String] {
    [
      "ssl_certificate a.crt;", "ssl_certificate_key a.key;",
      "proxy_ssl_trusted_certificate ca.pem;", "proxy_ssl_name a.example;",
      "ssl_session_tickets \(chance.pick(["on", "off"]));",
      "proxy_ssl_session_reuse \(chance.pick(["on", "off"]));",
    ]
  }

  /// True when clients speak TLS at a listener.
  func isSecure(_ entrance: Entrance) -> Bool {
    let number = (entrance.isProxied ? 1 : 0) + (entrance.isUnix ? 2 : 0)
    return entrances.contains(number)
  }

  /// How the client of this number begins; it asks for the server of this name.
  func client(name: String, number: Int) -> PeerAction {
    let context = SecurityPlan.context(of: clientVersions[number % clientVersions.count])
    let farewell = clientFarewells[number % clientFarewells.count]
    return .secure { SecurePeer(context, name: name, farewell: farewell) }
  }

  /// How a backend's connection of this number begins.
  func backend(connection number: Int) -> PeerAction {
    let context = backendVersion == .tls12 ? SecurityPlan.oldServer : SecurityPlan.newServer
    let farewell = backendFarewells[number % backendFarewells.count]
    return .secure { SecurePeer(context, farewell: farewell) }
  }

  // MARK: Certificates

  private static let authority = TestAuthority()
  private static let pair = authority.issue("a.example")
  private static let oldClient = SecureContext.client(authority, .tls12)
  private static let newClient = SecureContext.client(authority, .tls13)
  private static let oldServer = SecureContext.server(pair, .tls12)
  private static let newServer = SecureContext.server(pair, .tls13)

  private static func context(of version: SecureContext.Version) -> SecureContext {
    version == .tls12 ? oldClient : newClient
  }

  /// The files that the conf file names.
  static let files = [
    "a.crt": pair.certificate, "a.key": pair.key, "ca.pem": authority.pem,
  ]
}
