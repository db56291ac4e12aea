// The client's side of a subrequest. There is no client: what would be sent to one is looked at and
// thrown away.

import Basics
import HTTP
import Platform
import Policy

/// Where a subrequest lies; valid until its exchange has ended.
typealias SubrequestPointer = UnsafeMutablePointer<Subrequest>

/// What a subrequest is for.
enum SubrequestPurpose: UInt8, BitwiseCopyable {
  /// `auth_request`: its status says whether the request that it belongs to may come in.
  case authorization
  /// `mirror`: a copy of the request, whose answer nobody waits for.
  case mirror
}

/// An exchange that Waybill begins itself, in a request's name: with its ID, its client and its
/// fields, for another location. It is a stream of no session, beside a copy of what there is to
/// know of the client's connection, so that it may go on when that has been closed.
struct Subrequest: BitwiseCopyable {
  /// Must stay first: its stream's address is the whole's.
  var place: MultiplexedStream
  var connection: Connection
  let purpose: SubrequestPurpose
  /// The request that waits for its answer; nil once that is known, or not awaited any more.
  var parent: ExchangePointer?
  /// Bytes of content that were thrown away.
  var contentCount = 0

  init(_ purpose: SubrequestPurpose, slot: UInt32, at place: SubrequestPointer) {
    self.purpose = purpose
    connection = Connection(slot: 0, at: place.connection)
    self.place = MultiplexedStream(0, slot: slot, of: place.connection)
    self.place.stream.isSubrequest = true
    self.place.hasEnded = true
  }
}

extension UnsafeMutablePointer<Subrequest> {
  var stream: StreamPointer {
    UnsafeMutableRawPointer(self).assumingMemoryBound(to: Stream.self)
  }

  /// The copy of the connection that lies in it.
  var connection: ConnectionPointer {
    guard let offset = MemoryLayout<Subrequest>.offset(of: \.connection) else {
      preconditionFailure("connection: it has no place of its own")
    }
    return (UnsafeMutableRawPointer(self) + offset).assumingMemoryBound(to: Connection.self)
  }
}

extension UnsafeMutablePointer<Stream> {
  /// Its subrequest; only for the client's side of one.
  var subrequest: SubrequestPointer {
    precondition(pointee.isSubrequest, "subrequest: a client's stream")
    return UnsafeMutableRawPointer(self).assumingMemoryBound(to: Subrequest.self)
  }
}

extension Worker where K: ~Copyable {
  /// Takes a place for a subrequest of a client on `connection`; nil when there is none.
  mutating func takeSubrequest(
    _ purpose: SubrequestPurpose, of connection: ConnectionPointer
  ) -> SubrequestPointer? {
    guard exchanges.count < exchanges.capacity,
      let (slot, subrequest) = subrequests.take(initial: { Subrequest(purpose, slot: 0, at: $0) })
    else { return nil }
    // One that has just ended may still stand among those to advance.
    let queued = subrequest.pointee.place.stream.flags.intersection(.queued)
    subrequest.pointee = Subrequest(purpose, slot: slot, at: subrequest)
    subrequest.pointee.place.stream.flags.formUnion(queued)
    subrequest.pointee.connection.phase = .exchange
    subrequest.pointee.connection.origin = connection.pointee.origin
    subrequest.pointee.connection.number = connection.pointee.number
    subrequest.pointee.connection.peer = connection.pointee.peer
    subrequest.pointee.connection.announcedClient = connection.pointee.announcedClient
    subrequest.pointee.connection.requestCount = connection.pointee.requestCount
    return subrequest
  }

  /// Takes what would be sent to a client. Of content that nobody reads only so much is awaited as
  /// lets the backend's connection be used again.
  mutating func takeAnswer(
    _ stream: StreamPointer, _ first: UnsafeRawBufferPointer
  ) -> WriteResult {
    precondition(stream.pointee.isSubrequest, "takeAnswer: a client's stream")
    guard !stream.pointee.flags.contains(.failed) else {
      return .failed(KernelError(kind: .reset, code: 0))
    }
    let subrequest = stream.subrequest
    let payloadCount = stream.pointee.output.payloadBytes.count
    var headCount = 0
    while stream.pointee.headCount > 0 {
      stream.pointee.headCount &-= 1
      headCount += takeAnswerHead(stream, UnsafeRawBufferPointer(rebasing: first[headCount...]))
    }
    subrequest.pointee.contentCount += first.count - headCount + payloadCount
    if subrequest.pointee.contentCount > Limits.subrequestContentBytes {
      stream.pointee.flags.insert(.failed)
      enqueue(stream)
    }
    return .bytes(first.count + payloadCount)
  }

  /// Reads the head of an answer; returns its bytes.
  private mutating func takeAnswerHead(
    _ stream: StreamPointer, _ bytes: UnsafeRawBufferPointer
  ) -> Int {
    guard let exchange = stream.pointee.exchange else {
      preconditionFailure("takeAnswerHead: it has no exchange")
    }
    var fields = HeadFields(bytes)
    // A trailer section has no status.
    var status: UInt16 = 0
    var rest = fields
    if let line = fields.next() {
      if line.name.first == UInt8(ascii: ":") {
        status = line.value.reduce(UInt16(0)) { $0 &* 10 &+ UInt16($1 &- UInt8(ascii: "0")) }
      }
      rest = fields
      while fields.next() != nil {}
    }
    if status >= 200 { answered(exchange, status, rest) }
    return fields.byteCount
  }

  /// Frees the place of a subrequest whose exchange has ended.
  mutating func endSubrequestStream(_ stream: StreamPointer) {
    precondition(stream.pointee.exchange == nil, "endSubrequestStream: it is under way")
    let subrequest = stream.subrequest
    precondition(subrequest.pointee.parent == nil, "endSubrequestStream: it is waited for")
    timers.remove(stream.timer)
    stopWaiting(stream)
    buffers.giveBack(&stream.pointee.input)
    subrequests.release(subrequest.pointee.place.slot)
  }
}
