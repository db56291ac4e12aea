// A connection that carries many exchanges at once, a client's or a backend's. A session takes its
// bytes apart into streams; each has an exchange, which reads and writes it as it would any other
// stream. `MultiplexedClient.swift` and `MultiplexedBackend.swift` know what differs.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Carries a connection with a session as far as it goes: reads, begins streams, writes.
  mutating func advanceSession(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase == .multiplexed, "advanceSession: it has no session")
    guard let link = connection.pointee.session else {
      preconditionFailure("advanceSession: there is no session")
    }
    if link.pointee.isLost { return closeLost(connection, link) }
    link.pointee.session.note(second: now.nanoseconds / 1_000_000_000)
    let isRead = readSession(connection, link)
    let isClient = connection.pointee.role == .downstream
    if isClient && (isDraining || isRetiring) && !link.pointee.isEndAnnounced {
      announceEnd(connection, link)
    }
    flushSession(connection, link)
    if !isRead && link.pointee.session.queuedFrameCount <= Limits.http2QueuedFrames {
      enqueue(connection)
    }
    if link.pointee.session.hasEvents {
      obeyEvents(connection, link)
      enqueue(connection)
    }
    if !isClient { return settleBackend(connection, link) }
    let isOver =
      link.pointee.isBroken || connection.pointee.flags.contains(.failed)
      || (link.pointee.streamCount == 0 && link.pointee.session.isFinished)
    if isOver { endSession(connection, link) }
  }

  /// Reads what has come. False when it stopped because the peer does not take what it has been
  /// answered.
  private mutating func readSession(
    _ connection: ConnectionPointer, _ link: SessionLinkPointer
  ) -> Bool {
    if connection.pointee.inputCount > 0 { obeyEvents(connection, link) }
    for _ in 0..<Limits.readsPerTurn where !link.pointee.isBroken {
      let queued = link.pointee.session.queuedFrameCount
      if queued > Limits.http2QueuedFrames, !connection.pointee.flags.contains(.failed) {
        return false
      }
      switch receive(connection, .small) {
      case .bytes:
        link.pointee.lastRead = now
        obeyEvents(connection, link)
      case .nothing:
        buffers.giveBack(&connection.pointee.input)
        return true
      case .end, .failed:
        link.pointee.isAtEnd = true
        connection.pointee.flags.formUnion(.failed)
        return true
      }
    }
    enqueue(connection)
    return true
  }

  /// Acts on what has come, all of which the session takes.
  mutating func obeyEvents(_ connection: ConnectionPointer, _ link: SessionLinkPointer) {
    var bytes = UnsafeRawBufferPointer(connection.pointee.inputBytes)
    events: while true {
      switch link.pointee.session.next(&bytes) {
      case .nothing: break events
      case .head(let number, let ends) where connection.pointee.role == .upstream:
        takeResponseHead(link, number, ends: ends)
      case .head(let number, let ends):
        beginStream(connection, link, number, ends: ends, isMalformed: false)
      case .malformed(let number):
        beginStream(connection, link, number, ends: true, isMalformed: true)
      case .content(let number, let content, let ends):
        takeContent(link, number, content, ends: ends)
      case .trailers(let number): takeTrailers(link, number)
      case .reset(let number, let failure): failStream(link, number, failure)
      case .changed: link.pointee.hasChanged = true
      case .broken:
        link.pointee.isBroken = true
        let isClient = connection.pointee.role == .downstream
        report(.error, "http2", nil, connection) { line in
          line.append("the connection is ended: its ")
          line.append(isClient ? "client" : "backend")
          line.append(" breaks the protocol or asks too much")
        }
        break events
      }
    }
    connection.pointee.inputStart = 0
    connection.pointee.inputEnd = 0
  }

  /// Writes what the session has to be written. Streams that had more may go on then.
  private mutating func flushSession(_ connection: ConnectionPointer, _ link: SessionLinkPointer) {
    // Where nothing can be written any more, what is left to be read decides.
    guard !connection.pointee.flags.contains(.failed) else { return }
    for _ in 0..<Limits.readsPerTurn {
      if connection.pointee.hasOutput {
        switch send(connection.stream) {
        case .done: break
        case .blocked: return
        case .failed: return failWriting(connection)
        }
      }
      let output = link.pointee.session.output
      guard !output.isEmpty else { return wakeStreams(link) }
      let delivery = send(connection.stream, prefix: output)
      link.pointee.session.dropOutput(output.count)
      switch delivery {
      case .done: continue
      case .blocked: return
      case .failed: return failWriting(connection)
      }
    }
    enqueue(connection)
  }

  private mutating func failWriting(_ connection: ConnectionPointer) {
    connection.pointee.flags.insert(.failed)
    enqueue(connection)
  }

  /// Lets the most urgent of the streams go on that have something to be written: all of them in
  /// turn, or the first alone if its client wants one response after the other.
  private mutating func wakeStreams(_ link: SessionLinkPointer) {
    var most = UInt8.max
    var next = link.pointee.streams
    while let place = next {
      next = place.pointee.next
      if mayGoOn(place, link) { most = min(most, place.pointee.priority.urgency) }
    }
    guard most != .max else { return }
    next = link.pointee.streams
    var isFirst = true
    while let place = next {
      next = place.pointee.next
      guard place.pointee.priority.urgency == most, mayGoOn(place, link) else { continue }
      guard isFirst || place.pointee.priority.isIncremental else { continue }
      place.pointee.stream.flags.insert(.writable)
      enqueue(place.stream)
      if !place.pointee.priority.isIncremental { return }
      isFirst = false
    }
  }

  /// True for a stream that has something to be written and may write it.
  private func mayGoOn(_ place: MultiplexedStreamPointer, _ link: SessionLinkPointer) -> Bool {
    guard place.pointee.stream.hasOutput, place.pointee.stream.wait != .pause,
      // It waits for its log line, whatever the connection takes.
      place.pointee.stream.exchange?.pointee.response != .heldBack
    else { return false }
    return link.pointee.session.maySend(place.pointee.number)
  }

  // MARK: What comes for a stream

  private mutating func takeContent(
    _ link: SessionLinkPointer, _ number: UInt32, _ content: UnsafeRawBufferPointer, ends: Bool
  ) {
    // What comes for a stream that has been answered, or has failed, is not wanted any more.
    guard let place = find(number, link), place.pointee.failure == .none,
      !place.pointee.stream.flags.contains(.failed)
    else { return link.pointee.session.giveCredit(number, content.count) }
    precondition(!place.pointee.hasEnded, "takeContent: the stream has ended")
    place.pointee.hasEnded = ends
    let stream = place.stream
    if !content.isEmpty {
      guard let room = makeRoom(content.count, at: stream, isContent: true) else {
        return failStream(link, number, .sectionTooLarge)
      }
      room.copyMemory(from: content)
      noteArrival(content.count, at: stream, isContent: true)
    }
    stream.pointee.flags.formUnion([.readable, .progressed])
    enqueue(stream)
  }

  /// Puts the stream's trailer section behind its content, where those who read it find it.
  private mutating func takeTrailers(_ link: SessionLinkPointer, _ number: UInt32) {
    guard let place = find(number, link), place.pointee.failure == .none else { return }
    precondition(!place.pointee.hasEnded, "takeTrailers: the stream has ended")
    place.pointee.hasEnded = true
    let stream = place.stream
    if awaitsTrailers(stream) {
      guard let count = takeSection(link, number, into: stream, isTrailers: true) else {
        return refuseTrailers(stream, link, number)
      }
      place.pointee.trailerCount = count
    }
    stream.pointee.flags.formUnion([.readable, .progressed])
    enqueue(stream)
  }

  /// Ends an exchange whose trailer section is larger than allowed.
  private mutating func refuseTrailers(
    _ stream: StreamPointer, _ link: SessionLinkPointer, _ number: UInt32
  ) {
    guard stream.pointee.connection.pointee.role == .downstream,
      let exchange = stream.pointee.exchange
    else { return failStream(link, number, .sectionTooLarge) }
    refuseContent(exchange, HTTP1Error(.invalidTrailer, at: 0))
  }

  /// False where content of a known length, or none, has been promised: trailers behind it may be
  /// dropped (RFC 9110 section 6.5.1).
  private func awaitsTrailers(_ stream: StreamPointer) -> Bool {
    guard let exchange = stream.pointee.exchange else { return false }
    if stream == exchange.pointee.client {
      return exchange.pointee.requestReader.framing == .untilEnd
    }
    return exchange.pointee.upstreamStage == .awaitingHead
      || exchange.pointee.upstreamStage == .content
  }

  /// Writes a section of fields behind what has come of a stream, in HTTP/1.1's words; says how
  /// many bytes it has. Nil when there is no room for it, or it is larger than allowed.
  mutating func takeSection(
    _ link: SessionLinkPointer, _ number: UInt32, into stream: StreamPointer, isTrailers: Bool
  ) -> UInt32? {
    let largest = link.pointee.session.largestHeadByteCount(number)
    guard let memory = makeRoom(largest, at: stream, isContent: false) else { return nil }
    do throws(HTTP1Error) {
      let count =
        isTrailers
        ? try link.pointee.session.takeTrailers(number, into: memory)
        : try link.pointee.session.takeHead(number, into: memory)
      noteArrival(count, at: stream, isContent: false)
      return UInt32(count)
    } catch {
      return nil
    }
  }

  /// Finds room for so many bytes behind what has come of a stream; nil when no buffer is large
  /// enough. The buffer that is being read stays where it is: what waits to be written on the other
  /// side lies in it. What it has no room for goes into a second one, which becomes the first when
  /// that has been read.
  private mutating func makeRoom(
    _ count: Int, at stream: StreamPointer, isContent: Bool
  ) -> UnsafeMutableRawBufferPointer? {
    let place = stream.place
    if place.pointee.later.isNone {
      if stream.pointee.input.isNone {
        let wanted = isContent ? max(count, Limits.mediumBufferBytes) : count
        guard let size = Buffer.Size(holding: wanted) else { return nil }
        stream.pointee.input = buffers.take(size)
        stream.pointee.inputStart = 0
        stream.pointee.inputEnd = 0
      }
      if let room = stream.pointee.input.room(behind: Int(stream.pointee.inputEnd), count) {
        return room
      }
    }
    let end = Int(place.pointee.laterCount)
    if let room = place.pointee.later.room(behind: end, count) { return room }
    guard let size = Buffer.Size(holding: end + count) else { return nil }
    let larger = buffers.take(size)
    if let old = place.pointee.later.base { larger.base?.copyMemory(from: old, byteCount: end) }
    buffers.giveBack(&place.pointee.later)
    place.pointee.later = larger
    return larger.room(behind: end, count)
  }

  /// Counts bytes that have been put where `makeRoom` found room for them.
  private func noteArrival(_ count: Int, at stream: StreamPointer, isContent: Bool) {
    let place = stream.place
    let content = isContent ? UInt32(count) : 0
    if place.pointee.later.isNone {
      stream.pointee.inputEnd &+= UInt32(count)
      place.pointee.uncredited &+= content
    } else {
      place.pointee.laterCount &+= UInt32(count)
      place.pointee.laterUncredited &+= content
    }
  }

  /// Ends a stream before its time. Whoever reads a backend's finds that out behind what has come
  /// before. The exchange of a client's ends at once: as many may begin and be reset in one read as
  /// fit into it, and each may have a connection to a backend.
  mutating func failStream(
    _ link: SessionLinkPointer, _ number: UInt32, _ failure: StreamFailure
  ) {
    guard let place = find(number, link), place.pointee.failure == .none,
      !place.pointee.stream.flags.contains(.failed)
    else { return }
    place.pointee.hasEnded = true
    place.pointee.failure = failure
    place.pointee.stream.flags.formUnion([.failed, .readable])
    guard place.pointee.stream.connection.pointee.role == .upstream else {
      guard let exchange = place.pointee.stream.exchange else {
        preconditionFailure("failStream: a stream without an exchange")
      }
      return clientFailed(exchange)
    }
    // It is not as if its connection had turned out to be closed.
    place.pointee.stream.flags.remove(.reused)
    enqueue(place.stream)
  }

  func find(_ number: UInt32, _ link: SessionLinkPointer) -> MultiplexedStreamPointer? {
    var next = link.pointee.streams
    while let place = next, place.pointee.number != number { next = place.pointee.next }
    return next
  }
}

extension Buffer {
  /// What is free behind its first `count` bytes; nil when that is less than `needed`.
  fileprivate func room(behind count: Int, _ needed: Int) -> UnsafeMutableRawBufferPointer? {
    guard let base, capacity - count >= needed else { return nil }
    return UnsafeMutableRawBufferPointer(start: base + count, count: capacity - count)
  }
}
