import Basics
import Certificates
import Configuration
import HTTP
import Plan
import Policy
import TLS
import Testing

/// `ssl_*` and `proxy_ssl_*`, with certificates made for the test.
struct TLSTests {
  private static let authority = TestAuthority()
  private static let pair = authority.issue("a.example")
  private static let conf = "ssl_certificate a.crt; ssl_certificate_key a.key;"

  private var compiling: Compiling {
    var compiling = Compiling()
    compiling.files = [
      "a.crt": text(Self.pair.certificate), "a.key": text(Self.pair.key),
      "b.key": text(Self.authority.issue("b").key), "ca.pem": text(Self.authority.pem),
      "empty": "", "/etc/ssl/certs/ca-certificates.crt": text(Self.authority.pem),
    ]
    return compiling
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  private func messages(_ conf: String) -> [String] {
    compiling.compile(conf).diagnostics.map(\.message)
  }

  @Test func aServerHasItsContext() throws {
    let compiled = compiling.compile(
      """
      server { listen 80; return 204; }
      server { listen 443 ssl; \(Self.conf) ssl_verify_client optional;
        ssl_client_certificate ca.pem; return 204; }
      """)
    #expect(compiled.diagnostics.isEmpty)
    let tables = try #require(compiled.plan).tables
    #expect(!tables.listeners[0].isSecure && tables.listeners[1].isSecure)
    #expect(compiled.tls.servers.map { $0 != nil } == [false, true])
    #expect(tables.servers[1].clientCertificates == .optional)
  }

  @Test func pairsAreInheritedAsAWhole() {
    let top = "\(Self.conf) server { listen 443 ssl; return 204; }"
    #expect(messages(top).isEmpty)
    let half = "\(Self.conf) server { listen 443 ssl; ssl_certificate_key a.key; return 204; }"
    #expect(messages(half) == ["the key has no certificate"])
  }

  @Test(
    arguments: [
      ("listen 443 ssl;", ["0.0.0.0:443 uses TLS, but the server has no certificate"]),
      ("listen 443 ssl; ssl_reject_handshake on;", []),
      ("listen 443 ssl; ssl_certificate a.crt;", ["the certificate has no key"]),
      (
        "listen 443 ssl; ssl_certificate gone; ssl_certificate_key a.key;",
        ["\"gone\" can't be read: No such file or directory"]
      ),
      (
        "listen 443 ssl; ssl_certificate empty; ssl_certificate_key a.key;",
        ["\"empty\": the file has no certificate"]
      ),
      (
        "listen 443 ssl; ssl_certificate a.crt; ssl_certificate_key b.key;",
        ["\"b.key\": the key does not match the certificate in a.crt"]
      ),
      (
        "listen 443 ssl; \(conf) ssl_verify_client on;",
        ["ssl_verify_client has no certificate authorities"]
      ),
      ("listen 443 ssl; \(conf) ssl_protocols SSLv3;", ["SSLv3 is insecure and not supported"]),
      ("listen 443 ssl; \(conf) ssl_protocols TLSv1.4;", ["invalid value \"TLSv1.4\""]),
    ] as [(String, [String])])
  func serversThatCantServe(text: String, expected: [String]) {
    #expect(messages("server { \(text) return 204; }") == expected)
  }

  @Test func listsThatOpenSSLDoesNotKnow() {
    for name in ["ssl_ciphers", "ssl_ciphersuites", "ssl_ecdh_curve"] {
      let found = messages("server { listen 443 ssl; \(Self.conf) \(name) NONSENSE; return 204; }")
      #expect(found.count == 1 && found[0].contains("known"), "\(name): \(found)")
    }
  }

  @Test func groupsThatOnlyANewerOpenSSLKnows() {
    let conf = "server { listen 443 ssl; \(Self.conf) ssl_ecdh_curve LATER1:X25519:LATER2;"
    #expect(
      messages("\(conf) return 204; }") == [
        "the curve LATER1 is unknown to this OpenSSL: it is not offered",
        "the curve LATER2 is unknown to this OpenSSL: it is not offered",
      ])
  }

  /// Two locations with the same rules share connections; with other rules they must not.
  @Test func locationsShareWhatIsTheSame() throws {
    let compiled = compiling.compile(
      """
      server {
        location /a { proxy_pass https://app; }
        location /b { proxy_pass https://app; proxy_ssl_name b.example; }
        location /c { proxy_pass https://app; proxy_ssl_verify off; }
        location /d { proxy_pass http://app; }
      }
      """)
    #expect(compiled.diagnostics.isEmpty)
    let locations = try #require(compiled.plan).tables.locations
    let used = locations.indices.map { locations[$0].backendTLS }.filter { $0 >= 0 }
    #expect(used == [0, 0, 1])
    #expect(compiled.tls.backends.map(\.verifies) == [true, false])
  }

  @Test func withoutRootsVerificationIsImpossible() {
    var compiling = compiling
    compiling.files["/etc/ssl/certs/ca-certificates.crt"] = nil
    let conf = "server { location / { proxy_pass https://app; MORE } }"
    let found = compiling.compile(conf.replacing("MORE", with: "")).diagnostics.map(\.message)
    #expect(found.count == 1 && found[0].contains("CA certificates"))
    let off = conf.replacing("MORE", with: "proxy_ssl_verify off;")
    #expect(compiling.compile(off).diagnostics.isEmpty)
    let own = conf.replacing("MORE", with: "proxy_ssl_trusted_certificate ca.pem;")
    #expect(compiling.compile(own).diagnostics.isEmpty)
  }

  @Test func portsAndNamesFollowTheScheme() throws {
    let compiled = compiling.compile(
      """
      server {
        location /a { proxy_pass https://app; }
        location /b { proxy_pass https://app:443; }
        location /c { proxy_pass https://app:8443; }
      }
      """)
    let tables = try #require(compiled.plan).tables
    let passes = tables.locations.indices.map { tables.locations[$0] }
      .filter { $0.action == .proxy }
    #expect(
      passes.map { tables.upstreams[$0.upstream].peers[0].address.port } == [443, 443, 8443])
    #expect(passes.map(\.proxyHost.text) == ["app", "app", "app:8443"])
  }

  /// Tickets outlive a reload, unless sessions are to last longer.
  @Test func keysAreKept() throws {
    func keys(_ timeout: String, keeping old: TicketKeys? = nil) -> TicketKeys {
      let text =
        "server { listen 443 ssl; \(Self.conf) ssl_session_timeout \(timeout); return 204; }"
      let environment = compiling.environment(Array(text.utf8), path: "proxy.conf")
      return compileConfiguration(path: "proxy.conf", environment: environment, keys: old).tls.keys
    }
    let first = keys("1d")
    #expect(keys("1d", keeping: first) === first)
    #expect(keys("2d", keeping: first) !== first)
  }

  @Test func trustByCertificate() throws {
    let plan = try plan("request_id_trust mtls 10.0.0.0/8; server { return 204; }")
    let trust = plan.tables.locations[0].requestID.trust
    #expect(trust.includesVerified && !trust.includesAll && trust.networks.count == 1)
  }
}
