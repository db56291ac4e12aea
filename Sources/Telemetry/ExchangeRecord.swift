import Basics
import HTTP
import Policy

/// One attempt to get a response from a peer: an element of `tries` in the log.
public struct Try: Sendable, BitwiseCopyable {
  /// The peer's name, as in the plan.
  public var peer: FrozenBytes
  /// The status it answered; 0 when it did not.
  public var status: UInt16
  /// Why it failed; `.none` when it answered.
  public var error: ErrorType
  /// From its begin to its end.
  public var duration: Interval

  /// The attempt given.
  public init(peer: FrozenBytes, status: UInt16, error: ErrorType, duration: Interval) {
    self.peer = peer
    self.status = status
    self.error = error
    self.duration = duration
  }
}

/// What kind of line a record is written as: `event` in the log.
public enum LogEvent: UInt8, Sendable, BitwiseCopyable {
  /// The end of a request: no `event` is written.
  case end
  /// A tunnel opened: `upgrade`.
  case upgrade
  /// The end of a subrequest, with `log_subrequest`: `subrequest`.
  case subrequest
}

/// What one request leaves behind: all that a log line, a header or an error page can say of it.
///
/// Byte ranges lie in the request's head (see `ExchangeBytes`). Large, and reused from request to
/// request: `reset` clears what is read without a guard and leaves the rest.
public struct ExchangeRecord: ~Copyable, Sendable {
  /// Wall clock at the request's first byte, in microseconds since 1970-01-01 UTC.
  public var startTime: UInt64 = 0
  /// Wall clock when the line is written, in microseconds since 1970-01-01 UTC.
  public var endTime: UInt64 = 0
  /// The date of the last line written from this record, kept from one exchange to the next: it is
  /// the same for all lines of a second.
  var lineDate = PackedDateTime(seconds: 0)
  /// Seconds that the local time is ahead of UTC.
  public var utcOffset: Int32 = 0
  /// The process and worker number, for `$pid`.
  public var processID: UInt32 = 0
  /// Which configuration of the process serves it, for `$gen`.
  public var generation: UInt32 = 0
  /// What kind of line this is.
  public var event: LogEvent = .end

  /// The ID; empty when there is none.
  public var requestID = RequestID()
  /// Where it came from.
  public var idSource: RequestIDSource = .none
  /// The ID that the client sent, when it was not kept: raw, at most 256 bytes.
  public var clientRequestID = InlineBytes<256>()
  /// The ID that the backend sent, when it differs: raw, at most 256 bytes.
  public var upstreamRequestID = InlineBytes<256>()

  /// The client, after `real_ip_header` and the PROXY protocol.
  public var client: PeerAddress = .unix
  /// The peer of the socket itself: `$realip_remote_addr`.
  public var socketPeer: PeerAddress = .unix
  /// The client that a PROXY protocol header named: `$proxy_protocol_addr`, `$proxy_protocol_port`.
  public var announcedClient: PeerAddress = .unix
  /// True when there was such a header.
  public var hasAnnouncedClient = false
  /// The address that accepted the connection: `$server_addr`, `$server_port`.
  public var local: PeerAddress = .unix
  /// The connection's number, unique in the process.
  public var connection: UInt64 = 0
  /// The request's number on its connection, from 1.
  public var connectionRequest: UInt32 = 0
  /// Its stream on a connection that carries several; 0 on one that does not.
  public var stream: UInt32 = 0
  /// True when the request had begun to come before the one before it was answered: `$pipe`.
  public var isPipelined = false
  /// True once nothing more happens to it.
  public var hasEnded = false

  /// True once the request line has been read, so that method, target and version are known.
  public var hasRequestLine = false
  /// True on TLS.
  public var isSecure = false
  /// What is known of it there.
  public var secure = SecureFacts()
  /// `server_name` of the server that serves it; empty when none was found.
  public var serverName: FrozenBytes = .empty
  /// Which fields of the client's count.
  public var fieldNames = FieldNameRule.plain
  /// The `upstream`'s name or the address of `proxy_pass`: `$proxy_host`.
  public var proxyHost: FrozenBytes = .empty

  /// The status code sent; 499 when the client left before one was sent; 0 when there is none.
  public var status: UInt16 = 0
  /// What gRPC says of the call, from the backend's trailers or by an error of Waybill's own;
  /// `.max` for nothing: `$grpc_status`.
  public var grpcStatus = UInt16.max
  /// Bytes of the request, head included, as they came: `$request_length`.
  public var requestBytes: UInt64 = 0
  /// Bytes of the request's content, without chunk framing: `bytes_in`.
  public var contentBytesIn: UInt64 = 0
  /// Bytes of the response's content handed to the kernel, without chunk framing: `bytes_out`.
  public var contentBytesOut: UInt64 = 0
  /// All bytes handed to the kernel, heads and framing included: `$bytes_sent`.
  public var bytesSent: UInt64 = 0
  /// From the request's first byte to the response's last.
  public var duration = Interval(nanoseconds: 0)

  /// The last peer tried; empty when none was.
  public var upstream: FrozenBytes = .empty
  /// The status it answered; 0 when it did not.
  public var upstreamStatus: UInt16 = 0
  /// Time to connect; zero for a pooled connection; endless when there was none.
  public var upstreamConnect = Interval.endless
  /// From the try's begin to the first byte of its response; endless when none came.
  public var upstreamFirstByte = Interval.endless
  /// From the try's begin to its end; endless when there was none.
  public var upstreamDuration = Interval.endless
  /// Tries made, the last one included.
  public var tryCount = 0
  /// A bit for each try that is the first of another upstream than the one before.
  public var upstreamStarts: UInt16 = 0
  /// The first `Limits.tries` of them.
  public var tries = InlineArray<16, Try>(
    repeating: Try(peer: .empty, status: 0, error: .none, duration: .endless))

  /// Who ended it early, and in which phase.
  public var termination = Termination.completed
  /// Why it failed.
  public var error: ErrorType = .none

  /// What few requests have.
  public var parts: RecordParts = []
  /// The trace; valid when `parts` has it.
  public var trace = RequestTrace(traceBits: (0, 0), spanBits: (0, 0))

  /// The status that `auth_request` was answered with; valid when `parts` has it, like what
  /// follows.
  public var authorizationStatus: UInt16 = 0
  /// The peer that answered; empty when none did.
  public var authorizationPeer: FrozenBytes = .empty
  /// From the question to the answer.
  public var authorizationDuration = Interval.endless

  /// Where the client's certificate lies in `ExchangeBytes.computed`, in PEM; kept where templates
  /// ask for it.
  public var certificate = ByteRange.empty
  /// What `limit_req` has done: `$limit_req_status`.
  public var limitRequestStatus = LimitStatus.none
  /// What `limit_conn` has done: `$limit_conn_status`.
  public var limitConnectionStatus = LimitStatus.none

  /// What the content was packed by.
  var compression = Compression.none
  /// Bytes of the content before that.
  var compressedFrom: UInt64 = 0
  /// Bytes of the content after that.
  var compressedTo: UInt64 = 0

  /// Where the values kept for `.captured(slot)` lie in `ExchangeBytes.captured`; empty when
  /// absent.
  public var captures = InlineArray<32, ByteRange>(repeating: .empty)
  /// Where `$1` to `$9` lie in `ExchangeBytes.computed`, as far as `groupCount` says.
  public var groups = InlineArray<9, ByteRange>(repeating: .absent)
  /// How many groups the last expression has that matched and has any.
  public var groupCount: UInt8 = 0
  /// True once at least one value or group was kept, so that all of them must be cleared.
  public var hasCaptures = false
  /// Bytes that a value in a text format has at most, as it is written.
  var valueLimit = UInt32.max

  /// The record of an exchange that has not begun.
  public init() {}
}

/// What a record may have besides: one look tells that there is none of it.
public struct RecordParts: OptionSet, Sendable, BitwiseCopyable {
  /// One bit for each member.
  public let rawValue: UInt8
  /// The set of these bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// What `auth_request` was answered.
  public static let authorization = RecordParts(rawValue: 1)
  /// The trace that the request belongs to.
  public static let trace = RecordParts(rawValue: 2)
}

/// What the content of a response was packed by.
public enum Compression: UInt8, Sendable, BitwiseCopyable { case none, gzip, brotli }

/// What a limit has done to a request.
public enum LimitStatus: UInt8, Sendable, BitwiseCopyable {
  case none, passed, delayed, rejected, delayedDryRun, rejectedDryRun

  /// The value of nginx's variable; empty for `none`.
  var name: StaticString {
    switch self {
    case .none: ""
    case .passed: "PASSED"
    case .delayed: "DELAYED"
    case .rejected: "REJECTED"
    case .delayedDryRun: "DELAYED_DRY_RUN"
    case .rejectedDryRun: "REJECTED_DRY_RUN"
    }
  }
}

/// The bytes that a record's ranges lie in.
public struct ExchangeBytes: ~Escapable {
  /// The request's head, as it came; may be incomplete.
  public let head: Span<UInt8>
  /// The request's path, decoded and normalised: `$uri`.
  public let path: Span<UInt8>
  /// Values kept of the response's fields.
  public let captured: Span<UInt8>
  /// What expressions matched, and the values of variables that the conf file makes.
  public let computed: Span<UInt8>
  /// Where these values lie in `computed`, by slot; absent for what has none.
  public let values: Span<ByteRange>

  /// The bytes given, of an exchange for which nothing was matched or computed.
  @_lifetime(copy head, copy path, copy captured)
  public init(head: Span<UInt8>, path: Span<UInt8>, captured: Span<UInt8>) {
    self.head = head
    self.path = path
    self.captured = captured
    computed = Span()
    values = Span()
  }

  /// The bytes given.
  @_lifetime(copy head, copy path, copy captured, copy computed, copy values)
  public init(
    head: Span<UInt8>, path: Span<UInt8>, captured: Span<UInt8>, computed: Span<UInt8>,
    values: Span<ByteRange>
  ) {
    self.head = head
    self.path = path
    self.captured = captured
    self.computed = computed
    self.values = values
  }
}
