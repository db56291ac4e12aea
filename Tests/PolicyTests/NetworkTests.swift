import Basics
import HTTP
import Policy
import Testing

/// Address ranges and sets of peers.
@Suite struct NetworkTests {
  private func network(_ text: String) -> Network? { Network(parsing: bytes(text).span) }

  private func hasHostBits(_ text: String) -> Bool { Network.hasHostBits(bytes(text).span) }

  @Test(arguments: [
    ("10.0.0.0/8", "10.0.0.0", 8), ("10.1.2.3", "10.1.2.3", 32), ("10.1.2.3/8", "10.0.0.0", 8),
    ("0.0.0.0/0", "0.0.0.0", 0), ("1.2.3.4/0", "0.0.0.0", 0), ("1.2.3.4/32", "1.2.3.4", 32),
    ("2001:db8::/32", "2001:db8::", 32), ("2001:db8::1", "2001:db8::1", 128),
    ("2001:db8::1/64", "2001:db8::", 64), ("::/0", "::", 0), ("::1/128", "::1", 128),
    ("ffff:ffff:ffff:ffff:ffff::/65", "ffff:ffff:ffff:ffff:8000::", 65),
    ("::ffff:10.1.2.3", "10.1.2.3", 32), ("::ffff:10.1.2.3/104", "10.0.0.0", 8),
    ("::ffff:0:0/96", "0.0.0.0", 0),
  ])
  func parsing(_ text: String, _ first: String, _ prefixLength: UInt8) {
    #expect(network(text) == Network(address: address(first), prefixLength: prefixLength))
    #expect(network(text)?.prefixLength == prefixLength)
  }

  @Test(arguments: [
    "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8",
    "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0.0/0x8", "10.0.0.0/0008", "10.0.0/8", "10.0.0.0:80",
    "10.0.0.0:80/8", "[::1]", "[::1]/128", "::/129", "::/999", "::ffff:10.0.0.0/95", "unix:",
    "unix:/8", "localhost", "::1%lo",
  ])
  func refused(_ text: String) {
    #expect(network(text) == nil)
    #expect(!hasHostBits(text))
  }

  @Test(arguments: [
    ("10.0.0.0/8", false), ("10.0.0.1/8", true), ("10.1.2.3", false), ("10.1.2.3/32", false),
    ("10.1.2.3/31", true), ("::/0", false), ("::1/127", true), ("::1/0", true),
    ("1::/16", false), ("1::/15", true), ("::ffff:10.0.0.1/104", true),
  ])
  func hostBits(_ text: String, _ has: Bool) {
    #expect(hasHostBits(text) == has)
  }

  @Test(arguments: [
    ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false),
    ("10.0.0.0/8", "9.255.255.255", false), ("10.0.0.0/8", "10.0.0.1:8080", true),
    ("1.2.3.4", "1.2.3.4", true), ("1.2.3.4", "1.2.3.5", false), ("0.0.0.0/0", "8.8.8.8", true),
    ("0.0.0.0/0", "::1", false), ("::/0", "8.8.8.8", false), ("::/0", "::ffff:8.8.8.8", false),
    ("::/0", "2001:db8::1", true), ("2001:db8::/32", "2001:db8:ffff::1", true),
    ("2001:db8::/32", "2001:db9::", false), ("2001:db8::/64", "2001:db8::ffff:1:2:3", true),
    ("2001:db8::/64", "2001:db8:0:1::", false), ("2001:db8::/96", "2001:db8::1:0:0", false),
    ("2001:db8::/96", "2001:db8::ffff:ffff", true), ("::1", "::1", true), ("::1", "::2", false),
    ("10.0.0.0/8", "::ffff:10.9.9.9", true), ("::ffff:10.0.0.0/104", "10.9.9.9", true),
    ("0.0.0.0/0", "unix:", false), ("::/0", "unix:", false),
  ])
  func containing(_ range: String, _ peer: String, _ isInside: Bool) throws {
    let network = try #require(self.network(range))
    #expect(network.contains(address(peer)) == isInside)
  }

  /// Every prefix length against a comparison bit by bit.
  @Test func everyPrefixLength() {
    var generator = SeededGenerator(seed: 5)
    for length in UInt8(0)...128 {
      for _ in 0..<20 {
        let base = (generator.next(), generator.next())
        let flipped = UInt128(1) << UInt128.random(in: 0..<128, using: &generator)
        let range = Network(
          address: PeerAddress(family: .ipv6, high: base.0, low: base.1, port: 80),
          prefixLength: length)
        let other = (UInt128(base.0) << 64 | UInt128(base.1)) ^ flipped
        let peer = PeerAddress(
          family: .ipv6, high: UInt64(other >> 64), low: UInt64(truncatingIfNeeded: other),
          port: 443)
        #expect(range.contains(peer) == (flipped.leadingZeroBitCount >= Int(length)))
      }
    }
  }

  @Test func trust() {
    let arena = Arena()
    let ranges = arena.freeze([network("10.0.0.0/8")!, network("2001:db8::/32")!])
    let nobody = PeerTrust()
    let all = PeerTrust(includesAll: true)
    let unix = PeerTrust(includesUnix: true)
    let some = PeerTrust(networks: ranges)
    let peers = ["10.0.0.1", "11.0.0.1", "2001:db8::1", "unix:"].map(address)
    #expect(peers.map(nobody.contains) == [false, false, false, false])
    #expect(peers.map(all.contains) == [true, true, true, true])
    #expect(peers.map(unix.contains) == [false, false, false, true])
    #expect(peers.map(some.contains) == [true, false, true, false])
  }
}
