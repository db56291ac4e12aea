// Each try begins here: a peer is chosen, and a connection to it found or made.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Sends an exchange to a peer for the first time.
  @inline(__always) mutating func beginFirstTry(_ exchange: ExchangePointer) {
    assert(exchange.pointee.response == .none, "beginFirstTry: a response has begun")
    assert(exchange.pointee.upstream == nil, "beginFirstTry: a backend is attached")
    exchange.pointee.upstreamIndex = exchange.pointee.plan.pointee.upstream
    exchange.pointee.record.proxyHost = exchange.pointee.plan.pointee.proxyHost
    if !exchange.pointee.plan.pointee.passURL.isEmpty {
      guard choosesUpstream(exchange) else { return }
    }
    exchange.pointee.firstTryStart = now
    guard let peer = selectPeer(exchange) else { return beginWithoutPeer(exchange) }
    beginTry(exchange, peer: peer)
  }

  /// Sends the request to a peer that was selected for it. A connection from the pool is taken
  /// unless `isFresh` asks for a new one.
  mutating func beginTry(_ exchange: ExchangePointer, peer: Int, isFresh: Bool = false) {
    assert(exchange.pointee.upstream == nil, "beginTry: a backend is attached")
    assert(peer >= 0, "beginTry: no such peer")
    let upstream = exchange.pointee.upstreamIndex
    exchange.pointee.tryStart = now
    exchange.pointee.peerIndex = peer
    exchange.pointee.tried.insert(peer)
    exchange.pointee.releasedPeer = false
    resetTry(exchange)
    countTry(exchange)
    if exchange.pointee.plan.pointee.speaksHTTP2 && !settings.assumesTLS {
      return joinSession(exchange)
    }
    if !isFresh, let pooled = takePooled(exchange, upstream: upstream, peer: peer) {
      exchange.pointee.record.upstreamConnect = Interval(nanoseconds: 0)
      note(.reusing, exchange, peer, try: exchange.pointee.record.tryCount)
      attach(pooled, to: exchange)
      return sendRequest(exchange)
    }
    connect(exchange)
  }

  /// Chooses a peer that this request has not been sent to; nil when none is left.
  mutating func selectPeer(_ exchange: ExchangePointer) -> Int? {
    let upstream = exchange.pointee.upstreamIndex
    let method = tables.upstreams[upstream].method
    var hashKey: UInt64 = 0
    if method == .hash || method == .consistentHash { hashKey = self.hashKey(exchange) }
    if method == .addressHash {
      hashKey = Balancer.addressKey(of: exchange.pointee.record.client)
    }
    let isRandom = method == .random || method == .randomTwo
    let number = isRandom ? random.next(&kernel).0 : 0
    let table = upstreams.states(of: upstream)
    var states = table.mutableSpan
    let peer = Balancer.select(
      method: method, peers: tables.upstreams[upstream].peers, states: &states,
      tried: exchange.pointee.tried, now: now, random: number, hashKey: hashKey)
    return peer ?? selectFailedPeer(exchange)
  }

  private mutating func hashKey(_ exchange: ExchangePointer) -> UInt64 {
    assert(exchange.isLive, "hashKey: the exchange has ended")
    var writer = ByteWriter(scratch)
    writeRaw(tables.upstreams[exchange.pointee.upstreamIndex].hashKey, exchange, into: &writer)
    return Balancer.hash(of: writer.written.span)
  }

  /// Forgets what the last try left.
  @inline(__always) private mutating func resetTry(_ exchange: ExchangePointer) {
    let upstream = exchange.pointee.upstreamIndex
    let peers = tables.upstreams[upstream].peers
    exchange.pointee.record.tryCount &+= 1
    exchange.pointee.record.upstream = peers[exchange.pointee.peerIndex].name
    exchange.pointee.record.upstreamStatus = 0
    exchange.pointee.record.grpcStatus = .max
    exchange.pointee.record.upstreamConnect = .endless
    exchange.pointee.record.upstreamFirstByte = .endless
    exchange.pointee.record.upstreamDuration = .endless
    exchange.pointee.upstreamBytesSent = 0
    exchange.pointee.responseHead.reset()
    exchange.pointee.responseReader.needsMore = false
  }

  @inline(__always) private mutating func attach(
    _ connection: ConnectionPointer, to exchange: ExchangePointer
  ) {
    assert(connection.pointee.role == .upstream, "attach: not a backend")
    connection.pointee.phase = .exchange
    connection.pointee.exchange = exchange
    exchange.pointee.upstream = connection.stream
    exchange.pointee.upstreamStage = .awaitingHead
  }

  /// Begins a connection to the chosen peer.
  private mutating func connect(_ exchange: ExchangePointer) {
    assert(exchange.pointee.upstream == nil, "connect: a backend is attached")
    assert(exchange.isLive, "connect: the exchange has ended")
    let tryCount = exchange.pointee.record.tryCount
    note(.connecting, exchange, exchange.pointee.peerIndex, try: tryCount)
    guard let (connection, isMade) = openConnection(exchange) else { return }
    connection.pointee.exchange = exchange
    exchange.pointee.upstream = connection.stream
    exchange.pointee.upstreamStage = .connecting
    if isMade { return reached(connection, exchange) }
    startWaiting(
      connection, for: .connect,
      atMost: exchange.pointee.plan.pointee.connectTimeout)
  }

  /// Begins a connection to the chosen peer, which may be made at once; nil when that has failed,
  /// and with it the try.
  mutating func openConnection(
    _ exchange: ExchangePointer
  ) -> (connection: ConnectionPointer, isMade: Bool)? {
    let (upstream, number) = (exchange.pointee.upstreamIndex, exchange.pointee.peerIndex)
    let peers = tables.upstreams[upstream].peers
    makeRoomForUpstream()
    upstreamCounters(exchange).add(UpstreamCells.opened)
    let result = kernel.connect(to: peers[number].address, unixPath: peers[number].unixPath)
    let descriptor: Descriptor
    var isMade = false
    switch result {
    case .connected(let made): (descriptor, isMade) = (made, true)
    case .inProgress(let made): descriptor = made
    case .failed(let error):
      tryFailed(exchange, .connectFailed, connectErrorType(error), error)
      return nil
    }
    guard let connection = open(descriptor, role: .upstream, origin: upstream) else {
      let error = KernelError(kind: .exhausted, code: 0)
      tryFailed(exchange, .connectFailed, .proxyOverloaded, error)
      return nil
    }
    connection.pointee.peerIndex = UInt32(number)
    connection.pointee.phase = .connecting
    return (connection, isMade)
  }

  /// Frees a slot for a connection to a peer when all are taken: an idle one of a peer first, then
  /// one of a client that is idle, then one of a reusable client. A client that came behind such a
  /// one and has not had the time to ask stays.
  private mutating func makeRoomForUpstream() {
    assert(
      connections.count <= connections.capacity, "makeRoomForUpstream: there are too many")
    guard connections.count >= tables.workerConnections else { return }
    for upstream in 0..<upstreams.count {
      if let idle = upstreams.anyIdle(upstream) { return closePooled(idle) }
      if let idle = upstreams.anyIdleSession(upstream) { return closeBackend(idle) }
    }
    let reusable = reusableClients.last
    var candidate = idleClients.last
    while let client = candidate {
      candidate = client.pointee.previous
      // A request that has been read must have its answer and its line.
      if !holdsRequest(client) && !isNewer(client, than: reusable) { return closeIdle(client) }
    }
    if let session = idleSessions.last, !isNewer(session, than: reusable) {
      return end(idleSession: session)
    }
    if let reusable { endForRoom(reusable) }
  }

  /// True when an idle client's next request, or the begin of it, has been read.
  private mutating func holdsRequest(_ client: ConnectionPointer) -> Bool {
    if client.pointee.inputCount > 0 { return true }
    return client.pointee.tls.map { holdsInput($0) } ?? false
  }

  /// Acts on a report about a connection that was being made.
  mutating func finishConnecting(_ connection: ConnectionPointer) {
    assert(connection.pointee.phase == .connecting, "finishConnecting: it is not being made")
    assert(connection.pointee.role == .upstream, "finishConnecting: not a backend")
    if connection.pointee.session != nil { return finishConnectingSession(connection) }
    guard let exchange = connection.pointee.exchange else { return }
    let flags = connection.pointee.flags
    guard flags.contains(.writable) || flags.contains(.failed) else { return }
    if let error = kernel.pendingError(connection.pointee.descriptor) {
      return tryFailed(exchange, .connectFailed, connectErrorType(error), error)
    }
    reached(connection, exchange)
  }

  /// The socket is connected: the request can go, or the TLS handshake begin.
  private mutating func reached(_ connection: ConnectionPointer, _ exchange: ExchangePointer) {
    assert(connection.pointee.exchange == exchange, "reached: another exchange's")
    connection.pointee.flags.insert(.writable)
    guard exchange.pointee.plan.pointee.backendTLS >= 0, !settings.assumesTLS,
      exchange.pointee.serving?.pointee.pass.isPlain != true
    else {
      return connected(connection, exchange)
    }
    guard beginHandshake(connection, for: exchange) else {
      return tryFailed(exchange, .connectFailed, .tlsProtocolError)
    }
    if connection.pointee.wait != .connect {
      startWaiting(
        connection, for: .connect, atMost: exchange.pointee.plan.pointee.connectTimeout)
    }
    advanceHandshake(connection)
  }

  /// Sends the request over a connection that has been made for it.
  @inline(__always) mutating func connected(
    _ connection: ConnectionPointer, _ exchange: ExchangePointer
  ) {
    assert(connection.pointee.exchange == exchange, "connected: another exchange's")
    stopWaiting(connection)
    let time = kernel.now() - exchange.pointee.tryStart
    exchange.pointee.record.upstreamConnect = time
    upstreamCounters(exchange).measure(UpstreamCells.connects, time)
    attach(connection, to: exchange)
    note(.connected, exchange)
    sendRequest(exchange)
  }

  mutating func connectErrorType(_ error: KernelError) -> ErrorType {
    switch error.kind {
    case .refused: .connectionRefused
    case .timedOut: .connectionTimeout
    case .reset: .connectionTerminated
    case .exhausted: .proxyOverloaded
    case .unreachable, .noSpace, .other: .destinationIPUnroutable
    }
  }

  /// Writes the request's head and what has come of its content to the peer.
  @inline(__always) mutating func sendRequest(_ exchange: ExchangePointer) {
    assert(exchange.pointee.upstreamBytesSent == 0, "sendRequest: some of it has been sent")
    guard let peer = exchange.pointee.upstream else {
      preconditionFailure("sendRequest: no peer is attached")
    }
    var writer = ByteWriter(scratch)
    writeRequestHead(exchange, for: peer, into: &writer)
    guard !writer.overflowed else {
      report(.error, "upstream", exchange, exchange.pointee.downstream) { line in
        line.append("the rewritten request head is larger than the limit")
      }
      releaseUpstream(exchange, mayReuse: true)
      return refuse(exchange, 500, .proxyInternalError, Termination(.proxy, .requestBody))
    }
    if relayRequest(exchange, &writer) { relayResponse(exchange) }
  }
}
