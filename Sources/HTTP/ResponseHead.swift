import Basics

/// A response's head as offsets into the buffer that it came in. Used like `RequestHead`.
public struct ResponseHead: ~Copyable, Sendable {
  /// The version.
  public internal(set) var version: HTTPVersion = .http11
  /// The status code, 100 to 999.
  public internal(set) var status: UInt16 = 0
  /// Where the reason phrase lies; may be empty.
  public internal(set) var reason: ByteRange = .empty
  /// What Connection asks for.
  public internal(set) var connection: ConnectionOptions = []
  /// Content-Length, when there is one.
  public internal(set) var contentLength: UInt64? = nil
  /// True when Transfer-Encoding is exactly `chunked`.
  public internal(set) var isChunked: Bool = false
  /// Where the value of X-Accel-Redirect lies: a backend asks for another location's answer in the
  /// place of its own. Empty when it does not.
  public internal(set) var internalRedirect: ByteRange = .empty
  /// The field lines.
  public internal(set) var fields = FieldSection()
  /// Bytes of the head with its final empty line, once it is complete.
  public internal(set) var byteCount: Int = 0

  /// How far an incomplete head has been read.
  var progress = HeadProgress()

  /// A head of which nothing has been seen.
  public init() {}

  /// Forgets the head that was read. Cheap: field lines are left to be written over.
  public mutating func reset() {
    version = .http11
    status = 0
    reason = .empty
    connection = []
    contentLength = nil
    isChunked = false
    internalRedirect = .empty
    fields.removeAll()
    byteCount = 0
    progress = HeadProgress()
  }

  /// Has the response have another status than the one that came, without a reason phrase.
  public mutating func replaceStatus(_ status: UInt16) {
    self.status = status
    reason = .empty
  }

  /// Has the connection end behind the response, whatever the head says.
  public mutating func endConnection() { connection.insert(.close) }

  /// True for an interim response: 1xx other than 101 (RFC 9110 section 15.2).
  @inlinable public var isInterim: Bool { status >= 100 && status < 200 && status != 101 }

  /// How the content ends when `method` was asked (RFC 9112 section 6.3): HEAD, 1xx, 204 and 304
  /// have none.
  @inlinable public func framing(for method: Method) -> ContentFraming {
    if method == .head || status < 200 || status == 204 || status == 304 { return .none }
    if isChunked { return .chunked }
    if let contentLength { return .length(contentLength) }
    return .untilClose
  }

  /// True when the connection may carry another request after this response (RFC 9112 section 9.3).
  @inlinable public var keepsAlive: Bool {
    if connection.contains(.close) { return false }
    return version == .http11 || connection.contains(.keepAlive)
  }
}
