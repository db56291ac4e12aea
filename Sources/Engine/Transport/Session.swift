import Basics
import HTTP

/// What a session has found in the bytes of its connection. A stream is named by its number.
enum SessionEvent: BitwiseCopyable {
  /// No more before further bytes have come.
  case nothing
  /// A head has come whole, a request's or a response's; `takeHead` tells it. `ends` when nothing
  /// follows it.
  case head(UInt32, ends: Bool)
  /// A trailer section has come whole, with which the stream ends; `takeTrailers` tells it.
  case trailers(UInt32)
  /// A request has begun whose head breaks the protocol's rules: it has no answer, but an end.
  case malformed(UInt32)
  /// Content, in memory that is valid until the next event. `ends` when nothing follows it.
  case content(UInt32, UnsafeRawBufferPointer, ends: Bool)
  /// The stream has ended before its time.
  case reset(UInt32, StreamFailure)
  /// A backend allows another number of streams, or no more of them.
  case changed
  /// The peer breaks the protocol: the connection can't go on.
  case broken
}

/// A protocol that carries several streams over one connection, as HTTP/2 does, over memory: it
/// knows no socket, no clock, no exchange. `MultiplexedConnection.swift` is its one user.
///
/// The way in: `next` is asked until it has nothing more. The way out: what `putHead` and
/// `putContent` have taken is found in `output`, framed.
class Session {
  init() {}

  /// Takes the next event from the front of `bytes`, and those bytes with it. What is not yet an
  /// event is the session's to keep.
  func next(_ bytes: inout UnsafeRawBufferPointer) -> SessionEvent { abstract() }

  /// Says what time it is, in seconds since any moment, before bytes are handed over.
  func note(second: UInt64) {}

  /// Frames that wait to become output: what comes from the peer can make any number of them.
  var queuedFrameCount: Int { abstract() }

  /// Bytes that the head of a stream has at most, as `takeHead` writes it.
  func largestHeadByteCount(_ stream: UInt32) -> Int { abstract() }

  /// Writes the head of a stream into `memory`, as HTTP/1.1 would have it; returns its bytes.
  /// Whatever reads heads of HTTP/1.1 reads it from there, so one set of rules judges all of them.
  func takeHead(
    _ stream: UInt32, into memory: UnsafeMutableRawBufferPointer
  ) throws(HTTP1Error) -> Int { abstract() }

  /// Writes a trailer section into `memory`, as HTTP/1.1 would have it; returns its bytes.
  func takeTrailers(
    _ stream: UInt32, into memory: UnsafeMutableRawBufferPointer
  ) throws(HTTP1Error) -> Int { abstract() }

  /// Begins a stream towards a backend with the head at the front of `bytes`. Returns its number
  /// and how many bytes the head had; nil when none can be begun. With `ends` nothing follows
  /// `bytes`.
  func begin(
    _ bytes: UnsafeRawBufferPointer, ends: Bool
  ) -> (stream: UInt32, byteCount: Int)? { abstract() }

  /// How many streams a backend allows at a time: nil before it has said so, 0 when it wants no
  /// more.
  var streamLimit: Int? { abstract() }

  /// True when no more streams can be begun, whatever becomes of those that run.
  var isEndAnnounced: Bool { abstract() }

  /// Asks a backend for a sign of life.
  func ping() { abstract() }

  /// Says that content of a stream has been passed on, so that its peer may send as much again.
  func giveCredit(_ stream: UInt32, _ count: Int) { abstract() }

  /// Takes a head, or a trailer section, from the front of `bytes`: `HeadFields` reads it. Returns
  /// how many bytes it had. With `ends` nothing follows `bytes`.
  func putHead(_ stream: UInt32, _ bytes: UnsafeRawBufferPointer, ends: Bool) -> Int {
    abstract()
  }

  /// Takes content, as much as the peer may be sent now; returns how much. With `ends` nothing
  /// follows, once all of it has been taken.
  func putContent(_ stream: UInt32, _ bytes: UnsafeRawBufferPointer, ends: Bool) -> Int {
    abstract()
  }

  /// True when some content of a stream would be taken now.
  func maySend(_ stream: UInt32) -> Bool { abstract() }

  /// Forgets a stream. One that has not ended on both sides is reset.
  func release(_ stream: UInt32) { abstract() }

  /// Forgets a stream of whose request nothing has been processed: the peer may send it again.
  func refuse(_ stream: UInt32) { release(stream) }

  /// What is to be written to the connection; valid until anything else is called.
  var output: UnsafeRawBufferPointer { abstract() }

  /// Says that so many bytes of `output` have been written, or wait at the connection.
  func dropOutput(_ count: Int) { abstract() }

  /// True when something has happened while output was composed: `next` tells it without bytes.
  var hasEvents: Bool { abstract() }

  /// Asks the peer to begin no more streams; those that are on their way are still served.
  func announceEnd() { abstract() }

  /// Ends the connection: streams that have not begun by now can be begun elsewhere.
  func end() { abstract() }

  /// True when nothing more can come or leave.
  var isFinished: Bool { abstract() }

  private func abstract() -> Never { preconditionFailure("a session must say how") }
}

/// Why a stream has ended before its time.
enum StreamFailure: UInt8, BitwiseCopyable {
  case none
  /// The peer has given it up.
  case reset
  /// The peer says that it has not processed anything of it.
  case refused
  /// What came of it breaks the protocol's rules.
  case malformed
  /// Its request has a head that can't be sent.
  case headTooLarge
  /// A head or a trailer section that came is larger than allowed.
  case sectionTooLarge
  /// Its connection has ended.
  case lost
  /// Its connection's peer gives no sign of life.
  case silent
}

/// Where the session of a connection lies.
typealias SessionLinkPointer = UnsafeMutablePointer<SessionLink>

/// What a connection with a session has besides the connection itself.
struct SessionLink {
  let session: Session
  /// Its streams; the first one is the first to write.
  var streams: MultiplexedStreamPointer?
  var lastStream: MultiplexedStreamPointer?
  var streamCount = 0
  /// It stands among the worker's `idleSessions`.
  var isListedIdle = false
  /// The peer has broken the protocol.
  var isBroken = false
  /// The peer has been asked to begin no more streams.
  var isEndAnnounced = false
  /// All has been read that comes.
  var isAtEnd = false
  /// When something was read last.
  var lastRead = Instant(nanoseconds: 0)

  // Of a backend's:

  /// What its TLS was, or will be, made with; nil for a plain one.
  var identity: BackendIdentity?
  /// It stands among its peer's sessions.
  var isListed = false
  /// The backend allows another number of streams than before.
  var hasChanged = false
  /// Nothing more can be read or written: it is there for responses that have come whole.
  var isLost = false
  /// It is to be closed once what waits is written.
  var isClosing = false
  /// When a sign of life was asked for; nil before that.
  var lastPing: Instant?

  init(_ session: Session) { self.session = session }
}

/// Where one of several streams of a connection lies.
typealias MultiplexedStreamPointer = UnsafeMutablePointer<MultiplexedStream>

/// One of several streams of a connection, and its place among them.
struct MultiplexedStream: BitwiseCopyable {
  /// Must stay first: its address is the whole's.
  var stream: Stream
  var slot: UInt32
  /// Its number on the connection; 0 before a backend's has been begun.
  var number: UInt32
  /// Content in its input for which the peer has not been given credit again.
  var uncredited: UInt32 = 0
  /// What has come and found no room in its input. It is the input once that has been read.
  var later = Buffer.none
  /// Bytes of it.
  var laterCount: UInt32 = 0
  /// Content among them.
  var laterUncredited: UInt32 = 0
  /// Bytes of the trailer section at the end of what has come.
  var trailerCount: UInt32 = 0
  /// Where it stands among the connection's, as its client wishes.
  var priority = StreamPriority()
  /// What its backend was sent to begin a WebSocket that the client began without a key.
  var webSocketKey = WebSocketKey(random: (0, 0))
  /// Why it has ended before its time.
  var failure = StreamFailure.none
  /// Nothing more comes of it.
  var hasEnded = false
  /// What has been sent ends it.
  var isEnded = false
  var next: MultiplexedStreamPointer?
  var previous: MultiplexedStreamPointer?

  init(_ number: UInt32, slot: UInt32, of connection: ConnectionPointer) {
    self.number = number
    self.slot = slot
    stream = Stream(of: connection)
    stream.traits = .multiplexed
    stream.flags = .writable
  }
}

extension SessionLink {
  /// Puts a stream behind all others.
  mutating func append(_ place: MultiplexedStreamPointer) {
    precondition(place.pointee.next == nil && place.pointee.previous == nil, "append: it is listed")
    place.pointee.previous = lastStream
    if let lastStream { lastStream.pointee.next = place } else { streams = place }
    lastStream = place
    streamCount += 1
  }

  /// Takes a stream out.
  mutating func remove(_ place: MultiplexedStreamPointer) {
    precondition(streamCount > 0, "remove: there is no stream")
    let (previous, next) = (place.pointee.previous, place.pointee.next)
    if let previous { previous.pointee.next = next } else { streams = next }
    if let next { next.pointee.previous = previous } else { lastStream = previous }
    place.pointee.next = nil
    place.pointee.previous = nil
    streamCount -= 1
  }
}

extension UnsafeMutablePointer<Stream> {
  /// Its place among the streams of its connection; only for a multiplexed one.
  var place: MultiplexedStreamPointer {
    precondition(pointee.isMultiplexed, "place: the connection has no other stream")
    return UnsafeMutableRawPointer(self).assumingMemoryBound(to: MultiplexedStream.self)
  }
}

extension UnsafeMutablePointer<MultiplexedStream> {
  var stream: StreamPointer {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: Stream.self)
  }
}
