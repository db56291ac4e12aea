import Basics

/// What gRPC says in fields of HTTP/2.
public enum GRPC {
  /// True for the media type of gRPC's requests: `application/grpc`, alone or with a suffix or
  /// parameters. `application/grpc-web` is another protocol.
  public static func isContentType(_ value: Span<UInt8>) -> Bool {
    let name: StaticString = "application/grpc"
    let count = name.utf8CodeUnitCount
    guard value.count >= count,
      FieldNameMatch.equalIgnoringCase(value.extracting(0..<count), name)
    else { return false }
    guard value.count > count else { return true }
    return value[count] == UInt8(ascii: "+") || value[count] == UInt8(ascii: ";")
  }

  /// The number in a `grpc-status`; nil for what is none.
  public static func status(_ value: Span<UInt8>) -> UInt16? {
    guard (1...4).contains(value.count) else { return nil }
    var number: UInt16 = 0
    for index in value.indices {
      guard (0x30...0x39).contains(value[index]) else { return nil }
      number = number * 10 + UInt16(value[index] - 0x30)
    }
    return number
  }

  /// The code that says to gRPC's clients what a status code of HTTP says to others. A request
  /// whose time runs out has the code for that only if it has set itself a time (`hasDeadline`).
  public static func code(for status: UInt16, hasDeadline: Bool) -> UInt16 {
    switch status {
    case 400, 411, 414, 417, 431, 500: 13  // INTERNAL
    case 401: 16  // UNAUTHENTICATED
    case 403: 7  // PERMISSION_DENIED
    case 404, 405, 501, 505: 12  // UNIMPLEMENTED
    case 413: 8  // RESOURCE_EXHAUSTED
    case 499: 1  // CANCELLED
    case 408, 504: hasDeadline ? 4 : 14  // DEADLINE_EXCEEDED, UNAVAILABLE
    case 429, 502, 503: 14  // UNAVAILABLE
    default: 2  // UNKNOWN
    }
  }
}
