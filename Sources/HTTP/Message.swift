import Basics

/// HTTP's minor version on the wire; the major version is always 1 here.
public enum HTTPVersion: UInt8, Sendable, BitwiseCopyable {
  /// HTTP/1.0
  case http10
  /// HTTP/1.1 (and any later 1.x, RFC 9112 section 2.3)
  case http11
  /// HTTP/2 (RFC 9113)
  case http2
}

/// The methods that Waybill tells apart; any other token is `.other` and is passed on as it came.
public enum Method: UInt8, Sendable, BitwiseCopyable {
  case get, head, post, put, delete, options, patch, connect, trace, other

  /// True for those that are not served here: a tunnel to anywhere, and an echo of what was sent,
  /// which would show a page's scripts what is kept from them (RFC 9110 section 9.3.8).
  @inlinable public var isNeverServed: Bool { rawValue &- Method.connect.rawValue < 2 }

  /// True when sending it twice does what sending it once does (RFC 9110 section 9.2.2).
  @inlinable public var isIdempotent: Bool {
    switch self {
    case .get, .head, .put, .delete, .options, .trace: true
    case .post, .connect, .patch, .other: false
    }
  }
}

/// Where a message's content ends (RFC 9112 section 6.3).
public enum ContentFraming: Equatable, Sendable, BitwiseCopyable {
  /// There is none.
  case none
  /// Exactly this many bytes follow the head; 0 when Content-Length says so.
  case length(UInt64)
  /// The chunked transfer coding.
  case chunked
  /// All that comes until the connection closes (responses only).
  case untilClose
}

/// What a Connection field section asks for (RFC 9110 section 7.6.1).
public struct ConnectionOptions: OptionSet, Sendable, BitwiseCopyable {
  /// One bit for each member.
  public let rawValue: UInt8
  /// The set of these bits.
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// `close`
  @inlinable public static var close: ConnectionOptions { ConnectionOptions(rawValue: 1) }
  /// `keep-alive`
  @inlinable public static var keepAlive: ConnectionOptions { ConnectionOptions(rawValue: 2) }
  /// `upgrade`
  @inlinable public static var upgrade: ConnectionOptions { ConnectionOptions(rawValue: 4) }
  /// At least one other option: the name of a field that must not be forwarded. Only then is it
  /// worth asking for `ListedLines`.
  @inlinable public static var fieldNames: ConnectionOptions { ConnectionOptions(rawValue: 8) }
}

/// Bounds on a head, in bytes and lines.
public struct HeadLimits: Sendable, BitwiseCopyable {
  /// Longest start line or field line without its CR LF, in bytes.
  public var maximumLineBytes: Int
  /// Longest head with all its line ends, in bytes.
  public var maximumHeadBytes: Int
  /// Most field lines; at most `FieldSection.capacity`.
  public var maximumFieldCount: Int

  /// The bounds given.
  public init(maximumLineBytes: Int, maximumHeadBytes: Int, maximumFieldCount: Int) {
    self.maximumLineBytes = maximumLineBytes
    self.maximumHeadBytes = maximumHeadBytes
    self.maximumFieldCount = maximumFieldCount
  }
}
