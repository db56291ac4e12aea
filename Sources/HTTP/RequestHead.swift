import Basics

/// The form of a request target (RFC 9112 section 3.2).
public enum TargetForm: UInt8, Sendable, BitwiseCopyable {
  case origin, absolute, authority, asterisk
  /// Not one of the client's: it asked in one of the others but the absolute form, and the path and
  /// the query are those of an internal redirect.
  case redirected
  /// The same, of a subrequest: its method is GET, whatever the client's was.
  case subrequest
}

/// A request's head as offsets into the buffer that it came in, filled while the bytes arrive.
///
/// Reset it, then call `parse` with all bytes from the head's first one whenever more have come.
/// Offsets count from that first byte, so the buffer may move as long as the bytes keep their
/// order. Not copyable, because its table of fields is made once and reused: lend it or pass it
/// `inout`.
public struct RequestHead: ~Copyable, Sendable {
  /// The method, when Waybill knows it.
  public internal(set) var method: Method = .other
  /// Where the method lies.
  public internal(set) var methodRange: ByteRange = .empty
  /// Where the whole request target lies.
  public internal(set) var target: ByteRange = .empty
  /// Its form.
  public internal(set) var targetForm: TargetForm = .origin
  /// The target's path, from its slash on; empty for the authority and asterisk forms.
  /// An absolute form without a path (`http://host`, `http://host?q`) has an empty one: it means
  /// `/`.
  public internal(set) var path: ByteRange = .empty
  /// The target's query without the question mark; empty when there is none.
  public internal(set) var query: ByteRange = .empty
  /// True when the target has a question mark, even with nothing behind it.
  public internal(set) var hasQuery: Bool = false
  /// The version.
  public internal(set) var version: HTTPVersion = .http11
  /// The authority: of an absolute target, else of Host (RFC 9112 section 3.2.2); with its port.
  public internal(set) var authority: ByteRange = .empty
  /// The authority's host without its port, brackets of an IPv6 literal included.
  public internal(set) var host: ByteRange = .empty
  /// What Connection asks for.
  public internal(set) var connection: ConnectionOptions = []
  /// How the content ends; never `.untilClose`.
  public internal(set) var framing: ContentFraming = .none
  /// True when `Expect: 100-continue` came on HTTP/1.1.
  public internal(set) var expectsContinue: Bool = false
  /// True when an Upgrade field came together with `Connection: upgrade` on HTTP/1.1.
  public internal(set) var requestsUpgrade: Bool = false
  /// The field lines.
  public internal(set) var fields = FieldSection()
  /// Bytes of the head, leading empty lines and final empty line included, once it is complete.
  public internal(set) var byteCount: Int = 0

  /// How far an incomplete head has been read.
  var progress = HeadProgress()

  /// A head of which nothing has been seen.
  public init() {}

  /// Forgets the head that was read. Cheap: field lines are left to be written over.
  public mutating func reset() {
    method = .other
    methodRange = .empty
    target = .empty
    targetForm = .origin
    path = .empty
    query = .empty
    hasQuery = false
    version = .http11
    authority = .empty
    host = .empty
    connection = []
    framing = .none
    expectsContinue = false
    requestsUpgrade = false
    fields.removeAll()
    byteCount = 0
    progress = HeadProgress()
  }

  /// Makes a head that was composed of an HTTP/2 request's fields that request's. Only for one that
  /// has been read whole.
  public mutating func becomeHTTP2() {
    precondition(byteCount > 0 && version == .http11, "becomeHTTP2: the head is not complete")
    version = .http2
  }

  /// True when the connection may serve another request after this one (RFC 9112 section 9.3).
  @inlinable public var keepsAlive: Bool {
    if connection.contains(.close) { return false }
    return version != .http10 || connection.contains(.keepAlive)
  }
}
