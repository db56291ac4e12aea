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

  /// Carries a connection with a session as far as it goes: reads, begins streams, writes.
  mutating func advanceSession(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase == .multiplexed, "advanceSession: it has no session")
    guard let link = connection.pointee.session else {
      preconditionFailure("advanceSession: there is no session")
    }
    link.pointee.session.note(second: now.nanoseconds / 1_000_000_000)
    let isRead = readSession(connection, link)
    if (isDraining || isRetiring) && !link.pointee.isEndAnnounced { announceEnd(connection, link) }
    flushSession(connection, link)
    if !isRead && link.pointee.session.queuedFrameCount <= Limits.http2QueuedFrames {
      enqueue(connection)
    }
    if link.pointee.session.hasEvents {
      obeyEvents(connection, link)
      enqueue(connection)
    }
    let isOver =
      link.pointee.isBroken || connection.pointee.flags.contains(.failed)
      || (link.pointee.streamCount == 0 && link.pointee.session.isFinished)
    if isOver { endSession(connection, link) }
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
  private mutating func announceEnd(
    _ connection: ConnectionPointer, _ link: SessionLinkPointer
  ) {
    link.pointee.isEndAnnounced = true
    link.pointee.session.announceEnd()
    if link.pointee.streamCount == 0 {
      stopWaiting(connection)
      startWaiting(connection, for: .nextRequest, atMost: Limits.endAnnouncement)
    }
  }

  /// Reads what has come. False when it stopped because the peer does not take what it has been
  /// answered.
  private mutating func readSession(
    _ connection: ConnectionPointer, _ link: SessionLinkPointer
  ) -> Bool {
    if connection.pointee.inputCount > 0 { obeyEvents(connection, link) }
    for _ in 0..<Limits.readsPerTurn where !link.pointee.isBroken {
      if link.pointee.session.queuedFrameCount > Limits.http2QueuedFrames { return false }
      switch receive(connection, .small) {
      case .bytes: obeyEvents(connection, link)
      case .nothing:
        buffers.giveBack(&connection.pointee.input)
        return true
      case .end, .failed:
        connection.pointee.flags.formUnion(.failed)
        return true
      }
    }
    enqueue(connection)
    return true
  }

  /// Acts on what has come, all of which the session takes.
  private mutating func obeyEvents(_ connection: ConnectionPointer, _ link: SessionLinkPointer) {
    var bytes = UnsafeRawBufferPointer(connection.pointee.inputBytes)
    events: while true {
      switch link.pointee.session.next(&bytes) {
      case .nothing: break events
      case .head(let number, let ends):
        beginStream(connection, link, number, ends: ends, isMalformed: false)
      case .malformed(let number):
        beginStream(connection, link, number, ends: true, isMalformed: true)
      case .content(let number, let content, let ends):
        takeContent(link, number, content, ends: ends)
      case .reset(let number): failStream(link, number)
      case .broken:
        link.pointee.isBroken = true
        report(.error, "http2", nil, connection) { line in
          line.append("the connection is ended: its client breaks the protocol or asks too much")
        }
        break events
      }
    }
    connection.pointee.inputStart = 0
    connection.pointee.inputEnd = 0
  }

  /// Writes what the session has to be written. Streams that had more may go on then.
  private mutating func flushSession(_ connection: ConnectionPointer, _ link: SessionLinkPointer) {
    for _ in 0..<Limits.readsPerTurn {
      if connection.pointee.hasOutput, case .blocked = send(connection.stream) { return }
      let output = link.pointee.session.output
      guard !output.isEmpty else { return wakeStreams(link) }
      let delivery = send(connection.stream, prefix: output)
      link.pointee.session.dropOutput(output.count)
      switch delivery {
      case .done: continue
      case .blocked: return
      case .failed:
        connection.pointee.flags.insert(.failed)
        return enqueue(connection)
      }
    }
    enqueue(connection)
  }

  private mutating func wakeStreams(_ link: SessionLinkPointer) {
    var next = link.pointee.streams
    while let place = next {
      next = place.pointee.next
      guard place.pointee.stream.hasOutput, place.pointee.stream.wait != .pause,
        link.pointee.session.maySend(place.pointee.number)
      else { continue }
      place.pointee.stream.flags.insert(.writable)
      enqueue(place.stream)
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
  private mutating func sayEnd(_ connection: ConnectionPointer, _ link: SessionLinkPointer) {
    link.pointee.session.end()
    if connection.pointee.hasOutput, case .blocked = send(connection.stream) { return }
    _ = send(connection.stream, prefix: link.pointee.session.output)
  }

  /// Frees the session of a connection that closes.
  mutating func freeSession(_ connection: ConnectionPointer, _ link: SessionLinkPointer) {
    precondition(link.pointee.streamCount == 0, "freeSession: streams are under way")
    leaveIdle(connection, link)
    connection.pointee.session = nil
    link.deinitialize(count: 1)
    link.deallocate()
  }

  // MARK: Streams

  private mutating func beginStream(
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
    } catch {
      return refuse(exchange, error)
    }
    guard !exchange.pointee.downstream.pointee.flags.contains(.refused) else {
      return refuseForRoom(exchange)
    }
    begin(exchange)
  }

  /// How the content of a request on such a stream ends, if its head does not announce its length.
  func contentFraming(_ stream: StreamPointer, _ announced: ContentFraming) -> ContentFraming {
    guard stream.pointee.isMultiplexed, announced == .none else { return announced }
    return stream.place.pointee.hasEnded ? .none : .untilClose
  }

  private mutating func takeContent(
    _ link: SessionLinkPointer, _ number: UInt32, _ content: UnsafeRawBufferPointer, ends: Bool
  ) {
    // What comes for a stream that has been answered, or has failed, is not wanted any more.
    guard let place = find(number, link), !place.pointee.stream.flags.contains(.failed) else {
      return link.pointee.session.giveCredit(number, content.count)
    }
    precondition(!place.pointee.hasEnded, "takeContent: the stream has ended")
    place.pointee.hasEnded = ends
    let stream = place.stream
    if !content.isEmpty { append(content, to: stream) }
    stream.pointee.flags.formUnion([.readable, .progressed])
    enqueue(stream)
  }

  /// Puts content behind what has come. A peer has credit for no more than a buffer holds, and the
  /// buffer stays where it is: what waits to be written to a backend lies in it.
  private mutating func append(_ content: UnsafeRawBufferPointer, to stream: StreamPointer) {
    if stream.pointee.input.isNone { stream.pointee.input = buffers.take(.medium) }
    let end = Int(stream.pointee.inputEnd)
    guard let base = stream.pointee.input.base, let source = content.baseAddress,
      content.count <= stream.pointee.input.capacity - end
    else { preconditionFailure("append: the session let more come than it gave credit for") }
    (base + end).copyMemory(from: source, byteCount: content.count)
    stream.pointee.inputEnd &+= UInt32(content.count)
  }

  /// Ends the exchange of a stream that has been reset. At once: as many may begin and be reset in
  /// one read as fit into it, and each may have a connection to a backend.
  private mutating func failStream(_ link: SessionLinkPointer, _ number: UInt32) {
    guard let place = find(number, link), !place.pointee.stream.flags.contains(.failed) else {
      return
    }
    guard let exchange = place.pointee.stream.exchange else {
      preconditionFailure("failStream: a stream without an exchange")
    }
    place.pointee.hasEnded = true
    place.pointee.stream.flags.insert(.failed)
    clientFailed(exchange)
  }

  private func find(_ number: UInt32, _ link: SessionLinkPointer) -> MultiplexedStreamPointer? {
    var next = link.pointee.streams
    while let place = next, place.pointee.number != number { next = place.pointee.next }
    return next
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

  // MARK: Reading and writing

  /// Says what has become of a stream all of whose content has been taken, and lets more come.
  mutating func receiveMultiplexed(_ stream: StreamPointer) -> Receipt {
    precondition(stream.pointee.inputCount == 0, "receive: there is content left to be taken")
    let place = stream.place
    if stream.pointee.flags.contains(.failed) {
      return .failed(KernelError(kind: .reset, code: 0))
    }
    stream.pointee.flags.remove(.readable)
    let taken = Int(stream.pointee.inputEnd)
    stream.pointee.inputStart = 0
    stream.pointee.inputEnd = 0
    buffers.giveBack(&stream.pointee.input)
    if let link = stream.pointee.connection.pointee.session, taken > 0 {
      link.pointee.session.giveCredit(place.pointee.number, taken)
      enqueue(stream.pointee.connection)
    }
    guard place.pointee.hasEnded, !stream.pointee.flags.contains(.endRead) else { return .nothing }
    stream.pointee.flags.insert(.endRead)
    return .end
  }

  /// Hands a head, if there is one, and content to the session; what it does not take waits.
  mutating func sendMultiplexed(
    _ stream: StreamPointer, _ first: UnsafeRawBufferPointer
  ) -> WriteResult {
    precondition(stream.pointee.exchange != nil, "sendMultiplexed: it has no exchange")
    if stream.pointee.isSubrequest { return takeAnswer(stream, first) }
    let connection = stream.pointee.connection
    guard let link = connection.pointee.session, !stream.pointee.flags.contains(.failed),
      !connection.pointee.flags.contains(.failed)
    else { return .failed(KernelError(kind: .reset, code: 0)) }
    let ends = isLastPiece(stream)
    var rest = first
    if stream.pointee.beginsWithHead {
      stream.pointee.beginsWithHead = false
      let isLast = ends && stream.pointee.output.payloadCount == 0
      let count = link.pointee.session.putHead(stream.place.pointee.number, first, ends: isLast)
      if isLast && count == first.count { stream.place.pointee.isEnded = true }
      rest = UnsafeRawBufferPointer(rebasing: first[count...])
    }
    let headCount = first.count - rest.count
    let allowed = max(0, mayBeSent(stream) - headCount)
    let contentCount = putContent(stream, link, rest, ends: ends, atMost: allowed)
    if contentCount > 0 { goBehind(stream, link) }
    if headCount + contentCount > 0 || allowed > 0 { enqueue(connection) }
    return .bytes(headCount + contentCount)
  }

  /// Lets the other streams of the connection write before this one does so again.
  private func goBehind(_ stream: StreamPointer, _ link: SessionLinkPointer) {
    let place = stream.place
    guard place.pointee.next != nil else { return }
    link.pointee.remove(place)
    link.pointee.append(place)
  }

  /// Hands content to the session, no more than `maximum` bytes; says how much it took.
  private mutating func putContent(
    _ stream: StreamPointer, _ link: SessionLinkPointer, _ rest: UnsafeRawBufferPointer,
    ends isEnd: Bool, atMost maximum: Int
  ) -> Int {
    let place = stream.place
    let all = stream.pointee.output.payloadBytes
    let isCut = rest.count + all.count > maximum
    let ends = isEnd && !isCut
    let rest = UnsafeRawBufferPointer(rebasing: rest[..<min(rest.count, maximum)])
    let payload = UnsafeRawBufferPointer(
      rebasing: all[..<min(all.count, maximum - rest.count)])
    precondition(!place.pointee.isEnded || rest.count + payload.count == 0, "send: it has ended")
    var taken = 0
    if !rest.isEmpty {
      let isLast = ends && payload.isEmpty
      taken = link.pointee.session.putContent(place.pointee.number, rest, ends: isLast)
      guard taken == rest.count else { return taken }
      if isLast { place.pointee.isEnded = true }
    }
    if !payload.isEmpty || (ends && !place.pointee.isEnded) {
      let count = link.pointee.session.putContent(place.pointee.number, payload, ends: ends)
      taken += count
      if ends && count == payload.count { place.pointee.isEnded = true }
    }
    return taken
  }

  /// True when nothing follows what is being sent.
  private func isLastPiece(_ stream: StreamPointer) -> Bool {
    guard let exchange = stream.pointee.exchange else { return false }
    switch exchange.pointee.response {
    case .composed: return !hasMoreOfPage(exchange)
    case .none, .pending, .content, .file, .heldBack, .tunnel, .delivering: return false
    }
  }
}
