// The backend's side on a connection that carries many exchanges at once: a request waits until the
// backend has said how many it allows, then it goes; what carries nothing any more is kept or
// closed; what is lost ends what runs on it.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  // MARK: Sending requests

  /// Sends the request of an exchange that has a place.
  mutating func sendRequest(
    _ exchange: ExchangePointer, _ place: MultiplexedStreamPointer
  ) {
    precondition(place.pointee.number == 0, "sendRequest: it has been sent")
    place.pointee.stream.connection.pointee.requestCount &+= 1
    stopWaiting(place.stream)
    exchange.pointee.upstreamStage = .awaitingHead
    sendRequest(exchange)
  }

  /// Acts on what a backend allows now: as many requests as it allows go, others look for another
  /// connection. When it allows none at all they wait here for a better moment.
  private mutating func serveWaiting(
    _ connection: ConnectionPointer, _ link: SessionLinkPointer
  ) {
    let limit = min(link.pointee.session.streamLimit ?? 0, Limits.http2BackendStreams)
    let isEnding = link.pointee.session.isEndAnnounced
    if !isEnding, limit > 0 { upstreams.setStreamLimit(limit, of: connection) }
    if isEnding { unlist(connection, link) }
    var running = 0
    var next = link.pointee.streams
    while let place = next {
      next = place.pointee.next
      if !isWaiting(place) { running += 1 }
    }
    next = link.pointee.streams
    while let place = next {
      next = place.pointee.next
      guard isWaiting(place), let exchange = place.pointee.stream.exchange else { continue }
      if running < limit {
        running += 1
        let time = kernel.now() - exchange.pointee.tryStart
        exchange.pointee.record.upstreamConnect = time
        upstreamCounters(exchange).measure(UpstreamCells.connects, time)
        note(.connected, exchange)
        sendRequest(exchange, place)
      } else if isEnding {
        tryFailed(exchange, .refused, .connectionTerminated)
      } else if limit > 0 {
        moveElsewhere(exchange, place)
      }
    }
  }

  private func isWaiting(_ place: MultiplexedStreamPointer) -> Bool {
    place.pointee.stream.exchange?.pointee.upstreamStage == .connecting
  }

  /// Has an exchange whose request has not gone yet look for another connection to its peer.
  private mutating func moveElsewhere(
    _ exchange: ExchangePointer, _ place: MultiplexedStreamPointer
  ) {
    exchange.pointee.upstream = nil
    exchange.pointee.upstreamStage = .none
    endBackendStream(place.stream)
    joinSession(exchange)
  }

  /// Frees the stream of a try that has ended. What had not ended of it is reset.
  @inline(never) mutating func endBackendStream(_ stream: StreamPointer) {
    let connection = stream.pointee.connection
    guard let link = connection.pointee.session else {
      preconditionFailure("endBackendStream: there is no session")
    }
    let place = stream.place
    stream.pointee.exchange = nil
    if place.pointee.number != 0 { link.pointee.session.release(place.pointee.number) }
    link.pointee.remove(place)
    timers.remove(stream.timer)
    stopWaiting(stream)
    buffers.giveBack(&stream.pointee.input)
    buffers.giveBack(&place.pointee.later)
    buffers.giveBack(&stream.pointee.output.held)
    stream.pointee.output = Outbound()
    streams.release(place.pointee.slot)
    if link.pointee.streamCount == 0 && !link.pointee.isLost {
      guard connection.pointee.phase == .multiplexed else { return closeBackend(connection) }
      joinIdleSessions(connection, link)
    }
    enqueue(connection)
  }

  // MARK: Idle connections, and those that end

  /// A connection that carries nothing any more is kept for the next request, or closed.
  private mutating func joinIdleSessions(
    _ connection: ConnectionPointer, _ link: SessionLinkPointer
  ) {
    let upstream = Int(connection.pointee.origin)
    let kept = tables.upstreams[upstream].idleConnections
    guard upstreams.idleSessionCount(of: upstream) < kept, takesConnections, link.pointee.isListed,
      link.pointee.session.streamLimit != nil,
      connection.pointee.requestCount < tables.upstreams[upstream].keepaliveRequests
    else {
      link.pointee.isClosing = true
      return
    }
    link.pointee.isListedIdle = true
    countIdle(connection, by: 1)
    upstreams.countIdleSession(connection, by: 1)
    connection.pointee.wait = .nothing
    startWaiting(connection, for: .poolIdle, atMost: tables.upstreams[upstream].idleTimeout)
  }

  mutating func leaveIdleSessions(
    _ connection: ConnectionPointer, _ link: SessionLinkPointer
  ) {
    guard link.pointee.isListedIdle else { return }
    link.pointee.isListedIdle = false
    countIdle(connection, by: -1)
    upstreams.countIdleSession(connection, by: -1)
    awaitSignOfLife(connection)
  }

  /// Takes a connection out of its peer's: nothing new begins on it.
  mutating func unlist(_ connection: ConnectionPointer, _ link: SessionLinkPointer) {
    if link.pointee.isListedIdle {
      link.pointee.isListedIdle = false
      countIdle(connection, by: -1)
      upstreams.countIdleSession(connection, by: -1)
    }
    guard link.pointee.isListed else { return }
    link.pointee.isListed = false
    upstreams.removeSession(connection)
  }

  /// Closes a connection that carries nothing.
  mutating func closeBackend(_ connection: ConnectionPointer) {
    guard let link = connection.pointee.session, link.pointee.streamCount == 0 else {
      preconditionFailure("closeBackend: it has no session, or carries something")
    }
    unlist(connection, link)
    if connection.pointee.phase == .multiplexed && !link.pointee.isLost {
      sayEnd(connection, link)
    }
    close(connection)
  }

  /// Goes on behind reading and writing: what the backend allows may have changed, or all be over.
  mutating func settleBackend(_ connection: ConnectionPointer, _ link: SessionLinkPointer) {
    if link.pointee.hasChanged {
      link.pointee.hasChanged = false
      let generation = connection.pointee.generation
      serveWaiting(connection, link)
      // It may have made room for another connection.
      guard connection.pointee.generation == generation else { return }
    }
    if link.pointee.isBroken || link.pointee.isAtEnd || hasWriteFailed(connection) {
      return loseSession(connection, link, .lost)
    }
    let isOver = link.pointee.isClosing || link.pointee.session.isEndAnnounced
    if link.pointee.streamCount == 0 && isOver { closeBackend(connection) }
  }

  /// True when nothing can be written any more, and what there is to be read has been read.
  private func hasWriteFailed(_ connection: ConnectionPointer) -> Bool {
    connection.pointee.flags.contains(.failed) && !connection.pointee.flags.contains(.readable)
  }

  /// Ends a connection with all that runs on it, but for responses that have come whole.
  private mutating func loseSession(
    _ connection: ConnectionPointer, _ link: SessionLinkPointer, _ failure: StreamFailure
  ) {
    unlist(connection, link)
    link.pointee.isLost = true
    if link.pointee.isBroken { sayEnd(connection, link) }
    connection.pointee.flags.insert(.failed)
    stopWaiting(connection)
    var next = link.pointee.streams
    while let place = next {
      next = place.pointee.next
      guard let exchange = place.pointee.stream.exchange else { continue }
      if isWaiting(place) {
        tryFailed(exchange, .connectFailed, .connectionTerminated)
      } else {
        if !place.pointee.hasEnded {
          place.pointee.hasEnded = true
          place.pointee.failure = failure
          place.pointee.stream.flags.insert(.failed)
        }
        place.pointee.stream.flags.insert(.readable)
        enqueue(place.stream)
      }
    }
    closeLost(connection, link)
  }

  /// Closes a connection that is lost once the last response that came whole has been passed on.
  mutating func closeLost(_ connection: ConnectionPointer, _ link: SessionLinkPointer) {
    precondition(link.pointee.isLost, "closeLost: it is not lost")
    if link.pointee.streamCount == 0 { close(connection) }
  }

  // MARK: Signs of life

  /// Has a backend be asked for a sign of life when it has been silent for long: at once, if it has
  /// been so while its connection was idle.
  mutating func awaitSignOfLife(_ connection: ConnectionPointer) {
    guard let link = connection.pointee.session else {
      preconditionFailure("awaitSignOfLife: there is no session")
    }
    connection.pointee.wait = .nothing
    let due = link.pointee.lastRead + Limits.http2BackendSilence
    let rest = due > now ? due - now : Interval(nanoseconds: 0)
    startWaiting(connection, for: .signOfLife, atMost: rest)
  }

  /// Lets nothing new begin on the connection on which an exchange has waited in vain for `time`,
  /// if its backend has been silent for as long, or takes nothing: it may be gone.
  mutating func doubtBackend(_ exchange: ExchangePointer, after time: Interval) {
    guard let stream = exchange.pointee.upstream, stream.pointee.isMultiplexed else { return }
    let connection = stream.pointee.connection
    guard let link = connection.pointee.session else {
      preconditionFailure("doubtBackend: there is no session")
    }
    let isSilent = link.pointee.lastRead + time <= now
    if isSilent || connection.pointee.hasOutput { unlist(connection, link) }
  }

  /// Asks a backend that has been silent for one, or gives it up when it has not answered.
  mutating func expireSignOfLife(_ connection: ConnectionPointer) {
    guard let link = connection.pointee.session, connection.pointee.phase == .multiplexed,
      !link.pointee.isLost
    else { return }
    let lastRead = link.pointee.lastRead
    if let asked = link.pointee.lastPing, asked > lastRead,
      now - asked >= Limits.http2BackendPingTimeout
    {
      report(.error, "http2", nil, connection) { line in
        line.append("the connection is ended: its backend gives no sign of life")
      }
      return loseSession(connection, link, .silent)
    }
    var due = lastRead + Limits.http2BackendSilence
    if let asked = link.pointee.lastPing {
      due =
        asked > lastRead
        ? asked + Limits.http2BackendPingTimeout
        : max(due, asked + Limits.http2BackendPingInterval)
    }
    if due <= now {
      link.pointee.lastPing = now
      link.pointee.session.ping()
      enqueue(connection)
      due = now + Limits.http2BackendPingTimeout
    }
    connection.pointee.wait = .nothing
    startWaiting(connection, for: .signOfLife, atMost: due - now)
  }
}
