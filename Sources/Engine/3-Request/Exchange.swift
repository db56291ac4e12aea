import Basics
import HTTP
import Plan
import Policy
import Telemetry

/// Where an exchange lies; valid until `ExchangeEnd` has run for it.
typealias ExchangePointer = UnsafeMutablePointer<Exchange>

/// One request and its response: born before the request is parsed, ended in `ExchangeEnd` and
/// nowhere else, which writes its log line.
///
/// Reading the request and writing the response are two machines (`request`, `response`); the peer
/// that is asked in between is a third (`upstreamStage`), because it may be another one at each
/// try.
struct Exchange: ~Copyable {
  /// How much of the request has been read.
  enum RequestStage: UInt8, BitwiseCopyable {
    /// Its head is being read.
    case head
    /// Its content is being read whole, before a backend is asked.
    case buffering
    /// Its content is being read, or handed on.
    case content
    /// All of it has been read and, when proxied, handed to the peer's socket.
    case complete
  }

  /// How much of the response has been given to the client's socket.
  enum ResponseStage: UInt8, BitwiseCopyable {
    /// Nothing of the final response.
    case none
    /// The same, and whether the request may be served is not known yet: see `Admission`.
    case pending
    /// Its head; content follows.
    case content
    /// The same, and content waits for a client that does not take it: see `ResponseBacklog`.
    case kept
    /// Its head; content follows, and comes from here: a file's, or that of an answer of Waybill's
    /// own that passes through stages.
    case file
    /// Its last byte has been composed, and may wait in `output`.
    case composed
    /// The same, and it is not sent before its line has been written: see `WriteAhead`.
    case heldBack
    /// A tunnel is open.
    case tunnel
    /// All is written, to a client that had ended its stream: whether it is still there is awaited.
    case delivering
  }

  /// What the peer is doing.
  enum UpstreamStage: UInt8, BitwiseCopyable {
    /// No peer is attached.
    case none
    /// The connection is being made.
    case connecting
    /// The request is being sent, or its response's head is awaited.
    case awaitingHead
    /// The response's content is being read.
    case content
    /// All of the response has been read.
    case complete
  }

  /// What becomes of the client's side when an exchange has ended.
  enum Closure: UInt8, BitwiseCopyable {
    /// It may carry the next request.
    case none
    /// It ends in good order.
    case orderly
    /// The same, and content of the request may still come that nobody reads.
    case lingering
    /// It is cut, because the client can't see otherwise that the response is not whole.
    case abrupt
  }

  var slot: UInt32 = 0
  /// The client's side of it.
  var client: StreamPointer
  /// The backend's side in the try under way.
  var upstream: StreamPointer?
  var request = RequestStage.head
  var response = ResponseStage.none
  var upstreamStage = UpstreamStage.none

  // MARK: The request

  var head = RequestHead()
  /// Holds the head's bytes from its first one on, until the exchange ends: log fields are ranges
  /// in it.
  var headBuffer = Buffer.none
  /// True while the connection reads into the same buffer, behind the head.
  var sharesInput = false
  /// Bytes of the head in `headBuffer`.
  var headByteCount: UInt32 = 0
  /// The path, decoded and normalised, when it differs from the one in the head.
  var pathBuffer = Buffer.none
  var pathByteCount: UInt32 = 0
  /// Index of the server that serves it.
  var server: Int
  /// The location that serves it, in the plan: looked into for nearly everything.
  var plan: UnsafePointer<LocationPlan>
  /// Reads its content.
  var requestReader = ContentReader()
  /// Of chunked content that is discarded, the bytes that may still come before the connection is
  /// closed.
  var discardLeft: UInt64 = 0
  /// True when content is read and thrown away because the answer is Waybill's own.
  var discardsContent = false
  /// True when the client asked for an Upgrade that may be passed on.
  var asksForTunnel = false
  /// True when the client's address was taken from a field or the PROXY protocol by a trusted peer.
  var trustsForwardedFields = false

  // MARK: The peer

  var upstreamIndex = 0
  var peerIndex = 0
  var tried = TriedPeers()
  /// True once the balancer has been told that this try no longer uses its peer.
  var releasedPeer = true
  var tryStart = Instant(nanoseconds: 0)
  var firstTryStart = Instant(nanoseconds: 0)
  /// True once a stale pooled connection has been replaced: that happens once.
  var replacedStaleConnection = false
  /// Bytes of this try handed to the peer's socket.
  var upstreamBytesSent: UInt64 = 0
  /// True once content of the request was handed over that is no longer there to be sent again.
  var contentConsumed = false
  /// True once the peer takes no more of the request; its response may still come.
  var stopsSending = false
  var responseHead = ResponseHead()
  /// Reads the response's content.
  var responseReader = ContentReader()
  var interimCount = 0

  // MARK: The client

  /// How the response's content is framed towards the client.
  var clientFraming = ContentFraming.none
  /// What becomes of the client's side behind this exchange.
  private(set) var closure = Closure.none
  /// Writes in a row that the client took at once: a measure of its pace.
  var smoothWrites: UInt8 = 2
  /// Holds content that a slow client has not taken after its peer was let go.
  var detachedBuffer = Buffer.none
  /// What the response's content passes through; nil for one that passes as it is.
  var stages: ResponseStagesPointer?

  /// `bytesSent` at which the head of the peer's final response begins.
  var responseStart: UInt64 = .max
  /// What is kept of a request that is served from a page or a file, or was redirected; nil for all
  /// others.
  var serving: ServingStatePointer?
  /// `bytesSent` at which the content of an answer of Waybill's own begins; it is written in one
  /// piece with its head.
  var ownContentStart: UInt64 = .max

  // MARK: What is left behind

  var start = Instant(nanoseconds: 0)
  var record = ExchangeRecord()
  var history = ExchangeHistory()
  /// True once its lines have been written, before its end.
  var isLogged = false
  /// What those lines say of its end.
  var loggedTermination = Termination.completed
  var capturedBuffer = Buffer.none
  var capturedCount: UInt32 = 0
  /// Bytes of them that the backend's fields take, before those sent to the client.
  var capturedUpstreamCount: UInt32 = 0
  /// What was kept of the request's content before a backend was asked. Given back at the end, so
  /// that every exchange begins without.
  var kept = KeptContent()

  /// True while the page of metrics is composed that is to be the answer.
  var isComposingPage: Bool {
    guard response == .none, let serving else { return false }
    return serving.pointee.metricsPage != nil
  }

  init(client: StreamPointer, server: Int, plan: UnsafePointer<LocationPlan>) {
    self.client = client
    self.server = server
    self.plan = plan
  }

  /// Makes a used slot as good as new. Tables that their counts guard keep their bytes.
  mutating func reset(
    client: StreamPointer, server: Int, plan: UnsafePointer<LocationPlan>
  ) {
    self.client = client
    upstream = nil
    request = .head
    response = .none
    upstreamStage = .none
    head.reset()
    headBuffer = .none
    sharesInput = false
    headByteCount = 0
    pathBuffer = .none
    pathByteCount = 0
    self.server = server
    self.plan = plan
    requestReader.reset()
    discardsContent = false
    asksForTunnel = false
    trustsForwardedFields = false
    tried.removeAll()
    replacedStaleConnection = false
    releasedPeer = true
    upstreamBytesSent = 0
    contentConsumed = false
    stopsSending = false
    responseReader.reset()
    interimCount = 0
    clientFraming = .none
    smoothWrites = 2
    closure = .none
    detachedBuffer = .none
    stages = nil
    responseStart = .max
    ownContentStart = .max
    serving = nil
    capturedBuffer = .none
    capturedCount = 0
    capturedUpstreamCount = 0
    isLogged = false
    record.reset()
    history.removeAll()
  }

  /// Decides that the client's side ends so, unless something harder has been decided.
  @inline(__always) mutating func requireClosure(_ closure: Closure) {
    if closure.rawValue > self.closure.rawValue { self.closure = closure }
  }

  /// The connection of the client's side: who the client is, and where it came in.
  var downstream: ConnectionPointer { client.pointee.connection }
}

extension UnsafeMutablePointer<Exchange> {
  /// True until it has ended: its client's side is its own.
  @inline(__always) var isLive: Bool { pointee.client.pointee.exchange == self }
}
