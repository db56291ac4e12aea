import CNghttp2
import Testing

@testable import HTTP2

/// What a client sends that keeps no rule: frames written byte by byte.
@Suite struct RawFrameTests {
  private static let headers: UInt8 = 1
  private static let data: UInt8 = 0
  private static let resetStream: UInt8 = 3
  private static let endHeaders: UInt8 = 4
  private static let endStream: UInt8 = 1
  /// POST, http and / of the static table, and the authority `a` as a literal (RFC 7541).
  private static let post: [UInt8] = [0x83, 0x86, 0x84, 0x01, 0x01, 0x61]

  /// A server that has read a preface and a SETTINGS frame.
  private static func server() -> HTTP2Server {
    let server = HTTP2Server(HTTP2Bed.settings)
    _ = events(of: server, Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0, []))
    return server
  }

  private static func frame(
    _ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]
  ) -> [UInt8] {
    let length = (0..<3).map { UInt8(truncatingIfNeeded: payload.count >> (16 - 8 * $0)) }
    let number = (0..<4).map { UInt8(truncatingIfNeeded: stream >> (24 - 8 * $0)) }
    return length + [type, flags] + number + payload
  }

  private enum Seen: Equatable {
    case head(UInt32), content(UInt32, Int), reset(UInt32), malformed(UInt32), broken
  }

  /// What a server makes of bytes; it does not let go of anything.
  private static func events(of server: HTTP2Server, _ bytes: [UInt8]) -> [Seen] {
    var seen: [Seen] = []
    bytes.withUnsafeBytes { bytes in
      var rest = bytes
      while true {
        switch server.next(&rest) {
        case .nothing: return
        case .head(let number, _): seen.append(.head(number))
        case .content(let number, let content, _): seen.append(.content(number, content.count))
        case .reset(let number, _): seen.append(.reset(number))
        case .malformed(let number): seen.append(.malformed(number))
        case .broken: seen.append(.broken)
        case .trailers, .changed: continue
        }
      }
    }
    return seen
  }

  @Test func nothingFollowsContentThatAStreamHadNoCreditFor() {
    let server = Self.server()
    var bytes = Self.frame(Self.headers, Self.endHeaders, 1, Self.post)
    for count in [16_384, 16_384, 16_384, 16_384, 100] {
      bytes += Self.frame(Self.data, 0, 1, [UInt8](repeating: 0, count: count))
    }
    bytes += Self.frame(Self.data, Self.endStream, 1, [1])
    let seen = Self.events(of: server, bytes)
    // The window has room for 65,535 bytes: the fourth piece is one too many, the fifth would fit.
    let whole = Seen.content(1, 16_384)
    #expect(seen == [.head(1), whole, whole, whole, .reset(1)])
    server.release(1)
  }

  @Test func resetsCountAsTheyAreRead() {
    let server = Self.server()
    var bytes: [UInt8] = []
    for number in stride(from: UInt32(1), through: 199, by: 2) {
      bytes += Self.frame(Self.headers, Self.endHeaders | Self.endStream, number, Self.post)
      bytes += Self.frame(Self.resetStream, 0, number, [0, 0, 0, 8])
    }
    let seen = Self.events(of: server, bytes)
    let burst = HTTP2Bed.settings.resetBurst
    let begun = seen.filter { if case .head = $0 { true } else { false } }
    #expect(seen.contains(.broken))
    #expect(begun.count == burst + 1)
  }

  @Test func resetsAreForgivenAsTimeGoesBy() {
    let server = Self.server()
    var number: UInt32 = 1
    for second in 0..<40 {
      server.note(second: UInt64(second))
      let bytes =
        Self.frame(Self.headers, Self.endHeaders | Self.endStream, number, Self.post)
        + Self.frame(Self.resetStream, 0, number, [0, 0, 0, 8])
      #expect(Self.events(of: server, bytes) == [.head(number), .reset(number)])
      server.release(number)
      number += 2
    }
  }
}
