import Basics
import HTTP
import Testing

private func parse(_ bytes: [UInt8]) -> (ProxyHeader?, HTTP1Error.Kind?) {
  do throws(HTTP1Error) {
    return (try ProxyHeader.parse(bytes.span), nil)
  } catch {
    return (nil, error.kind)
  }
}

private func address(_ text: String) -> PeerAddress? { PeerAddress(parsing: text.octets.span) }

private let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

/// A version 2 header; `length` stands in its length field.
private func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil)
  -> [UInt8]
{
  let count = length ?? rest.count
  return signature + [command, family, UInt8(count >> 8), UInt8(count & 255)] + rest
}

@Suite struct ProxyHeaderTests {
  @Test(arguments: [
    ("TCP4 192.0.2.1 192.0.2.2 56324 443", "192.0.2.1:56324", "192.0.2.2:443"),
    ("TCP6 2001:db8::1 ::2 1 65535", "[2001:db8::1]:1", "[::2]:65535"),
    ("TCP6 ::ffff:192.0.2.1 ::2 1 2", "192.0.2.1:1", "[::2]:2"),
  ])
  func readsVersion1(line: String, source: String, destination: String) throws {
    let bytes = "PROXY \(line)\r\nGET".octets
    let header = try #require(parse(bytes).0)
    #expect(header.byteCount == bytes.count - 3)
    #expect(header.source == address(source))
    #expect(header.destination == address(destination))
  }

  @Test(arguments: ["UNKNOWN", "UNKNOWN ffff:f::f x 1"])
  func readsUnknown(line: String) throws {
    let header = try #require(parse("PROXY \(line)\r\n".octets).0)
    #expect(header.source == nil && header.destination == nil)
  }

  @Test func awaitsTheEnd() {
    let text = "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n".octets
    let version2 = binary(0x21, 0x11, [1, 2, 3, 4, 5, 6, 7, 8, 0, 80, 1, 187, 4, 0, 0])
    for bytes in [text, version2] {
      for end in 0..<bytes.count { #expect(parse(Array(bytes[..<end])) == (nil, nil)) }
      #expect(parse(bytes).0?.byteCount == bytes.count)
    }
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\n", "P ", "PROXY\r", "PROXY\n", "PROXY \r\n", "PROXY TCP4\r\n", "PROXY x\r\n",
    "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
    "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n", "PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    "PROXY TCP4 ::1 ::2 1 2\r\n", "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
    "PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n", "PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n",
    "PROXY UNKNOWN\n", "PROXY UNKNOWN\rx", "PROXY UNKNOWN \(String(repeating: "x", count: 92))\r\n",
    "PROXY UNKNOWN \(String(repeating: "x", count: 93))",
  ])
  func refusesVersion1(text: String) {
    #expect(parse(text.octets).1 == .invalidProxyHeader, "\(text)")
  }

  @Test func takesTheLongestVersion1() {
    let bytes = "PROXY UNKNOWN \(String(repeating: "x", count: 91))\r\n".octets
    #expect(bytes.count == 107)
    #expect(parse(bytes).0?.byteCount == 107)
  }

  @Test func readsVersion2() throws {
    let four = try #require(parse(binary(0x21, 0x11, [1, 2, 3, 4, 5, 6, 7, 8, 0, 80, 1, 187])).0)
    #expect(four.source == address("1.2.3.4:80"))
    #expect(four.destination == address("5.6.7.8:443"))
    #expect(four.byteCount == 28)
    let six = [UInt8](repeating: 0, count: 15) + [1] + [UInt8](repeating: 0, count: 15) + [2]
    let header = try #require(parse(binary(0x21, 0x21, six + [0, 1, 0, 2])).0)
    #expect(header.source == address("[::1]:1"))
    #expect(header.destination == address("[::2]:2"))
    let unix = try #require(parse(binary(0x21, 0x31, [UInt8](repeating: 47, count: 216))).0)
    #expect(unix.source == .unix)
  }

  @Test func ignoresExtensionsAndWhatFollows() throws {
    let addresses: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 0, 80, 1, 187]
    let bytes = binary(0x21, 0x11, addresses + [4, 0, 1, 0, 0xEE, 0, 0]) + "GET".octets
    let header = try #require(parse(bytes).0)
    #expect(header.byteCount == bytes.count - 3)
    #expect(header.source == address("1.2.3.4:80"))
  }

  @Test func readsHeadersWithoutAddress() throws {
    for bytes in [
      binary(0x20, 0x11, []), binary(0x20, 0, [1, 2]), binary(0x21, 0, []), binary(0x21, 0, [9]),
      binary(0x20, 0x12, [4, 0, 9]), binary(0x20, 0xF3, []),
    ] {
      let header = try #require(parse(bytes).0)
      #expect(header.source == nil && header.byteCount == bytes.count)
    }
  }

  /// What the protocol's list of families does not have must be refused, and datagrams can't have
  /// brought HTTP/1 here.
  @Test(arguments: [
    0x01, 0x02, 0x10, 0x12, 0x13, 0x20, 0x22, 0x23, 0x30, 0x32, 0x41, 0x51, 0xF1, 0xFF,
  ])
  func refusesFamilies(family: UInt8) {
    let bytes = binary(0x21, family, [UInt8](repeating: 0, count: 216))
    #expect(parse(bytes).1 == .invalidProxyHeader)
  }

  @Test(arguments: [0x00, 0x01, 0x10, 0x11, 0x22, 0x2F, 0x30, 0x31, 0xF1])
  func refusesCommands(command: UInt8) {
    #expect(parse(binary(command, 0x11, [UInt8](repeating: 0, count: 12))).1 == .invalidProxyHeader)
  }

  @Test(arguments: [
    [1], [1, 0], [4, 0, 2, 0], [4, 0xFF, 0xFF, 0], [4, 0, 1, 0, 4], [4, 0, 0, 1, 1, 1],
  ])
  func refusesExtensionsBeyondTheEnd(extensions: [UInt8]) {
    for (family, count) in [(0x11, 12), (0x21, 36), (0x31, 216)] as [(UInt8, Int)] {
      let addresses = [UInt8](repeating: 0, count: count)
      #expect(parse(binary(0x21, family, addresses + extensions)).1 == .invalidProxyHeader)
    }
  }

  @Test func refusesVersion2() {
    var damaged = signature
    damaged[11] = 0
    let cases = [
      damaged, [13, 11], signature + [0x11], signature + [0x22],
      binary(0x21, 0x11, [UInt8](repeating: 0, count: 11)),
      binary(0x21, 0x21, [UInt8](repeating: 0, count: 35)),
      binary(0x21, 0x31, [UInt8](repeating: 0, count: 215)),
      binary(0x21, 0x11, [], length: 4_097),
    ]
    for bytes in cases { #expect(parse(bytes).1 == .invalidProxyHeader, "\(bytes)") }
    #expect(parse(binary(0x21, 0x11, [], length: 4_096)) == (nil, nil))
  }
}
