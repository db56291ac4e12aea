import Basics
import Platform

/// Where a stream lies; valid while its connection, or its place among the streams, is taken.
typealias StreamPointer = UnsafeMutablePointer<Stream>

/// One side of one exchange: what has come of it, what waits to leave, and what is waited for.
///
/// An exchange has two, its client's and its backend's. It knows nothing else of the way that its
/// bytes take. In HTTP/1 a connection carries one exchange after the other, on its own stream,
/// which lies in it. On a connection with many exchanges at once each has a stream of its own
/// (`isMultiplexed`), and the connection's own stream carries what its session reads and writes.
struct Stream: BitwiseCopyable {
  /// Must stay first: a timer's address is its stream's.
  var timer = Timer(.stream)
  /// The connection that carries it.
  var connection: ConnectionPointer
  var exchange: ExchangePointer?
  /// Bytes that have come and are not yet consumed: `input[inputStart..<inputEnd]`.
  var input = Buffer.none
  var inputStart: UInt32 = 0
  var inputEnd: UInt32 = 0
  /// What waits to be written.
  var output = Outbound()
  var flags: Connection.Flags = []
  /// What its deadline is for.
  var wait = Connection.Wait.nothing
  /// What sets it apart from the stream of a connection that goes as fast as it can.
  struct Traits: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    /// It is one of several streams of a connection that has a session.
    static let multiplexed = Traits(rawValue: 1)
    /// It is a client's, and its response is sent no faster than `limit_rate` says.
    static let paced = Traits(rawValue: 2)
  }

  var traits: Traits = []
  /// True for the client's side of a subrequest, which is no client's: see `Subrequest`.
  var isSubrequest = false
  /// How many heads, or trailer sections, what is sent next begins with; only on a multiplexed one.
  var headCount: UInt8 = 0

  init(of connection: ConnectionPointer) { self.connection = connection }

  /// True for one of several streams of a connection that has a session.
  @inline(__always) var isMultiplexed: Bool { traits.contains(.multiplexed) }

  /// True while a response is sent no faster than `limit_rate` says.
  var isPaced: Bool {
    get { traits.contains(.paced) }
    set { if newValue { traits.insert(.paced) } else { traits.remove(.paced) } }
  }

  var deadline: Instant {
    get { timer.deadline }
    set { timer.deadline = newValue }
  }

  /// True when something waits to be written.
  var hasOutput: Bool { !output.isEmpty || flags.contains(.sealed) }

  /// Bytes that have come and are not yet consumed.
  var inputCount: Int { Int(inputEnd &- inputStart) }

  /// The same bytes.
  var inputBytes: UnsafeBufferPointer<UInt8> {
    guard let base = input.base else { return UnsafeBufferPointer(start: nil, count: 0) }
    return UnsafeBufferPointer(
      start: (base + Int(inputStart)).assumingMemoryBound(to: UInt8.self), count: inputCount)
  }

  /// The same bytes, to be decoded in place.
  var mutableInputBytes: UnsafeMutableBufferPointer<UInt8> {
    UnsafeMutableBufferPointer(mutating: inputBytes)
  }
}

extension UnsafeMutablePointer<Connection> {
  /// The stream that lies in the connection, as its first field.
  @inline(__always) var stream: StreamPointer {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: Stream.self)
  }
}

extension UnsafeMutablePointer<Stream> {
  /// Its timer, which is its first field.
  @inline(__always) var timer: TimerPointer {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: Timer.self)
  }
}

extension UnsafeMutablePointer<Timer> {
  /// The stream whose timer it is; only for one that a stream owns.
  @inline(__always) var stream: StreamPointer {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: Stream.self)
  }
}

/// What the wire's own code sees of a connection's own stream.
extension Connection {
  @inline(__always) var exchange: ExchangePointer? {
    get { stream.exchange }
    set { stream.exchange = newValue }
  }
  @inline(__always) var flags: Flags {
    get { stream.flags }
    _modify { yield &stream.flags }
  }
  @inline(__always) var wait: Wait {
    get { stream.wait }
    set { stream.wait = newValue }
  }
  @inline(__always) var deadline: Instant {
    get { stream.timer.deadline }
    set { stream.timer.deadline = newValue }
  }
  @inline(__always) var input: Buffer {
    get { stream.input }
    _modify { yield &stream.input }
  }
  @inline(__always) var inputStart: UInt32 {
    get { stream.inputStart }
    _modify { yield &stream.inputStart }
  }
  @inline(__always) var inputEnd: UInt32 {
    get { stream.inputEnd }
    _modify { yield &stream.inputEnd }
  }
  @inline(__always) var output: Outbound {
    get { stream.output }
    _modify { yield &stream.output }
  }
  @inline(__always) var hasOutput: Bool { stream.hasOutput }
  @inline(__always) var inputCount: Int { stream.inputCount }
  @inline(__always) var inputBytes: UnsafeBufferPointer<UInt8> { stream.inputBytes }
}
