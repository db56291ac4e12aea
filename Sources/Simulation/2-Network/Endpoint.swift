import Basics
import HTTP
import Platform

/// One end of a simulated connection: its socket buffers and what has happened to it.
///
/// A byte that is written lies in the writer's `underWay` until it is delivered into the reader's
/// `received`; delivery is what TCP acknowledges. Both ends are entries of the world's table and
/// know each other by number, so there is no graph of objects.
struct Endpoint {
  typealias ID = Int

  /// Who holds this end.
  enum Owner: Equatable {
    /// The program under test, by this descriptor.
    case program(Descriptor)
    /// A listening socket's queue.
    case listener(Int)
    /// A scripted client or backend.
    case peer(Int)
    /// Nobody any more; what is under way still arrives.
    case nobody
  }

  /// How far the connection is.
  enum Stage {
    /// No answer has come yet.
    case connecting
    /// Bytes flow.
    case established
    /// It was refused or reset: nothing flows in either direction.
    case broken
  }

  /// The other end.
  let peer: ID
  let isUnix: Bool
  var owner: Owner
  var stage = Stage.connecting
  /// What this end is called.
  var localAddress: PeerAddress
  /// What the other end is called.
  var remoteAddress: PeerAddress

  var received = ByteBacklog()
  var receiveBuffer: Int
  /// The peer's end of stream has arrived behind `received`.
  var hasReceivedEnd = false

  var underWay = ByteBacklog()
  var sendBuffer: Int
  /// No more will be written: an end of stream follows what is under way.
  var hasFinished = false
  /// That end of stream has arrived.
  var endIsDelivered = false
  /// Bytes that the holder of this end has read, and written.
  var readCount = 0
  var writtenCount = 0
  /// The holder was told of bytes that it has not read yet.
  var hasReportedUnread = false
  /// Where in what was written a write began while that was so.
  var writesOverUnread: [Int] = []
  /// The program took it from a listener.
  var wasAccepted = false
  /// Which of the connections that the program accepted and watched this is.
  var admission: Admission?
  /// Bytes that were under way when the connection broke: never acknowledged.
  var lost = 0

  /// What SO_ERROR holds.
  var error: KernelError?
  /// A write or a poll has found too little room: its coming back is an event (SOCK_NOSPACE).
  var awaitsRoom = false
  /// A fault withholds the room that there is.
  var isSqueezed = false
  var isDeliveryScheduled = false
  /// The host is gone: nothing from this end arrives, and nothing that comes is answered.
  var hasVanished = false

  /// Bytes that may be written now.
  var room: Int { isSqueezed ? 0 : max(0, sendBuffer - underWay.count) }

  /// Linux says "writable" only when a third of the buffer is free, though a write takes what fits.
  var hasWorthwhileRoom: Bool { !isSqueezed && room * 3 >= sendBuffer }

  /// Everything was sent and delivered, its end included.
  var hasNothingToDeliver: Bool { underWay.isEmpty && (!hasFinished || endIsDelivered) }

  /// What epoll would report, as `tcp_poll` computes it.
  var readiness: KernelEvent.Readiness {
    switch stage {
    case .connecting: return []
    case .broken: return [.readable, .writable, .peerClosed, .failed]
    case .established: break
    }
    var readiness: KernelEvent.Readiness = []
    if !received.isEmpty { readiness.insert(.readable) }
    if hasReceivedEnd { readiness.formUnion([.readable, .peerClosed]) }
    if hasFinished || hasWorthwhileRoom { readiness.insert(.writable) }
    if hasFinished && hasReceivedEnd || error != nil { readiness.insert(.failed) }
    return readiness
  }
}
