import Basics

/// What a WebSocket's handshake in HTTP/1.1 begins with (RFC 6455 section 4.1). HTTP/2 has none, so
/// a proxy makes one for the backend (RFC 8441 section 5).
public struct WebSocketKey: Equatable, Sendable, BitwiseCopyable {
  private let high: UInt64
  private let low: UInt64

  /// The key of sixteen random bytes.
  public init(random: (UInt64, UInt64)) { (high, low) = random }

  /// What servers append to a key (RFC 6455 section 1.3).
  private static let suffix = Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)

  /// Writes it: the value of `Sec-WebSocket-Key`.
  public func write(into writer: inout ByteWriter) {
    Base64.forEachDigit(of: bytes.span) { writer.append($0) }
  }

  private var bytes: InlineBytes<16> {
    var bytes = InlineBytes<16>()
    for word in [high, low] {
      for shift in stride(from: UInt64(56), through: 0, by: -8) {
        bytes.append(UInt8(truncatingIfNeeded: word &>> shift))
      }
    }
    return bytes
  }

  /// True of the name of the field that answers a key.
  public static func isAnswer(_ name: Span<UInt8>) -> Bool {
    name.count == 20 && FieldNameMatch.equalIgnoringCase(name, "Sec-WebSocket-Accept")
  }

  /// True of the protocol whose handshake has a key.
  public static func isUsed(by token: Span<UInt8>) -> Bool {
    FieldNameMatch.equalIgnoringCase(token, "websocket")
  }

  /// True of the `Sec-WebSocket-Accept` of a server that has read this key.
  public func isAccepted(by answer: Span<UInt8>) -> Bool {
    var digest = SecureHash1()
    Base64.forEachDigit(of: bytes.span) { digest.append($0) }
    for byte in Self.suffix { digest.append(byte) }
    digest.end()
    var bytes = InlineBytes<20>()
    for word in digest.state.indices {
      for shift: UInt32 in [24, 16, 8, 0] {
        bytes.append(UInt8(truncatingIfNeeded: digest.state[word] &>> shift))
      }
    }
    var position = 0
    var isSame = true
    Base64.forEachDigit(of: bytes.span) { digit in
      isSame = isSame && position < answer.count && answer[position] == digit
      position += 1
    }
    return isSame && position == answer.count
  }
}

/// RFC 4648 section 4.
private enum Base64 {
  /// Calls `body` with each digit of what `bytes` are in base64, padding included.
  static func forEachDigit(of bytes: Span<UInt8>, _ body: (UInt8) -> Void) {
    var index = 0
    while index < bytes.count {
      let count = min(3, bytes.count - index)
      var bits: UInt32 = 0
      for offset in 0..<3 {
        bits = bits &<< 8 | (offset < count ? UInt32(bytes[index + offset]) : 0)
      }
      for place in 0..<4 {
        let value = UInt8(truncatingIfNeeded: bits &>> UInt32(18 - 6 * place)) & 63
        body(place <= count ? digit(value) : UInt8(ascii: "="))
      }
      index += 3
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    switch value {
    case 0..<26: value + 0x41
    case 26..<52: value - 26 + 0x61
    case 52..<62: value - 52 + 0x30
    case 62: UInt8(ascii: "+")
    default: UInt8(ascii: "/")
    }
  }
}
