import Basics
import HTTP
import Policy
import Testing

/// The tables of `map`, `geo` and `split_clients`, and the URL of a `proxy_pass` with variables.
struct TableTests {
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  // MARK: StringTable

  @Test func stringsIgnoreCase() {
    let arena = Arena()
    let table = StringTable(
      [(bytes("One"), 1), (bytes(""), 2), (bytes("ONE"), 3), (bytes("é[a]"), 4)], arena: arena)
    let cases: [(String, Int)] = [
      ("one", 1), ("ONE", 1), ("", 2), ("é[A]", 4), ("é{a}", -1), ("on", -1), ("ones", -1),
    ]
    for (key, value) in cases { #expect(table.find(bytes(key).span) == value, "\(key)") }
    #expect(StringTable.empty.find(bytes("x").span) == -1)
  }

  @Test func manyStrings() {
    let arena = Arena()
    let keys = (0..<100_000).map { (key: bytes("key-\($0)"), value: Int32($0)) }
    let table = StringTable(keys, arena: arena)
    for index in stride(from: 0, to: 100_000, by: 997) {
      #expect(table.find(bytes("KEY-\(index)").span) == index)
    }
    #expect(table.find(bytes("key-100000").span) == -1)
  }

  // MARK: AddressTable

  private func network(_ text: String) -> Network {
    Network(parsing: bytes(text).span) ?? Network(address: .unix, prefixLength: 0)
  }

  private func find(_ table: AddressTable, _ text: String) -> Int {
    table.find(PeerAddress(parsing: bytes(text).span) ?? .unix)
  }

  @Test func narrowestRangeCounts() {
    let arena = Arena()
    let table = AddressTable(
      [
        (network("10.0.0.0/8"), 1), (network("10.1.0.0/16"), 2), (network("10.1.2.3"), 3),
        (network("10.255.255.255"), 4), (network("255.255.255.255"), 5),
        (network("2001:db8::/32"), 6), (network("2001:db8:ffff::/48"), 7),
        (network("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 8), (network("10.1.0.0/24"), 9),
      ], arena: arena)
    let cases: [(String, Int)] = [
      ("9.255.255.255", -1), ("10.0.0.0", 1), ("10.1.0.0", 9), ("10.1.1.0", 2), ("10.1.2.2", 2),
      ("10.1.2.3", 3), ("10.1.2.4", 2), ("10.2.0.0", 1), ("10.255.255.255", 4), ("11.0.0.0", -1),
      ("255.255.255.255", 5), ("255.255.255.254", -1), ("2001:db7::", -1), ("2001:db8::1", 6),
      ("2001:db8:ffff::1", 7), ("2001:db9::", -1), ("::ffff:10.1.2.3", 3), ("::", -1),
      ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 8),
    ]
    for (address, value) in cases { #expect(find(table, address) == value, "\(address)") }
  }

  @Test func wholeSpaces() {
    let arena = Arena()
    let table = AddressTable([(network("0.0.0.0/0"), 1), (network("::/0"), 2)], arena: arena)
    for address in ["0.0.0.0", "255.255.255.255"] { #expect(find(table, address) == 1) }
    for address in ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] {
      #expect(find(table, address) == 2)
    }
  }

  @Test func laterOfOverlappingRangesCounts() {
    let arena = Arena()
    let table = AddressTable(
      ranges: [(10, 20, 1), (15, 30, 2), (18, 18, 3), (0xFFFF_FFFF, 0xFFFF_FFFF, 4)],
      arena: arena)
    let expected: [(UInt64, Int)] = [
      (9, -1), (10, 1), (14, 1), (15, 2), (17, 2), (18, 3), (19, 2), (30, 2), (31, -1),
      (0xFFFF_FFFF, 4),
    ]
    for (number, value) in expected {
      let address = PeerAddress(family: .ipv4, high: 0, low: number, port: 0)
      #expect(table.find(address) == value, "\(number)")
    }
  }

  // MARK: MurmurHash

  /// Values of the reference implementation with the seed 0.
  @Test func murmurHash() {
    let cases: [(String, UInt32)] = [("", 0), ("a", 0x9268_5f5e), ("abcd", 0x2687_3021)]
    for (text, hash) in cases { #expect(MurmurHash.hash(of: bytes(text).span) == hash, "\(text)") }
  }

  // MARK: PassURL

  private func parts(_ text: String) -> String? {
    let text = bytes(text)
    guard let url = PassURL(parsing: text.span) else { return nil }
    func part(_ range: ByteRange) -> String { String(decoding: text[range.offsets], as: UTF8.self) }
    return
      "\(url.isSecure) \(url.isUnix) \(part(url.host)) \(url.effectivePort) \(part(url.target))"
  }

  @Test func urls() {
    let cases: [(String, String?)] = [
      ("http://a", "false false a 80 "), ("HTTPS://a/b?c", "true false a 443 /b?c"),
      ("http://a:81?x", "false false a 81 ?x"), ("http://[::1]:82/", "false false [::1] 82 /"),
      ("http://[::1]", "false false [::1] 80 "), ("http://unix:/s:/u", "false true /s 80 /u"),
      ("http://unix:/s", "false true /s 80 "), ("http://a#b", "false false a 80 #b"),
      ("http://", nil), ("http:///x", nil), ("ftp://a", nil), ("a", nil), ("", nil),
      ("http://a:", nil), ("http://a:0", nil), ("http://a:65536", nil), ("http://a:1x", nil),
      ("http://[::1", nil), ("http://[::1]x", nil), ("http://unix:", nil), ("http://:80", nil),
      ("http://a:65535", "false false a 65535 "),
    ]
    for (text, expected) in cases { #expect(parts(text) == expected, "\(text)") }
  }
}
