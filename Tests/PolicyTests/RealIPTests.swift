import Basics
import HTTP
import Policy
import Testing

/// Who the client is behind trusted proxies.
@Suite struct RealIPTests {
  private let arena = Arena()
  private let proxy = address("10.0.0.1:5000")

  private var trust: PeerTrust {
    PeerTrust(
      includesUnix: true,
      networks: arena.freeze([
        Network(address: address("10.0.0.0"), prefixLength: 8),
        Network(address: address("fd00::"), prefixLength: 8),
      ]))
  }

  private func resolve(_ value: String, recursive: Bool, from peer: PeerAddress) -> PeerAddress {
    RealIP.resolve(header: bytes(value).span, recursive: recursive, peer: peer, trust: trust)
  }

  @Test(arguments: [
    ("1.2.3.4", "1.2.3.4", "1.2.3.4"),
    ("1.2.3.4, 5.6.7.8", "5.6.7.8", "5.6.7.8"),
    ("1.2.3.4,5.6.7.8,10.0.0.2", "10.0.0.2", "5.6.7.8"),
    ("1.2.3.4 , 10.9.9.9 ,10.0.0.2", "10.0.0.2", "1.2.3.4"),
    ("10.0.0.4, 10.0.0.3, 10.0.0.2", "10.0.0.2", "10.0.0.4"),
    ("1.2.3.4, unknown, 10.0.0.2", "10.0.0.2", "10.0.0.2"),
    ("1.2.3.4, unknown", "10.0.0.1:5000", "10.0.0.1:5000"),
    ("", "10.0.0.1:5000", "10.0.0.1:5000"),
    (" , ,", "10.0.0.1:5000", "10.0.0.1:5000"),
    ("1.2.3.4,,\t, ", "1.2.3.4", "1.2.3.4"),
    (",1.2.3.4", "1.2.3.4", "1.2.3.4"),
    ("2001:db8::1", "2001:db8::1", "2001:db8::1"),
    ("2001:db8::1, fd00::5", "fd00::5", "2001:db8::1"),
    ("[2001:db8::1]:443", "[2001:db8::1]:443", "[2001:db8::1]:443"),
    ("1.2.3.4:5678", "1.2.3.4:5678", "1.2.3.4:5678"),
    ("::ffff:1.2.3.4", "1.2.3.4", "1.2.3.4"),
    ("unix:", "10.0.0.1:5000", "10.0.0.1:5000"),
    ("1.2.3.4, unix:", "10.0.0.1:5000", "10.0.0.1:5000"),
    ("localhost", "10.0.0.1:5000", "10.0.0.1:5000"),
    ("1.2.3.4;5.6.7.8", "10.0.0.1:5000", "10.0.0.1:5000"),
  ])
  func list(_ value: String, _ last: String, _ recursive: String) {
    #expect(resolve(value, recursive: false, from: proxy) == address(last))
    #expect(resolve(value, recursive: true, from: proxy) == address(recursive))
  }

  @Test func strangersAreNotBelieved() {
    let stranger = address("203.0.113.1:1234")
    #expect(resolve("1.2.3.4", recursive: false, from: stranger) == stranger)
    #expect(resolve("1.2.3.4", recursive: true, from: stranger) == stranger)
  }

  @Test func aTrustedUnixSocketIsBelieved() {
    #expect(resolve("1.2.3.4", recursive: true, from: .unix) == address("1.2.3.4"))
  }

  @Test(arguments: [
    (["1.2.3.4", "10.0.0.2"], "10.0.0.2", "1.2.3.4"),
    (["1.2.3.4, 10.0.0.3", "10.0.0.2"], "10.0.0.2", "1.2.3.4"),
    (["9.9.9.9", "1.2.3.4"], "1.2.3.4", "1.2.3.4"),
    (["9.9.9.9", "1.2.3.4, 10.0.0.2"], "10.0.0.2", "1.2.3.4"),
    (["1.2.3.4", "unknown, 10.0.0.2"], "10.0.0.2", "10.0.0.2"),
    (["1.2.3.4", ""], "1.2.3.4", "1.2.3.4"),
    ([], "10.0.0.1:5000", "10.0.0.1:5000"),
  ])
  func severalLines(_ values: [String], _ last: String, _ recursive: String) {
    var fields = values.map { (name: "x-forwarded-FOR", value: bytes($0)) }
    fields.insert((name: "X-Forwarded-Foo", value: bytes("7.7.7.7")), at: 0)
    fields.append((name: "X_Forwarded_For", value: bytes("8.8.8.8")))
    let lines = Lines(fields)
    func resolve(recursive: Bool, from peer: PeerAddress) -> PeerAddress {
      RealIP.resolve(
        head: lines.head, bytes: lines.bytes.span, field: bytes("x-forwarded-for").span,
        recursive: recursive, peer: peer, trust: trust)
    }
    #expect(resolve(recursive: false, from: proxy) == address(last))
    #expect(resolve(recursive: true, from: proxy) == address(recursive))
    let stranger = address("203.0.113.1:1234")
    #expect(resolve(recursive: true, from: stranger) == stranger)
  }
}
