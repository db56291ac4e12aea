import Basics
import HTTP
import Platform

/// Where a connection lies; valid while its slot is taken.
typealias ConnectionPointer = UnsafeMutablePointer<Connection>

/// A socket and what is on the wire: of a client (downstream) or of a backend (upstream).
///
/// Plain values in a slot. An idle one holds no buffer and no exchange, so that ten thousand of
/// them cost little; a test pins the size.
struct Connection: BitwiseCopyable {
  /// The stream that it carries itself: what its exchange sees of it, one exchange after the other.
  /// Must stay first: its address is the connection's.
  var stream: Stream
  /// Which side it is on.
  enum Role: UInt8, BitwiseCopyable { case downstream, upstream }

  /// What it is doing.
  enum Phase: UInt8, BitwiseCopyable {
    /// Its slot is free.
    case closed
    /// Downstream: the PROXY protocol's header is awaited.
    case proxyHeader
    /// Both: the TLS handshake is under way. Upstream an exchange waits for it.
    case handshake
    /// Downstream: its first bytes will tell which version of HTTP it speaks.
    case preface
    /// Downstream: kept alive, no byte of a request has come. Upstream: in the pool.
    case idle
    /// Downstream: a request's head is being read.
    case requestHead
    /// Both: an exchange uses it.
    case exchange
    /// Downstream: the last response is sent; what still comes is thrown away.
    case lingering
    /// Upstream: being made.
    case connecting
    /// Downstream: a session carries any number of exchanges on it.
    case multiplexed
  }

  /// What is known of the socket.
  struct Flags: OptionSet, BitwiseCopyable {
    let rawValue: UInt16
    /// A read may find something.
    static let readable = Flags(rawValue: 1)
    /// A write may find room.
    static let writable = Flags(rawValue: 2)
    /// The kernel said that the peer has ended its stream; a read will find the end.
    static let endAnnounced = Flags(rawValue: 4)
    /// A read has found the end.
    static let endRead = Flags(rawValue: 8)
    /// The kernel said that the socket is broken or over.
    static let failed = Flags(rawValue: 16)
    /// It stands in the list of connections to advance.
    static let queued = Flags(rawValue: 32)
    /// Bytes moved since its deadline was set.
    static let progressed = Flags(rawValue: 64)
    /// Upstream: it has carried an exchange before this one.
    static let reused = Flags(rawValue: 128)
    /// We have ended our stream.
    static let endWritten = Flags(rawValue: 256)
    /// Downstream: it does not count any more, for it is only answered: with 503 when it was
    /// accepted beyond the limit, with 408 when it makes room for another one.
    static let refused = Flags(rawValue: 512)
    /// Downstream: a PROXY protocol header has named the client.
    static let announced = Flags(rawValue: 1024)
    /// Sealed bytes wait at its TLS link.
    static let sealed = Flags(rawValue: 2048)
    /// Downstream: it spoke HTTP without TLS where TLS is spoken.
    static let plainOnSecure = Flags(rawValue: 4096)
    /// Downstream: bytes of its next request came before the response to the last one was complete.
    static let pipelined = Flags(rawValue: 8192)
    /// Downstream: it stands in the list of clients that others may replace.
    static let reusable = Flags(rawValue: 16384)
    /// Downstream: it makes room for another one, so it does not linger.
    static let givesWay = Flags(rawValue: 32768)

    /// The kernel has reported something of the peer's doing.
    static let happened: Flags = [.readable, .endAnnounced, .failed]
  }

  /// What its deadline is for.
  enum Wait: UInt8, BitwiseCopyable {
    case nothing
    case proxyHeader, handshake, firstRequest, nextRequest, requestHead, requestContent, clientSend
    case connect, upstreamSend, upstreamRead, poolIdle, tunnel, lingering, halfClosed
    case admission
    /// Downstream: the address of a backend's name.
    case name
    /// The response has had its share of `limit_rate` for now.
    case pause
    /// Upstream: something of a backend that has several requests.
    case signOfLife
  }

  var descriptor = Descriptor.none
  var slot: UInt32
  var generation: UInt32 = 0
  var role = Role.downstream
  var phase = Phase.closed
  /// Downstream: index of the listener. Upstream: index of the upstream.
  var origin: UInt32 = 0
  /// Upstream: index of the peer.
  var peerIndex: UInt32 = 0
  /// Requests that it has carried.
  var requestCount: UInt32 = 0
  /// Unique in the process, from 1.
  var number: UInt64 = 0
  /// Downstream: the socket's peer.
  var peer = PeerAddress.unix
  /// Downstream: the client that a PROXY protocol header names, else the same as `peer`.
  var announcedClient = PeerAddress.unix
  /// Its TLS; nil for a plain one.
  var tls: TLSLinkPointer?
  /// What carries several streams on it; nil for one that carries one exchange after the other.
  var session: SessionLinkPointer?

  /// Neighbours in the list that it stands in: idle clients, reusable clients, or a peer's pool.
  var next: ConnectionPointer?
  var previous: ConnectionPointer?

  /// A new one in the slot of that number, which lies at `place`.
  init(slot: UInt32, at place: ConnectionPointer) {
    self.slot = slot
    stream = Stream(of: place)
  }

  /// The word that the kernel reports its readiness under. A stale report of a reused slot carries
  /// an old generation and is dropped.
  var token: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}

/// Connections in the order in which they came in; the oldest is last.
struct ConnectionList: BitwiseCopyable {
  private(set) var first: ConnectionPointer?
  private(set) var last: ConnectionPointer?
  private(set) var count = 0

  mutating func insertFirst(_ connection: ConnectionPointer) {
    connection.pointee.previous = nil
    connection.pointee.next = first
    if let first { first.pointee.previous = connection } else { last = connection }
    first = connection
    count &+= 1
  }

  mutating func remove(_ connection: ConnectionPointer) {
    let next = connection.pointee.next
    let previous = connection.pointee.previous
    if let previous { previous.pointee.next = next } else { first = next }
    if let next { next.pointee.previous = previous } else { last = previous }
    connection.pointee.next = nil
    connection.pointee.previous = nil
    count &-= 1
  }
}
