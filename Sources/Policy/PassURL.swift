import Basics
import HTTP

/// The URL that the variables of a `proxy_pass` come to, taken apart.
public struct PassURL: Equatable, Sendable, BitwiseCopyable {
  /// `https:`
  public var isSecure: Bool
  /// The authority is the path of a unix socket.
  public var isUnix = false
  /// The host, brackets included; or the path of a unix socket.
  public var host: ByteRange
  /// The port; nil when none is written.
  public var port: UInt16?
  /// Path and query as they are written, with a fragment; empty when there is neither.
  public var target: ByteRange

  /// Reads `http://HOST[:PORT][/PATH]`, `https://…`, `http://unix:PATH[:URI]`; nil for anything
  /// else. For `grpc_pass` the schemes are `grpc` and `grpcs`, and there may be none, which means
  /// the first.
  public init?(parsing text: Span<UInt8>, isGRPC: Bool = false) {
    let isPlain = FieldNameMatch.equalIgnoringCase(
      text.extracting(first: 7), isGRPC ? "grpc://" : "http://")
    isSecure = FieldNameMatch.equalIgnoringCase(
      text.extracting(first: 8), isGRPC ? "grpcs://" : "https://")
    guard isPlain || isSecure || isGRPC else { return nil }
    let start = isSecure ? 8 : isPlain ? 7 : 0
    host = .empty
    target = .empty
    if FieldNameMatch.equalIgnoringCase(
      text.extracting(start..<text.count).extracting(first: 5), "unix:")
    {
      isUnix = true
      let end = PassURL.end(text, from: start + 5) { $0 == UInt8(ascii: ":") }
      host = ByteRange(start: start + 5, count: end - start - 5)
      let rest = min(end + 1, text.count)
      target = ByteRange(start: rest, count: text.count - rest)
      if host.isEmpty { return nil }
      return
    }
    let end = PassURL.end(text, from: start) {
      $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#")
    }
    target = ByteRange(start: end, count: text.count - end)
    guard setAuthority(text, start, end) else { return nil }
  }

  /// Takes `host:port` apart; false when there is no host, or no port behind the colon.
  private mutating func setAuthority(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
    var hostEnd = PassURL.end(text.extracting(0..<end), from: start) { $0 == UInt8(ascii: ":") }
    if start < end, text[start] == UInt8(ascii: "[") {
      hostEnd = PassURL.end(text.extracting(0..<end), from: start) { $0 == UInt8(ascii: "]") } + 1
      guard hostEnd <= end else { return false }
    }
    host = ByteRange(start: start, count: hostEnd - start)
    guard hostEnd < end else { return !host.isEmpty }
    guard text[hostEnd] == UInt8(ascii: ":"), end - hostEnd <= 6, end - hostEnd > 1 else {
      return false
    }
    var number: UInt32 = 0
    for index in (hostEnd + 1)..<end {
      guard (0x30...0x39).contains(text[index]) else { return false }
      number = number * 10 + UInt32(text[index] - UInt8(ascii: "0"))
    }
    port = UInt16(exactly: number)
    return !host.isEmpty && number > 0 && number < 65_536
  }

  private static func end(
    _ text: Span<UInt8>, from start: Int, where isEnd: (UInt8) -> Bool
  ) -> Int {
    var index = start
    while index < text.count, !isEnd(text[index]) { index += 1 }
    return index
  }

  /// The port in force.
  public var effectivePort: UInt16 { port ?? (isSecure ? 443 : 80) }
}
