// The TLS handshake, of clients and of backends: everything before it has a connection, nothing
// after it knows that there was one.

import Basics
import HTTP
import Plan
import Platform
import Policy
import TLS
import Telemetry

extension Worker where K: ~Copyable {
  /// Begins TLS with a client. What of it has come behind a PROXY protocol header is its input.
  mutating func beginHandshake(_ connection: ConnectionPointer) {
    let server = tables.listeners[Int(connection.pointee.origin)].defaultServer
    tls.tables.keys.rotate(now: Int(wall.microseconds / 1_000_000))
    guard let context = tls.tables.servers[server],
      let session = TLSSession(context, tls.transport)
    else {
      report(.critical, "tls", nil, connection) { $0.append("out of memory") }
      return close(connection)
    }
    link(connection, session)
    connection.pointee.tls?.pointee.server = server
    connection.pointee.tls?.pointee.awaitsPeer = true
    connection.pointee.phase = .handshake
    if connection.pointee.inputCount > 0 { moveInputToLink(connection) }
    advanceHandshake(connection)
  }

  /// Begins TLS with a backend for the exchange that waits for it; false when it can't.
  mutating func beginHandshake(
    _ connection: ConnectionPointer, for exchange: ExchangePointer
  ) -> Bool {
    let number = exchange.pointee.plan.pointee.backendTLS
    let context = tls.tables.backends[number]
    var writer = ByteWriter(scratch)
    writeBackendName(exchange, into: &writer)
    let name = writer.written
    writer.append(0 as UInt8)
    guard !writer.overflowed, !(name.isEmpty && context.verifies) else {
      report(.error, "tls", exchange, connection) { line in
        line.append("the handshake can't start: proxy_ssl_name is ")
        line.append(name.isEmpty ? "empty" : "too long")
      }
      return false
    }
    let peerName = TLSPeerName(
      bytes: UnsafeRawPointer(name.baseAddress.unsafelyUnwrapped)
        .assumingMemoryBound(to: CChar.self),
      isSent: exchange.pointee.plan.pointee.sendsBackendName)
    let saved = upstreams.savedSession(
      exchange.pointee.upstreamIndex, exchange.pointee.peerIndex, number, name)
    guard let session = TLSSession(context, name: peerName, resuming: saved, tls.transport)
    else { return false }
    link(connection, session)
    connection.pointee.tls?.pointee.identity = BackendIdentity(context: number, name: name)
    connection.pointee.tls?.pointee.isSaved = !context.resumesSessions
    connection.pointee.phase = .handshake
    return true
  }

  /// Writes the name that the backend must have (`proxy_ssl_name`): a host, even where variables
  /// such as `$http_host` bring a port along.
  mutating func writeBackendName(_ exchange: ExchangePointer, into writer: inout ByteWriter) {
    write(exchange.pointee.plan.pointee.backendName, exchange, into: &writer)
    let host = HostPart.find(in: writer.written.span)
    if !host.isEmpty && host.start > 0 {
      // An address in brackets: it moves to the begin.
      var address = InlineBytes<64>()
      address.assign(writer.written.span.extracting(host.offsets))
      writer.truncate(to: 0)
      writer.append(address.span)
    } else {
      writer.truncate(to: Int(host.count))
    }
  }

  private mutating func link(_ connection: ConnectionPointer, _ session: TLSSession) {
    precondition(connection.pointee.tls == nil, "link: it has TLS")
    let link = TLSLinkPointer.allocate(capacity: 1)
    link.initialize(to: TLSLink(session: session))
    connection.pointee.tls = link
  }

  private mutating func moveInputToLink(_ connection: ConnectionPointer) {
    precondition(connection.pointee.inputCount > 0, "moveInputToLink: there is no input")
    guard let link = connection.pointee.tls else { return }
    buffers.keep(UnsafeRawBufferPointer(connection.pointee.inputBytes), in: &link.pointee.arrived)
    buffers.giveBack(&connection.pointee.input)
    connection.pointee.inputStart = 0
    connection.pointee.inputEnd = 0
  }

  /// Carries a handshake as far as it goes.
  mutating func advanceHandshake(_ connection: ConnectionPointer) {
    precondition(
      connection.pointee.phase == .handshake, "advanceHandshake: no handshake is under way")
    guard let link = connection.pointee.tls else { return }
    for _ in 0..<Limits.readsPerTurn {
      // The first step towards a backend needs no input.
      let needsInput = link.pointee.arrived.isEmpty && link.pointee.awaitsPeer
      if needsInput && connection.pointee.flags.contains(.readable) {
        guard readHandshake(connection, link) else { return }
      } else if needsInput && connection.pointee.role == .downstream {
        return
      }
      if isPlainRequest(connection, link) { return beginPlainRequest(connection, link) }
      link.pointee.awaitsPeer = true
      tls.transport.pointee.input = link.pointee.arrived.bytes
      if connection.pointee.role == .downstream {
        let listener = Int(connection.pointee.origin)
        tls.transport.pointee.offersHTTP2 = tables.listeners[listener].offersHTTP2
      }
      let step = link.pointee.session.handshake()
      buffers.keep(tls.transport.pointee.input, in: &link.pointee.arrived)
      if case .needsServer = step {
        chooseServer(connection, link)
        // What the client has said so far is with OpenSSL.
        link.pointee.awaitsPeer = false
        continue
      }
      if case .failed(let error) = passOn(connection, link) {
        if case .failed(let failure) = step { return handshakeFailed(connection, failure) }
        return handshakeBroken(connection, error)
      }
      switch step {
      case .done: return finishHandshake(connection, link)
      case .failed(let failure): return handshakeFailed(connection, failure)
      case .needsInput, .needsServer:
        guard connection.pointee.flags.contains(.readable) else { return }
      }
    }
    enqueue(connection)
  }

  /// Reads once; false when there is nothing to go on with.
  private mutating func readHandshake(
    _ connection: ConnectionPointer, _ link: TLSLinkPointer
  ) -> Bool {
    switch kernel.read(connection.pointee.descriptor, into: tls.arrived) {
    case .bytes(let count):
      if count < tls.arrived.count && !connection.pointee.flags.contains(.endAnnounced) {
        connection.pointee.flags.remove(.readable)
      }
      buffers.keep(
        UnsafeRawBufferPointer(rebasing: tls.arrived[0..<count]), in: &link.pointee.arrived)
      return true
    case .wouldBlock:
      connection.pointee.flags.remove(.readable)
      return false
    case .end:
      handshakeBroken(connection, KernelError(kind: .reset, code: 0))
      return false
    case .failed(let error):
      handshakeBroken(connection, error)
      return false
    }
  }

  // MARK: Clients

  /// Gives the client the certificate of the server that it asks for by name.
  private mutating func chooseServer(_ connection: ConnectionPointer, _ link: TLSLinkPointer) {
    precondition(connection.pointee.role == .downstream, "chooseServer: not a client")
    let listener = Int(connection.pointee.origin)
    let name = tls.transport.pointee.serverName
    var server = name.isEmpty ? -1 : server(named: name.span, listener: listener)
    if server < 0 { server = tables.listeners[listener].defaultServer }
    guard let context = tls.tables.servers[server], !context.rejectsHandshake else {
      return link.pointee.session.reject()
    }
    link.pointee.server = server
    link.pointee.session.choose(context)
  }

  /// True when the first byte is one of an HTTP request and not of a TLS record (RFC 8446 section
  /// 5.1).
  private mutating func isPlainRequest(
    _ connection: ConnectionPointer, _ link: TLSLinkPointer
  ) -> Bool {
    guard !link.pointee.hasBegun, let first = link.pointee.arrived.bytes.first else {
      return false
    }
    // Looked at once: what comes later may begin with any byte.
    link.pointee.hasBegun = true
    guard connection.pointee.role == .downstream else { return false }
    return (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first)
  }

  /// Answers a plain request on a port for TLS with 400, so that its ID can be found.
  private mutating func beginPlainRequest(
    _ connection: ConnectionPointer, _ link: TLSLinkPointer
  ) {
    precondition(connection.pointee.role == .downstream, "beginPlainRequest: not a client")
    precondition(connection.pointee.input.isNone, "beginPlainRequest: it has input")
    connection.pointee.input = link.pointee.arrived.buffer
    connection.pointee.inputStart = UInt32(link.pointee.arrived.start)
    connection.pointee.inputEnd = UInt32(link.pointee.arrived.end)
    link.pointee.arrived = SealedBytes()
    freeLink(connection, link, reset: true)
    leaveReusable(connection)
    connection.pointee.flags.insert(.plainOnSecure)
    connection.pointee.phase = .idle
    idleClients.insertFirst(connection)
    beginExchange(connection)
  }

  /// The handshake is complete: the connection is like any other from here on.
  private mutating func finishHandshake(_ connection: ConnectionPointer, _ link: TLSLinkPointer) {
    precondition(connection.pointee.tls == link, "finishHandshake: another connection's TLS")
    if connection.pointee.role == .upstream {
      if connection.pointee.session != nil { return establishSession(connection) }
      guard let exchange = connection.pointee.exchange else { return }
      return connected(connection, exchange)
    }
    leaveReusable(connection)
    metrics.own.add(WorkerCells.handshakesDone)
    if holdsInput(link) { connection.pointee.flags.insert(.readable) }
    if link.pointee.session.hasChosenHTTP2 {
      connection.pointee.wait = .firstRequest
      return beginHTTP2(connection)
    }
    if connection.pointee.flags.contains(.refused) { return answerRefused(connection) }
    connection.pointee.phase = .idle
    idleClients.insertFirst(connection)
    // The time for the first request has been running since the connection came.
    connection.pointee.wait = .firstRequest
    if isRetiring { return leaveOrServe(connection) }
    if isDraining { return beginOrClose(connection) }
    // A request that has come with the handshake's end is begun before anything else can happen.
    if connection.pointee.flags.contains(.readable) { advanceDownstream(connection) }
  }

  // MARK: Failure

  /// Ends a handshake that OpenSSL has given up.
  private mutating func handshakeFailed(_ connection: ConnectionPointer, _ failure: TLSFailure) {
    precondition(
      connection.pointee.phase == .handshake, "handshakeFailed: no handshake is under way")
    if connection.pointee.role == .upstream {
      guard let exchange = waitingExchange(connection) else { return }
      report(.error, "tls", exchange, connection) { line in
        line.append("the handshake failed: ")
        line.append(failure.reason.span.span)
      }
      let type: ErrorType =
        switch failure.kind {
        case .certificate: .tlsCertificateError
        case .alert: .tlsAlertReceived
        case .protocolError: .tlsProtocolError
        }
      return connectFailed(connection, exchange, type)
    }
    reportHandshake(connection) { line in line.append(failure.reason.span.span) }
    if let link = connection.pointee.tls { freeLink(connection, link, reset: true) }
    // An alert may be on its way: a reset must not destroy it.
    connection.pointee.flags.insert(.readable)
    beginLingering(connection)
  }

  /// Ends a handshake whose socket has ended.
  private mutating func handshakeBroken(_ connection: ConnectionPointer, _ error: KernelError) {
    precondition(
      connection.pointee.phase == .handshake, "handshakeBroken: no handshake is under way")
    if connection.pointee.role == .upstream {
      guard let exchange = waitingExchange(connection) else { return }
      return connectFailed(connection, exchange, .connectionTerminated, error)
    }
    reportHandshake(connection) { $0.append("the client disconnected") }
    close(connection)
  }

  /// Ends a client's handshake that took too long.
  mutating func expireHandshake(_ connection: ConnectionPointer) {
    precondition(
      connection.pointee.phase == .handshake, "expireHandshake: no handshake is under way")
    precondition(connection.pointee.role == .downstream, "expireHandshake: not a client")
    reportHandshake(connection) { $0.append("it took too long") }
    close(connection)
  }

  /// Ends a client's handshake to make room for another client.
  mutating func endHandshakeForRoom(_ connection: ConnectionPointer) {
    precondition(
      connection.pointee.phase == .handshake, "endHandshakeForRoom: no handshake is under way")
    reportHandshake(connection) { line in
      line.append("closed to make room: worker_connections are not enough")
    }
    close(connection)
  }

  /// One line for a failed handshake of a client, and no more of them than anybody would read.
  private mutating func reportHandshake(
    _ connection: ConnectionPointer, _ reason: (inout ByteWriter) -> Void
  ) {
    precondition(connection.pointee.role == .downstream, "reportHandshake: not a client")
    metrics.own.add(WorkerCells.handshakesFailed)
    let (isTold, untold) = tls.reports.mayTell(second: wall.microseconds / 1_000_000)
    guard isTold else { return }
    let name = connection.pointee.tls?.pointee.session.serverName
    let client = connection.pointee.announcedClient
    report(.error, "tls", nil, connection) { line in
      line.append("the handshake failed: ")
      reason(&line)
      line.append(", client ")
      client.writeWithPort(into: &line)
      if let name {
        line.append(", server name ")
        line.appendEscaped(name.span.span, .standard)
      }
      if untold > 0 {
        line.append(", and ")
        line.append(decimal: untold)
        line.append(" others before it")
      }
    }
  }
}
