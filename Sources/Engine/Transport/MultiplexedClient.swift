// The client's side on a connection that carries many exchanges at once. A session takes its bytes
// apart into streams; each has an exchange, which reads and writes it as it would any other stream.
// What its connection is doing concerns an exchange no more than what the others on it are doing.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  // MARK: The connection

  /// Has a session take a client's connection, on which nothing has been read.
  mutating func beginSession(_ connection: ConnectionPointer, _ session: Session) {
    precondition(connection.pointee.role == .downstream, "beginSession: not a client")
    precondition(connection.pointee.exchange == nil, "beginSession: an exchange is under way")
    precondition(connection.pointee.session == nil, "beginSession: it has one")
    let link = SessionLinkPointer.allocate(capacity: 1)
    link.initialize(to: SessionLink(session))
    connection.pointee.session = link
    connection.pointee.phase = .multiplexed
    joinIdle(connection, link)
  }

  /// Lists a connection among those that may give way. A refused one takes nobody's place.
  private mutating func joinIdle(_ connection: ConnectionPointer, _ link: SessionLinkPointer) {
    precondition(link.pointee.streamCount == 0 && !link.pointee.isListedIdle, "joinIdle: not idle")
    guard !connection.pointee.flags.contains(.refused) else { return }
    link.pointee.isListedIdle = true
    idleSessions.insertFirst(connection)
  }

  private mutating func leaveIdle(_ connection: ConnectionPointer, _ link: SessionLinkPointer) {
    guard link.pointee.isListedIdle else { return }
    link.pointee.isListedIdle = false
    idleSessions.remove(connection)
  }

  /// Ends a connection on which nothing runs, so that its place is free, unless a request has come
  /// already, unnoticed so far.
  mutating func serveOrEnd(idleSession connection: ConnectionPointer) {
    let generation = connection.pointee.generation
    connection.pointee.flags.insert(.readable)
    advanceSession(connection)
    // Its slot may have become another connection's.
    guard connection.pointee.generation == generation, let link = connection.pointee.session,
      link.pointee.isListedIdle
    else { return }
    end(idleSession: connection)
  }

  /// Ends a connection on which nothing runs, so that its place is free. A request that comes
  /// meanwhile can be sent again: the client is told that it was not served.
  mutating func end(idleSession connection: ConnectionPointer) {
    guard let link = connection.pointee.session, link.pointee.isListedIdle else {
      preconditionFailure("end: the session is not idle")
    }
    sayEnd(connection, link)
    close(connection)
  }

  /// Has the clients of all sessions asked to begin no more requests, now that the worker ends.
  mutating func announceSessionEnds() {
    precondition(isDraining || isRetiring, "announceSessionEnds: the worker does not end")
    for slot in connections.touched {
      if let connection = connections.element(at: slot), connection.pointee.phase == .multiplexed {
        enqueue(connection)
      }
    }
  }

  /// Asks a client to begin no more requests, because the worker ends, the connection has carried
  /// `keepalive_requests`, or there are too many connections. Those on their way are still served;
  /// then the connection ends.
  mutating func announceEnd(
    _ connection: ConnectionPointer, _ link: SessionLinkPointer
  ) {
    link.pointee.isEndAnnounced = true
    link.pointee.session.announceEnd()
    if link.pointee.streamCount == 0 {
      stopWaiting(connection)
      startWaiting(connection, for: .nextRequest, atMost: Limits.endAnnouncement)
    }
  }

  /// Ends a connection's session, the exchanges on it, and the connection.
  mutating func endSession(_ connection: ConnectionPointer, _ link: SessionLinkPointer) {
    precondition(connection.pointee.session == link, "endSession: another connection's session")
    let isLost = connection.pointee.flags.contains(.failed)
    if link.pointee.session.hasEvents { obeyEvents(connection, link) }
    connection.pointee.flags.insert(.failed)
    while let place = link.pointee.streams {
      guard let exchange = place.pointee.stream.exchange else {
        preconditionFailure("endSession: a stream without an exchange")
      }
      clientLeft(exchange)
      precondition(link.pointee.streams != place, "endSession: the stream is still there")
    }
    if isLost { return close(connection) }
    connection.pointee.flags.remove(.failed)
    sayEnd(connection, link)
    freeSession(connection, link)
    beginLingering(connection)
  }

  /// Tells a client why its connection ends, if it can be told at once.
  mutating func sayEnd(_ connection: ConnectionPointer, _ link: SessionLinkPointer) {
    link.pointee.session.end()
    if connection.pointee.hasOutput {
      guard case .done = send(connection.stream) else { return }
    }
    _ = send(connection.stream, prefix: link.pointee.session.output)
  }

  /// Frees the session of a connection that closes.
  mutating func freeSession(_ connection: ConnectionPointer, _ link: SessionLinkPointer) {
    precondition(link.pointee.streamCount == 0, "freeSession: streams are under way")
    if connection.pointee.role == .upstream {
      unlist(connection, link)
      link.pointee.identity?.free()
    } else {
      leaveIdle(connection, link)
    }
    connection.pointee.session = nil
    link.deinitialize(count: 1)
    link.deallocate()
  }

  // MARK: Streams

  mutating func beginStream(
    _ connection: ConnectionPointer, _ link: SessionLinkPointer, _ number: UInt32, ends: Bool,
    isMalformed: Bool
  ) {
    precondition(find(number, link) == nil, "beginStream: the number is in use")
    guard mayBeginStream(link),
      let (slot, place) = streams.take(initial: { _ in
        MultiplexedStream(number, slot: 0, of: connection)
      })
    else { return refuseStream(connection, link, number) }
    // One that has just ended may still stand among those to advance.
    let queued = place.pointee.stream.flags.intersection(.queued)
    place.pointee = MultiplexedStream(number, slot: slot, of: connection)
    place.pointee.stream.flags.formUnion(queued)
    place.pointee.hasEnded = ends
    link.pointee.append(place)
    leaveIdle(connection, link)
    stopWaiting(connection)
    let exchange = makeExchange(place.stream)
    exchange.pointee.record.stream = number
    if isMalformed { return refuseUnanswered(exchange, HTTP1Error(.malformedFields, at: 0)) }
    readHead(exchange, place, link)
  }

  /// True when there is a place for one more stream, and other connections are left theirs.
  private func mayBeginStream(_ link: SessionLinkPointer) -> Bool {
    guard exchanges.count < exchanges.capacity else { return false }
    return streams.count < streams.capacity / 2 || link.pointee.streamCount < Limits.fairStreams
  }

  /// Refuses a stream for which there is no place. The client may send its request again.
  private mutating func refuseStream(
    _ connection: ConnectionPointer, _ link: SessionLinkPointer, _ number: UInt32
  ) {
    precondition(find(number, link) == nil, "refuseStream: it has begun")
    link.pointee.session.refuse(number)
    let (isTold, untold) = streamReports.mayTell(second: wall.microseconds / 1_000_000)
    guard isTold else { return }
    report(.error, "http2", nil, connection) { line in
      line.append("stream ")
      line.append(decimal: UInt64(number))
      line.append(" is refused: too many streams are open (worker_connections)")
      if untold > 0 {
        line.append(", and ")
        line.append(decimal: untold)
        line.append(" others before it")
      }
    }
  }

  private mutating func readHead(
    _ exchange: ExchangePointer, _ place: MultiplexedStreamPointer, _ link: SessionLinkPointer
  ) {
    let limits = tables.servers[exchange.pointee.server].headLimits
    do throws(HTTP1Error) {
      let largest = link.pointee.session.largestHeadByteCount(place.pointee.number)
      guard let size = Buffer.Size(holding: largest) else { throw HTTP1Error(.headTooLarge, at: 0) }
      exchange.pointee.headBuffer = buffers.take(size)
      let memory = UnsafeMutableRawBufferPointer(exchange.pointee.headBuffer.bytes)
      let count = try link.pointee.session.takeHead(place.pointee.number, into: memory)
      precondition(count <= memory.count, "takeHead: more than there is room for")
      exchange.pointee.headByteCount = UInt32(count)
      let isWhole = try exchange.pointee.head.parse(exchange.pointee.headBytes.span, limits: limits)
      guard isWhole else { throw HTTP1Error(.malformedFields, at: count) }
      exchange.pointee.head.becomeHTTP2()
      notePriority(exchange, place)
    } catch {
      return refuse(exchange, error)
    }
    guard !exchange.pointee.downstream.pointee.flags.contains(.refused) else {
      return refuseForRoom(exchange)
    }
    begin(exchange)
  }

  /// Notes what a request's Priority field asks for (RFC 9218 section 5).
  private func notePriority(_ exchange: ExchangePointer, _ place: MultiplexedStreamPointer) {
    let bytes = exchange.pointee.headBytes.span
    for index in 0..<exchange.pointee.head.fields.count {
      let line = exchange.pointee.head.fields[index]
      guard line.nameCount == 8, StreamPriority.isField(bytes.extracting(line.name.offsets)) else {
        continue
      }
      place.pointee.priority = StreamPriority(parsing: bytes.extracting(line.value.offsets))
    }
  }

  /// How the content of a request ends: as its head announces, or with its stream. What comes
  /// behind a request for a tunnel is the tunnel's.
  @inline(__always) func contentFraming(_ exchange: ExchangePointer) -> ContentFraming {
    let announced = exchange.pointee.head.framing
    let stream = exchange.pointee.client
    guard stream.pointee.isMultiplexed, announced == .none, !exchange.pointee.asksForTunnel else {
      return announced
    }
    return stream.place.pointee.hasEnded ? .none : .untilClose
  }

  /// Frees the stream of an exchange that has ended. What had not ended of it is reset.
  mutating func endStream(_ stream: StreamPointer, _ plan: UnsafePointer<LocationPlan>) {
    precondition(stream.pointee.isMultiplexed, "endStream: it is its connection's own")
    precondition(stream.pointee.exchange == nil, "endStream: its exchange is under way")
    if stream.pointee.isSubrequest { return endSubrequestStream(stream) }
    let connection = stream.pointee.connection
    guard let link = connection.pointee.session else {
      preconditionFailure("endStream: there is no session")
    }
    let place = stream.place
    link.pointee.session.release(place.pointee.number)
    link.pointee.remove(place)
    timers.remove(stream.timer)
    stopWaiting(stream)
    buffers.giveBack(&stream.pointee.input)
    buffers.giveBack(&place.pointee.later)
    streams.release(place.pointee.slot)
    if link.pointee.streamCount == 0 {
      joinIdle(connection, link)
      let isEnding = link.pointee.isEndAnnounced
      let timeout = isEnding ? Limits.endAnnouncement : plan.pointee.keepaliveTimeout
      startWaiting(connection, for: .nextRequest, atMost: timeout)
    }
    let isWornOut =
      connection.pointee.requestCount >= plan.pointee.keepaliveRequests
      || connection.pointee.flags.contains(.refused)
    if isWornOut && !link.pointee.isEndAnnounced { announceEnd(connection, link) }
    enqueue(connection)
  }
}
