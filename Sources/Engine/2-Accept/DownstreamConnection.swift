// A client's connection outside of an exchange: the PROXY protocol, idle times, lingering.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Carries a client's connection on that no exchange is answering.
  mutating func advanceDownstream(_ connection: ConnectionPointer) {
    switch connection.pointee.phase {
    case .proxyHeader: readProxyHeader(connection)
    case .handshake: advanceHandshake(connection)
    case .preface: readPreface(connection)
    case .idle: readFirstBytes(connection)
    case .requestHead:
      if let exchange = connection.pointee.exchange { readHead(exchange) }
    case .lingering: linger(connection)
    case .closed, .exchange, .connecting, .multiplexed:
      preconditionFailure("advanceDownstream: not this phase")
    }
  }

  /// Reads the PROXY protocol's header, which nothing may precede.
  private mutating func readProxyHeader(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase == .proxyHeader, "readProxyHeader: no header is awaited")
    precondition(connection.pointee.exchange == nil, "readProxyHeader: an exchange is under way")
    switch receive(connection, .small) {
    case .nothing: return
    case .end, .failed: return close(connection)
    case .bytes: break
    }
    do throws(HTTP1Error) {
      guard let header = try ProxyHeader.parse(connection.pointee.inputBytes.span) else { return }
      if let source = header.source, source.family != .unix {
        connection.pointee.announcedClient = source
        connection.pointee.flags.insert(.announced)
      }
      connection.pointee.inputStart &+= UInt32(header.byteCount)
    } catch {
      report(.error, "accept", nil, connection) { line in line.append(error.reason) }
      return close(connection)
    }
    let listener = tables.listeners[Int(connection.pointee.origin)]
    if speaksTLS(Int(connection.pointee.origin)) {
      connection.pointee.wait = .handshake
      return beginHandshake(connection)
    }
    if listener.speaksHTTP2 {
      connection.pointee.wait = .firstRequest
      awaitPreface(connection)
      return readPreface(connection)
    }
    leaveReusable(connection)
    connection.pointee.phase = .idle
    idleClients.insertFirst(connection)
    if isRetiring {
      // Its heirs time it as what it is now.
      connection.pointee.wait = .firstRequest
      return leaveOrServe(connection)
    }
    if connection.pointee.inputCount > 0 { return beginExchange(connection) }
    buffers.giveBack(&connection.pointee.input)
    let server = listener.defaultServer
    startWaiting(connection, for: .firstRequest, atMost: tables.servers[server].headerTimeout)
    readFirstBytes(connection)
  }

  /// Looks whether an idle client has begun a request.
  private mutating func readFirstBytes(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase == .idle, "readFirstBytes: it is not idle")
    precondition(connection.pointee.exchange == nil, "readFirstBytes: an exchange is under way")
    if connection.pointee.inputCount > 0 { return beginExchange(connection) }
    switch receive(connection, .small) {
    case .bytes: beginExchange(connection)
    case .end, .failed: closeIdle(connection)
    case .nothing:
      buffers.giveBack(&connection.pointee.input)
      if connection.pointee.flags.contains(.failed) { closeIdle(connection) }
    }
  }

  /// Makes a connection ready for its next request, which may have been pipelined already.
  mutating func awaitNextRequest(_ connection: ConnectionPointer, timeout: Interval) {
    precondition(connection.pointee.exchange == nil, "awaitNextRequest: an exchange is under way")
    connection.pointee.phase = .idle
    idleClients.insertFirst(connection)
    if isRetiring && leave(client: connection, keptFor: timeout) { return }
    if connection.pointee.inputCount > 0 {
      connection.pointee.wait = .nothing
      connection.pointee.flags.insert(.pipelined)
      // In its own turn, so that a client that pipelines can't keep the worker to itself.
      return enqueue(connection)
    }
    if isDraining || isRetiring { return closeUnlessRequested(connection) }
    buffers.giveBack(&connection.pointee.input)
    startWaiting(connection, for: .nextRequest, atMost: timeout)
    if connection.pointee.flags.contains(.readable) { enqueue(connection) }
  }

  /// Closes an idle connection of a worker that ends, unless its next request has come already.
  private mutating func closeUnlessRequested(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase == .idle, "closeUnlessRequested: it is not idle")
    connection.pointee.wait = .nothing
    connection.pointee.flags.insert(.readable)
    switch receive(connection, .small) {
    case .bytes: enqueue(connection)
    case .nothing, .end, .failed: closeIdle(connection)
    }
  }

  /// Ends our side and throws away what still comes, so that the kernel does not answer it with a
  /// reset, which would destroy the response on its way (RFC 9112 section 9.6).
  mutating func beginLingering(_ connection: ConnectionPointer) {
    precondition(connection.pointee.exchange == nil, "beginLingering: an exchange is under way")
    precondition(connection.pointee.role == .downstream, "beginLingering: not a client")
    if let link = connection.pointee.tls { tellEnd(connection, link) }
    if hasLingered(connection) { return close(connection) }
    leaveReusable(connection)
    connection.pointee.phase = .lingering
    endWriting(connection)
    startWaiting(connection, for: .lingering, atMost: Limits.lingeringTime)
    // The time is for all of it: bytes must not prolong it.
    linger(connection)
  }

  private mutating func linger(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase == .lingering, "linger: it does not linger")
    for _ in 0..<Limits.readsPerTurn {
      connection.pointee.inputStart = 0
      connection.pointee.inputEnd = 0
      switch receive(connection, .small) {
      case .bytes: continue
      case .failed: return close(connection)
      case .end, .nothing:
        buffers.giveBack(&connection.pointee.input)
        if hasLingered(connection) { return close(connection) }
        // As long as some of its response waits to be sealed or sent, it does not make room.
        if !connection.pointee.flags.contains(.sealed) { joinReusable(connection) }
        return
      }
    }
    enqueue(connection)
  }

  /// True when nothing more is to come from a client, nor to leave for it.
  private mutating func hasLingered(_ connection: ConnectionPointer) -> Bool {
    let flags = connection.pointee.flags
    return flags.contains(.failed) || flags.contains(.endRead) && !flags.contains(.sealed)
  }

  /// Acts on a deadline that has come.
  mutating func expire(_ stream: StreamPointer) {
    precondition(
      stream.pointee.connection.pointee.phase != .closed, "expire: the connection is closed")
    precondition(!stream.timer.pointee.isFiled, "expire: the timer stands in the wheel")
    let connection = stream.pointee.connection
    let wait = stream.pointee.wait
    stopWaiting(stream)
    switch wait {
    case .nothing: return
    case .proxyHeader, .lingering: close(connection)
    case .handshake: expireHandshake(connection)
    case .firstRequest, .nextRequest:
      if let link = connection.pointee.session { return endSession(connection, link) }
      if connection.pointee.phase == .preface { return close(connection) }
      closeIdle(connection)
    case .poolIdle where connection.pointee.session != nil: closeBackend(connection)
    case .poolIdle: closePooled(connection)
    case .signOfLife: expireSignOfLife(connection)
    case .requestHead, .requestContent, .clientSend, .connect, .upstreamSend, .upstreamRead,
      .tunnel, .halfClosed, .admission, .name, .pause:
      guard let exchange = stream.pointee.exchange else { return }
      expire(exchange, wait)
    }
  }
}
