import Simulation

/// What a client says first on a `listen ... proxy_protocol`, as a balancer before it would: the
/// PROXY protocol's header, of version 1 or 2, or what only looks like one.
struct ProxyPreface {
  /// Ways to begin.
  enum Kind: String, CaseIterable {
    case text, binary, binaryWithExtensions
    case textOfNobody, binaryOfNobody
    // From here on, no request may be served.
    case cut, missing, wrong, oversized

    /// True when a request may follow.
    var isGood: Bool {
      switch self {
      case .text, .binary, .binaryWithExtensions, .textOfNobody, .binaryOfNobody: true
      case .cut, .missing, .wrong, .oversized: false
      }
    }
  }

  let kind: Kind
  /// What is sent before all else.
  let bytes: [UInt8]
  /// Whom it names, with and without the port; nil for nobody.
  private(set) var named: (host: String, name: String)?

  /// The beginning of the client of this number.
  init(_ kind: Kind, client number: Int, _ chance: inout SeededGenerator) {
    self.kind = kind
    let source = Announced(number: number, isIPv6: chance.happens(300))
    switch kind {
    case .text: bytes = source.text
    case .binary: bytes = source.binary(extensions: [])
    case .binaryWithExtensions:
      bytes = source.binary(extensions: Announced.extensions(chance.between(0...4_000)))
    case .textOfNobody:
      bytes = Array("PROXY UNKNOWN\(chance.pick(["", " x", " 1 2 3 4 5"]))\r\n".utf8)
    case .binaryOfNobody: bytes = chance.pick(Announced.nobody)
    case .cut:
      let whole = chance.pick([source.text, source.binary(extensions: [])])
      bytes = Array(whole.dropLast(chance.between(1...whole.count)))
    case .missing: bytes = []
    case .wrong: bytes = chance.pick(source.wrong)
    case .oversized: bytes = chance.pick(source.oversized)
    }
    if [.text, .binary, .binaryWithExtensions].contains(kind) {
      named = (source.host, source.name)
    }
  }
}

/// A client's address in the header's two forms (haproxy's proxy-protocol.txt, sections 2.1 and
/// 2.2), and in forms that are no header.
private struct Announced {
  let number: Int
  let isIPv6: Bool

  private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

  private var port: Int { 30_000 + number }
  private var last: Int { number % 250 + 1 }
  /// As the log and X-Forwarded-For write it.
  var host: String {
    isIPv6 ? "2001:db8::\(String(last, radix: 16))" : "198.51.100.\(last)"
  }
  var name: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

  var text: [UInt8] {
    let words = isIPv6 ? "TCP6 \(host) 2001:db8:1::1" : "TCP4 \(host) 203.0.113.1"
    return Array("PROXY \(words) \(port) 443\r\n".utf8)
  }

  func binary(extensions: [UInt8]) -> [UInt8] {
    Announced.signature + [0x21, isIPv6 ? 0x21 : 0x11]
      + Announced.word(addresses.count + extensions.count) + addresses + extensions
  }

  private var addresses: [UInt8] {
    let internet6: [UInt8] = [0x20, 1, 0x0D, 0xB8] + Array(repeating: 0, count: 11)
    let prefix: [UInt8] = isIPv6 ? internet6 : [198, 51, 100]
    let destination: [UInt8] = isIPv6 ? internet6 + [250] : [203, 0, 113, 1]
    return prefix + [UInt8(last)] + destination + Announced.word(port) + [1, 187]
  }

  /// Extensions of so many bytes, of a type for own experiments.
  static func extensions(_ count: Int) -> [UInt8] {
    count < 3 ? [] : [0xE0] + word(count - 3) + Array(repeating: 0x41, count: count - 3)
  }

  /// Headers that name nobody: a balancer's own probe, an unknown family, a unix socket.
  static let nobody: [[UInt8]] = [
    signature + [0x20, 0x00, 0, 0],
    signature + [0x20, 0x11, 0, 12] + Array(repeating: 9, count: 12),
    signature + [0x21, 0x00, 0, 5] + Array(repeating: 9, count: 5),
    signature + [0x21, 0x31, 0, 216] + Array(repeating: 0x2F, count: 216),
  ]

  var wrong: [[UInt8]] {
    let binary = binary(extensions: [])
    return [
      Array("PROXY TCP4 198.51.100.\(last) 203.0.113.1 \(port)\r\n".utf8),
      Array("PROXY TCP4 2001:db8::1 2001:db8::2 \(port) 443\r\n".utf8),
      Array("PROXY TCP4 198.51.100.256 203.0.113.1 \(port) 443\r\n".utf8),
      Array("PROXY TCP4 198.51.100.\(last) 203.0.113.1 \(port) 65536\r\n".utf8),
      Array("PROXY TCP4  198.51.100.\(last) 203.0.113.1 \(port) 443\r\n".utf8),
      Array("PROXY TCP4 198.51.100.\(last) 203.0.113.1 \(port) 443\n".utf8),
      Array("PROXY UDP4 198.51.100.\(last) 203.0.113.1 \(port) 443\r\n".utf8),
      Array(binary[..<5]) + [1] + Array(binary[6...]),
      Announced.signature + [0x11] + Array(binary[13...]),
      Announced.signature + [0x22] + Array(binary[13...]),
      Announced.signature + [0x21, 0x21, 0, 12] + Array(repeating: 1, count: 12),
    ]
  }

  var oversized: [[UInt8]] {
    let zeros = String(repeating: "0", count: 107)
    return [
      Array("PROXY TCP4 \(zeros) 203.0.113.1 \(port) 443\r\n".utf8),
      Array("PROXY UNKNOWN \(zeros)\r\n".utf8),
      Announced.signature + [0x21, 0x11, 0xFF, 0xFF] + Array(repeating: 0, count: 200),
      binary(extensions: Announced.extensions(5_000)),
    ]
  }

  private static func word(_ number: Int) -> [UInt8] {
    [UInt8(number >> 8), UInt8(number & 255)]
  }
}
