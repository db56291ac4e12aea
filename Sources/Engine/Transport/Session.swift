import HTTP

/// What a session has found in the bytes of its connection. A stream is named by its number.
enum SessionEvent: BitwiseCopyable {
  /// No more before further bytes have come.
  case nothing
  /// A request's head has come whole; `takeHead` tells it. `ends` when nothing follows it.
  case head(UInt32, ends: Bool)
  /// A request has begun whose head breaks the protocol's rules: it has no answer, but an end.
  case malformed(UInt32)
  /// Content, in memory that is valid until the next event. `ends` when nothing follows it.
  case content(UInt32, UnsafeRawBufferPointer, ends: Bool)
  /// The peer has given the stream up.
  case reset(UInt32)
  /// The peer breaks the protocol: the connection can't go on.
  case broken
}

/// A protocol that carries several streams over one connection, as HTTP/2 does, over memory: it
/// knows no socket, no clock, no exchange. `MultiplexedClient.swift` is its one user.
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

  init(_ session: Session) { self.session = session }
}

/// Where one of several streams of a connection lies.
typealias MultiplexedStreamPointer = UnsafeMutablePointer<MultiplexedStream>

/// One of several streams of a connection, and its place among them.
struct MultiplexedStream: BitwiseCopyable {
  /// Must stay first: its address is the whole's.
  var stream: Stream
  var slot: UInt32
  /// Its number on the connection.
  var number: UInt32
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
