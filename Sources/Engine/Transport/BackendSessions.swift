// Which connection to a backend carries an exchange, where one carries many at once. A try begins
// on one that has room, or on one that is being made, or on a new one.

import Basics
import HTTP
import Plan
import Platform
import Policy
import TLS
import Telemetry

extension Worker where K: ~Copyable {
  // MARK: Finding a connection

  /// Gives an exchange whose peer is chosen a place on a connection to it.
  @inline(never) mutating func joinSession(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.upstream == nil, "joinSession: a backend is attached")
    guard let connection = sessionWithRoom(exchange) else { return openSession(exchange) }
    join(exchange, connection)
  }

  /// The connection to the peer that carries the fewest requests, if one has room for another and
  /// was made as this request wants it.
  private mutating func sessionWithRoom(_ exchange: ExchangePointer) -> ConnectionPointer? {
    let (upstream, peer) = (exchange.pointee.upstreamIndex, exchange.pointee.peerIndex)
    guard let first = upstreams.newestSession(upstream, peer) else { return nil }
    let context = backendContext(exchange)
    var writer = ByteWriter(scratch)
    if context >= 0 { writeBackendName(exchange, into: &writer) }
    guard !writer.overflowed else { return nil }
    var best: (connection: ConnectionPointer, count: Int)?
    var next: ConnectionPointer? = first
    while let connection = next {
      next = connection.pointee.next
      guard let link = connection.pointee.session, hasRoom(connection, link) else { continue }
      let isSuitable =
        context < 0
        ? link.pointee.identity == nil
        : link.pointee.identity?.isMade(of: context, name: writer.written) == true
      let count = link.pointee.streamCount
      if isSuitable && count < best?.count ?? .max { best = (connection, count) }
    }
    return best?.connection
  }

  private func hasRoom(_ connection: ConnectionPointer, _ link: SessionLinkPointer) -> Bool {
    let unusable: Connection.Flags = [.endAnnounced, .failed]
    guard link.pointee.isListed, !link.pointee.isClosing, !link.pointee.session.isEndAnnounced,
      connection.pointee.flags.isDisjoint(with: unusable)
    else { return false }
    let upstream = Int(connection.pointee.origin)
    let limit = link.pointee.session.streamLimit
    let waiting = limit == nil ? UInt32(link.pointee.streamCount) : 0
    let most = tables.upstreams[upstream].keepaliveRequests
    guard connection.pointee.requestCount &+ waiting < most else { return false }
    let allowed =
      limit
      ?? upstreams.streamLimit(upstream, Int(connection.pointee.peerIndex))
      ?? Limits.http2BackendStreams
    return link.pointee.streamCount < min(allowed, Limits.http2BackendStreams)
  }

  /// The number of the TLS that an exchange's backend is spoken to with; -1 for none.
  private func backendContext(_ exchange: ExchangePointer) -> Int {
    if exchange.pointee.serving?.pointee.pass.isPlain == true { return -1 }
    return exchange.pointee.plan.pointee.backendTLS
  }

  /// Gives an exchange a place on a connection. It waits there, unless its request can go at once.
  private mutating func join(_ exchange: ExchangePointer, _ connection: ConnectionPointer) {
    guard let link = connection.pointee.session else {
      preconditionFailure("join: the connection has no session")
    }
    guard
      let (slot, place) = streams.take(initial: { _ in
        MultiplexedStream(0, slot: 0, of: connection)
      })
    else {
      let error = KernelError(kind: .exhausted, code: 0)
      return tryFailed(exchange, .connectFailed, .proxyOverloaded, error)
    }
    // One that has just ended may still stand among those to advance.
    let queued = place.pointee.stream.flags.intersection(.queued)
    place.pointee = MultiplexedStream(0, slot: slot, of: connection)
    place.pointee.stream.flags.formUnion(queued)
    link.pointee.append(place)
    leaveIdleSessions(connection, link)
    place.pointee.stream.exchange = exchange
    exchange.pointee.upstream = place.stream
    exchange.pointee.upstreamStage = .connecting
    // What an exchange that waited before this one has left does not go.
    let limit = link.pointee.session.streamLimit
    if connection.pointee.phase == .multiplexed, let limit, link.pointee.streamCount <= limit {
      exchange.pointee.record.upstreamConnect = Interval(nanoseconds: 0)
      note(.reusing, exchange, exchange.pointee.peerIndex, try: exchange.pointee.record.tryCount)
      if connection.pointee.requestCount > 0 { place.pointee.stream.flags.insert(.reused) }
      return sendRequest(exchange, place)
    }
    note(.connecting, exchange, exchange.pointee.peerIndex, try: exchange.pointee.record.tryCount)
    startWaiting(
      place.stream, for: .connect, atMost: exchange.pointee.plan.pointee.connectTimeout)
  }

  // MARK: Making a connection

  private mutating func openSession(_ exchange: ExchangePointer) {
    guard let (connection, isMade) = openConnection(exchange) else { return }
    let context = backendContext(exchange)
    let link = SessionLinkPointer.allocate(capacity: 1)
    link.initialize(to: SessionLink(HTTP2BackendSession(isSecure: context >= 0)))
    connection.pointee.session = link
    if context >= 0 {
      var writer = ByteWriter(scratch)
      writeBackendName(exchange, into: &writer)
      link.pointee.identity = BackendIdentity(context: context, name: writer.written)
    }
    link.pointee.isListed = true
    upstreams.insertSession(connection)
    join(exchange, connection)
    guard link.pointee.streamCount > 0 else { return closeBackend(connection) }
    if isMade, connection.pointee.phase == .connecting {
      reachedBackend(connection, link)
    }
  }

  /// Acts on a report about a connection that was being made.
  mutating func finishConnectingSession(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase == .connecting, "finishConnectingSession: it is made")
    guard let link = connection.pointee.session else { return }
    let flags = connection.pointee.flags
    guard flags.contains(.writable) || flags.contains(.failed) else { return }
    if let error = kernel.pendingError(connection.pointee.descriptor) {
      return failWaiting(connection, link, connectErrorType(error), error)
    }
    reachedBackend(connection, link)
  }

  /// The socket is connected: the session can begin, or the TLS handshake.
  private mutating func reachedBackend(
    _ connection: ConnectionPointer, _ link: SessionLinkPointer
  ) {
    connection.pointee.flags.insert(.writable)
    guard link.pointee.identity != nil else { return establishSession(connection) }
    guard let exchange = waitingExchange(connection), beginHandshake(connection, for: exchange)
    else { return failWaiting(connection, link, .tlsProtocolError) }
    advanceHandshake(connection)
  }

  /// Begins the session on a connection that has been made.
  mutating func establishSession(_ connection: ConnectionPointer) {
    guard let link = connection.pointee.session else {
      preconditionFailure("establishSession: there is no session")
    }
    if let tls = connection.pointee.tls, !tls.pointee.session.hasChosenHTTP2 {
      report(.error, "tls", waitingExchange(connection), connection) { line in
        line.append("the backend does not speak HTTP/2: it has not agreed to \"h2\" (ALPN)")
      }
      return failWaiting(connection, link, .tlsProtocolError)
    }
    connection.pointee.phase = .multiplexed
    link.pointee.lastRead = now
    if let tls = connection.pointee.tls, holdsInput(tls) {
      connection.pointee.flags.insert(.readable)
    }
    awaitSignOfLife(connection)
    advanceSession(connection)
  }

  /// The exchange that waits longest for a connection to be made.
  func waitingExchange(_ connection: ConnectionPointer) -> ExchangePointer? {
    guard let link = connection.pointee.session else { return connection.pointee.exchange }
    return link.pointee.streams?.pointee.stream.exchange
  }

  /// Ends the tries that wait for a connection that could not be made.
  mutating func connectFailed(
    _ connection: ConnectionPointer, _ exchange: ExchangePointer, _ type: ErrorType,
    _ cause: KernelError? = nil
  ) {
    guard let link = connection.pointee.session else {
      return tryFailed(exchange, .connectFailed, type, cause)
    }
    failWaiting(connection, link, type, cause)
  }

  private mutating func failWaiting(
    _ connection: ConnectionPointer, _ link: SessionLinkPointer, _ type: ErrorType,
    _ cause: KernelError? = nil
  ) {
    unlist(connection, link)
    link.pointee.isLost = true
    while let exchange = waitingExchange(connection) {
      tryFailed(exchange, .connectFailed, type, cause)
      precondition(
        waitingExchange(connection) != exchange, "failWaiting: the exchange still waits here")
    }
    close(connection)
  }

  /// Closes the connections of a peer that carry nothing, and has nothing new begin on the others.
  mutating func closeSessions(_ upstream: Int, _ peer: Int) {
    while let connection = upstreams.newestSession(upstream, peer) {
      guard let link = connection.pointee.session else {
        preconditionFailure("closeSessions: it has no session")
      }
      if link.pointee.streamCount == 0 {
        closeBackend(connection)
      } else {
        unlist(connection, link)
      }
    }
  }
}
