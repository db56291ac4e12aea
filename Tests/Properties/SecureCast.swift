import Certificates
import SecurePeers
import Simulation

/// Certificates made when they are first needed, and who uses them.
enum SecureCast {
  private static let authority = TestAuthority()
  private static let pair = authority.issue("a.example")
  private static let oldClient = SecureContext.client(authority, .tls12)
  private static let newClient = SecureContext.client(authority, .tls13)
  private static let server = SecureContext.server(pair, .tls13)

  /// The files that the conf files name.
  static let files = [
    "a.crt": pair.certificate, "a.key": pair.key, "ca.pem": authority.pem,
  ]
  /// What makes a server of a conf file speak TLS.
  static let conf = """
     ssl_certificate a.crt; ssl_certificate_key a.key;
     proxy_ssl_trusted_certificate ca.pem; proxy_ssl_name a.example;
    """
  /// How a backend begins.
  static let backend = PeerAction.secure { SecurePeer(server) }

  /// A client's session.
  static func client(isOld: Bool, _ farewell: PeerFarewell) -> SecurePeer {
    SecurePeer(isOld ? oldClient : newClient, name: "a.example", farewell: farewell)
  }
}
