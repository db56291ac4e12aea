import Basics
import Simulation

/// What comes to a port for TLS, as an input says it: three bytes of choices, then bytes that are
/// sent as they are, or put in the place of what a real client sends, or behind it, or sealed.
struct SecureScript {
  /// What the bytes are.
  enum Kind {
    /// All that comes.
    case stranger
    /// What takes the place of as many bytes of a real client's, from some place on.
    case changed
    /// The same, but the client's bytes are moved, not replaced.
    case inserted
    /// What comes behind a client's good request.
    case behind
    /// The client's content: a script of its own, for the rules of plain connections.
    case content
  }

  let kind: Kind
  /// The client speaks TLS 1.2.
  let isOld: Bool
  /// Chance cuts and delays everything once more.
  let isFragmented: Bool
  let farewell: PeerFarewell
  /// Which conf file is served.
  let variant: Int
  /// Where in the client's bytes something is changed.
  let place: Int
  /// The rest of the input.
  let bytes: [UInt8]

  /// The script that `input` is; nil when it is too short for one.
  init?(_ input: Span<UInt8>, variants: Int) {
    guard input.count > 3 else { return nil }
    let kinds: [Kind] = [.stranger, .changed, .inserted, .behind, .content]
    kind = kinds[Int(input[0] & 7) % kinds.count]
    isOld = input[0] & 8 != 0
    isFragmented = input[0] & 16 != 0
    let farewells: [PeerFarewell] = [.both, .noticeOnly, .transportOnly, .both]
    farewell = farewells[Int(input[0] >> 5 & 3)]
    variant = Int(input[1] & 3) % variants
    place = Int(input[1] >> 2) << 4 | Int(input[2] & 15)
    bytes = (3..<input.count).map { input[$0] }
  }

  /// The requests that a real client sends, by what is told of them.
  static let targets = ["/one", "/p/two", "/three"]

  /// The same as they are sent.
  private static let requests = [
    "GET /one HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /p/two HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\ncontent",
    "GET /three HTTP/1.1\r\nHost: a\r\n\r\n",
  ]

  /// What the client does behind its handshake, if it has one.
  var actions: [PeerAction] {
    let bytes = bytes
    switch kind {
    case .stranger:
      let pieces = bytes.split(separator: 0xFD).map { piece in
        PeerAction.sendRaw { _ in Array(piece) }
      }
      return Array(pieces.map { [$0] }.joined(separator: [.pause(.milliseconds(2))]))
        + [.finishSending, .awaitEnd]
    case .changed, .inserted:
      return SecureScript.requests.flatMap { [.send($0), .awaitMessage] } + [.awaitEnd]
    case .behind:
      return [.send(SecureScript.requests[0]), .awaitMessage, .sendRaw { _ in bytes }, .awaitEnd]
    case .content: return []
    }
  }
}

/// A client some of whose bytes are changed on the way.
final class ChangedPeer: PeerSecurity {
  private let peer: any PeerSecurity
  private let place: Int
  private let replaces: Bool
  private var strange: [UInt8]
  private var count = 0

  /// From `place` on, `bytes` take the place of the peer's own, or come before them.
  init(_ peer: any PeerSecurity, at place: Int, _ bytes: [UInt8], replaces: Bool) {
    (self.peer, self.place, self.replaces, strange) = (peer, place, replaces, bytes)
  }

  var isEstablished: Bool { peer.isEstablished }
  var hasEnd: Bool { peer.hasEnd }
  var failure: String? { peer.failure }
  var farewell: PeerFarewell { peer.farewell }
  func begin() { peer.begin() }
  func receive(_ bytes: [UInt8]) { peer.receive(bytes) }
  func takeContent() -> [UInt8] { peer.takeContent() }
  func send(_ content: [UInt8]) { peer.send(content) }
  func end() { peer.end() }

  func takeOutput() -> [UInt8] {
    let bytes = peer.takeOutput()
    defer { count += bytes.count }
    guard !strange.isEmpty, count + bytes.count > place else { return bytes }
    let start = max(0, place - count)
    guard replaces else {
      defer { strange = [] }
      return Array(bytes[..<start]) + strange + Array(bytes[start...])
    }
    let amount = min(strange.count, bytes.count - start)
    defer { strange.removeFirst(amount) }
    return Array(bytes[..<start]) + Array(strange[..<amount]) + Array(bytes[(start + amount)...])
  }
}
