import Basics
import Certificates
import Scenarios
import SecurePeers
import Simulation
import TLS

/// What cases with TLS have in common: certificates made for the run, and peers that use them.
enum SecureWorld {
  static let authority = TestAuthority()
  private static let pair = authority.issue("a.example")
  /// A certificate of somebody whom nobody trusts.
  private static let foreign = TestAuthority("Stranger").issue("a.example")

  /// What a conf file may name.
  static let files = [
    "a.crt": pair.certificate, "a.key": pair.key, "ca.pem": authority.pem,
  ]
  static let conf = """
    ssl_certificate a.crt; ssl_certificate_key a.key;
    proxy_ssl_trusted_certificate ca.pem; proxy_ssl_name a.example;
    """
  /// A location that passes everything to `origin` over TLS.
  static let proxy = "location / { proxy_pass https://10.0.0.1:8000; }"

  private static let clients = [
    SecureContext.Version.tls12: SecureContext.client(authority, .tls12),
    .tls13: SecureContext.client(authority, .tls13),
  ]
  private static let servers = [
    SecureContext.Version.tls12: SecureContext.server(pair, .tls12),
    .tls13: SecureContext.server(pair, .tls13),
  ]
  static let untrusted = SecureContext.server(foreign, .tls13)

  static func client(
    _ version: SecureContext.Version = .tls13, farewell: PeerFarewell = .both
  ) -> PeerAction {
    .secure {
      SecurePeer(clients[version].unsafelyUnwrapped, name: "a.example", farewell: farewell)
    }
  }

  static func server(
    _ version: SecureContext.Version = .tls13, farewell: PeerFarewell = .both
  ) -> PeerAction {
    .secure { SecurePeer(servers[version].unsafelyUnwrapped, farewell: farewell) }
  }

  /// Bytes on the connection that nobody has sealed.
  static func raw(_ bytes: [UInt8]) -> PeerAction { .sendRaw { _ in bytes } }

  /// Something that only a peer with TLS can do.
  static func misbehaving(_ body: @escaping @Sendable (SecurePeer) -> [UInt8]) -> PeerAction {
    .sendRaw { peer in (peer as? SecurePeer).map(body) ?? [] }
  }
}

extension BackendBehaviour {
  /// The same backend behind TLS.
  func secured(
    _ version: SecureContext.Version = .tls13, farewell: PeerFarewell = .both
  ) -> BackendBehaviour {
    var behaviour = self
    let before = behaviour.onConnection
    behaviour.onConnection = { [SecureWorld.server(version, farewell: farewell)] + before($0) }
    return behaviour
  }
}

extension EngineBed {
  /// A worker whose listener speaks TLS, and which has what it needs to speak it to backends.
  convenience init(
    secure server: String, top: String = "", faults: Faults = .none,
    network: NetworkSettings = NetworkSettings()
  ) throws {
    let made = try EngineBed.compile(
      server, top: top + SecureWorld.conf, listen: "ssl")
    self.init(made.plan, faults: faults, network: network, tls: made.tls)
  }
}
