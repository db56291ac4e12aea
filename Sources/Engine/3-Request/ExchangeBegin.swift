// An exchange's birth, and what is decided about it once its head is known: the client's address,
// the server and location, the request ID, the limits. The ID is made at birth, before anything can
// fail.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Begins an exchange on an idle connection whose first bytes have come, and reads its head.
  mutating func beginExchange(_ connection: ConnectionPointer) {
    assert(connection.pointee.phase == .idle, "beginExchange: it is not idle")
    idleClients.remove(connection)
    let exchange = makeExchange(connection.stream)
    connection.pointee.phase = .requestHead
    readHead(exchange)
  }

  /// A new exchange with an ID. There is a slot for each stream, so there is one for this one.
  mutating func makeExchange(_ stream: StreamPointer) -> ExchangePointer {
    assert(stream.pointee.exchange == nil, "makeExchange: the stream has one")
    let connection = stream.pointee.connection
    let server = tables.listeners[Int(connection.pointee.origin)].defaultServer
    let plan = fallbackLocation(of: server)
    guard
      let (slot, exchange) = exchanges.take(
        initial: { _ in Exchange(client: stream, server: server, plan: plan) })
    else { preconditionFailure("more exchanges than connections") }
    exchange.pointee.slot = slot
    exchange.pointee.reset(client: stream, server: server, plan: plan)
    stream.pointee.exchange = exchange
    connection.pointee.requestCount &+= 1
    stream.pointee.wait = .nothing
    now = kernel.now()
    exchange.pointee.start = now
    describe(exchange, connection)
    makeRequestID(exchange)
    return exchange
  }

  /// Fills in what the record knows from the connection.
  @inline(__always) private mutating func describe(
    _ exchange: ExchangePointer, _ connection: ConnectionPointer
  ) {
    exchange.pointee.record.startTime = wall.microseconds
    exchange.pointee.record.utcOffset = wall.utcOffset
    exchange.pointee.record.processID = settings.processID
    exchange.pointee.record.generation = settings.generation
    exchange.pointee.record.client = connection.pointee.peer
    exchange.pointee.record.socketPeer = connection.pointee.peer
    exchange.pointee.record.announcedClient = connection.pointee.announcedClient
    exchange.pointee.record.hasAnnouncedClient = connection.pointee.flags.contains(.announced)
    exchange.pointee.record.connection = connection.pointee.number
    exchange.pointee.record.connectionRequest = connection.pointee.requestCount
    if connection.pointee.flags.contains(.pipelined) {
      connection.pointee.flags.remove(.pipelined)
      exchange.pointee.record.isPipelined = true
    }
    exchange.pointee.record.isSecure = connection.pointee.tls != nil
    if settings.assumesTLS {
      exchange.pointee.record.isSecure =
        tables.listeners[Int(connection.pointee.origin)].isSecure
    }
    if let link = connection.pointee.tls { describeSecurity(exchange, link) }
    exchange.pointee.record.local =
      tables.usesLocalAddress
      ? kernel.localAddress(connection.pointee.descriptor)
      : tables.listeners[Int(connection.pointee.origin)].address
  }

  /// Makes an ID as the exchange's location wants it.
  @inline(__always) mutating func makeRequestID(_ exchange: ExchangePointer) {
    switch exchange.pointee.plan.pointee.requestID.mode {
    case .off, .pass: exchange.pointee.record.requestID.removeAll()
    case .on, .generate:
      exchange.pointee.record.requestID.generate(
        exchange.pointee.plan.pointee.requestID.format, random: random.next(&kernel),
        milliseconds: wall.microseconds / 1000)
      exchange.pointee.record.idSource = .generated
    }
  }

  /// Decides about an exchange whose head is complete, and answers it or sends it on.
  mutating func begin(_ exchange: ExchangePointer) {
    assert(exchange.pointee.request == .head, "begin: it has begun")
    occupyConnection(exchange)
    note(.requestHead, exchange, Int(exchange.pointee.headByteCount))
    stopWaiting(exchange.pointee.client)
    beginContent(exchange)
    guard findServer(exchange) else { return refuseUndecided(exchange) }
    findClient(exchange)
    if exchange.pointee.head.method.isNeverServed || isVainConnect(exchange) {
      return refuseMethod(exchange)
    }
    if !tables.servers[exchange.pointee.server].rewriting.isEmpty {
      guard beginInServer(exchange) else { return }
    } else {
      switch findLocation(exchange) {
      case .found: break
      case .badPath:
        return refuse(exchange, 400, .httpRequestError, Termination(.client, .requestHead))
      case .undecided: return refuseUndecided(exchange)
      }
      guard decideRequestID(exchange) else {
        return refuse(exchange, 400, .httpRequestDenied, Termination(.proxy, .route))
      }
    }
    if exchange.pointee.record.isSecure || isPlainOnSecure(exchange) {
      guard acceptsSecurity(exchange) else { return }
    }
    let maximum = exchange.pointee.plan.pointee.maximumContentBytes
    if maximum > 0, exchange.pointee.requestReader.length > maximum {
      return refuseLength(exchange)
    }
    act(exchange, exchange.pointee.plan.pointee.action)
  }

  /// Answers a request whose content is longer than the location allows. Of a location that is not
  /// the client's to ask for, nobody learns that it is there.
  @inline(never) mutating func refuseLength(_ exchange: ExchangePointer) {
    assert(exchange.pointee.response == .none, "refuseLength: a response has begun")
    if exchange.pointee.plan.pointee.redirection.isInternal && !isInternal(exchange) {
      return refuse(exchange, 404, .noRoute, .completed)
    }
    refuse(exchange, 413, .requestBodyTooLarge, Termination(.proxy, .route))
  }

  /// Answers TRACE and CONNECT. What the client sends behind the latter is meant for the tunnel
  /// that it asked for.
  @inline(never) private mutating func refuseMethod(_ exchange: ExchangePointer) {
    assert(exchange.pointee.response == .none, "refuseMethod: a response has begun")
    let isTrace = exchange.pointee.head.method == .trace
    if !isTrace { exchange.pointee.requireClosure(.orderly) }
    guard case .found = findLocation(exchange) else { return refuseUndecided(exchange) }
    guard decideRequestID(exchange) else {
      return refuse(exchange, 400, .httpRequestDenied, Termination(.proxy, .route))
    }
    refuse(exchange, isTrace ? 405 : 501, .httpRequestDenied, Termination(.proxy, .route))
  }

  /// True for a request of HTTP/2 for a tunnel (RFC 8441) of a kind that is not passed on.
  @inline(__always) private func isVainConnect(_ exchange: ExchangePointer) -> Bool {
    isExtendedConnect(exchange) && !exchange.pointee.asksForTunnel
  }

  /// True for a request of HTTP/2 for a tunnel (RFC 8441). Its head was composed as that of a
  /// request to switch protocols, which HTTP/2 itself does not have.
  @inline(__always) func isExtendedConnect(_ exchange: ExchangePointer) -> Bool {
    exchange.pointee.head.requestsUpgrade && exchange.pointee.client.pointee.isMultiplexed
  }

  /// Refuses what a request for a tunnel can't be answered with: any 2xx would say that there is
  /// one.
  @inline(never) mutating func refuseMissingTunnel(_ exchange: ExchangePointer) {
    precondition(isExtendedConnect(exchange), "refuseMissingTunnel: it asks for none")
    refuse(exchange, 501, .httpRequestDenied, Termination(.proxy, .route))
  }

  /// Does what the location is there for.
  @inline(__always) mutating func act(_ exchange: ExchangePointer, _ action: LocationAction) {
    assert(exchange.pointee.response == .none, "act: a response has begun")
    switch action {
    case .none: refuse(exchange, 404, .noRoute, Termination(.proxy, .route))
    case .answer: answer(exchange)
    case .health: answerHealth(exchange)
    case .metrics, .status, .stubStatus, .files:
      if isExtendedConnect(exchange) { return refuseMissingTunnel(exchange) }
      if action == .files { serveFile(exchange) } else { answerMetrics(exchange) }
    case .precontent: lookAhead(exchange)
    case .rewriting: rewriteInLocation(exchange)
    case .traced: beginTraced(exchange)
    case .proxy:
      if exchange.pointee.request == .content && exchange.pointee.plan.pointee.buffersRequests
        // After an internal redirect it may have been read already.
        && !exchange.pointee.kept.isUsed
      {
        return bufferRequest(exchange)
      }
      beginFirstTry(exchange)
    }
  }

  /// Prepares the reading of the request's content.
  @inline(__always) private mutating func beginContent(_ exchange: ExchangePointer) {
    exchange.pointee.record.hasRequestLine = true
    exchange.pointee.record.requestBytes = UInt64(exchange.pointee.headByteCount)
    exchange.pointee.asksForTunnel =
      exchange.pointee.head.requestsUpgrade && exchange.pointee.head.framing == .none
      && passesUpgrade(exchange)
    exchange.pointee.requestReader.begin(contentFraming(exchange))
    exchange.pointee.request =
      exchange.pointee.requestReader.isComplete ? .complete : .content
  }

  /// True for an Upgrade whose first line, the one that is passed on, names only protocols that
  /// may be switched to.
  private mutating func passesUpgrade(_ exchange: ExchangePointer) -> Bool {
    guard let index = exchange.pointee.head.fields.firstIndex(of: .upgrade) else { return false }
    let value = exchange.pointee.head.fields[index].value
    return UpgradeProtocols.mayPass(exchange.pointee.headBytes.span.extracting(value.offsets))
  }

  /// What serves a request of a server that no location matches.
  mutating func fallbackLocation(of server: Int) -> UnsafePointer<LocationPlan> {
    tables.locations.address(of: tables.servers[server].fallbackLocation)
  }

  /// Finds the server by the request's host; false when a regular expression took too long.
  @inline(__always) private mutating func findServer(_ exchange: ExchangePointer) -> Bool {
    let listener = Int(exchange.pointee.downstream.pointee.origin)
    let host = exchange.pointee.head.host
    var server = tables.listeners[listener].serverNames.find(
      exchange.pointee.headBytes.span.extracting(host.offsets))
    var isDecided = true
    if server < 0 {
      let isUndecided = server == ServerNameTable.undecided
      server = tables.listeners[listener].defaultServer
      if isUndecided { isDecided = findServerByExpression(exchange, listener, &server) }
    }
    exchange.pointee.server = server
    exchange.pointee.record.serverName = tables.servers[server].name
    exchange.pointee.record.fieldNames = tables.servers[server].fieldNames
    exchange.pointee.plan = fallbackLocation(of: server)
    return isDecided
  }

  /// Finds out who the client is: the socket's peer, or whom a trusted peer names
  /// (`set_real_ip_from`).
  @inline(__always) private mutating func findClient(_ exchange: ExchangePointer) {
    let server = exchange.pointee.server
    let connection = exchange.pointee.downstream
    let peer = connection.pointee.peer
    guard tables.servers[server].realIPTrust.contains(peer) else { return }
    exchange.pointee.trustsForwardedFields = true
    let header = tables.servers[server].realIPHeader
    if header == .proxyProtocol {
      exchange.pointee.record.client = connection.pointee.announcedClient
      return
    }
    exchange.pointee.record.client = RealIP.resolve(
      head: exchange.pointee.head, bytes: exchange.pointee.headBytes.span,
      field: tables.servers[server].realIPField.span, recursive: header == .xForwardedForRecursive,
      peer: peer, trust: tables.servers[server].realIPTrust)
  }

  /// What came of the search for a location.
  enum LocationSearch: BitwiseCopyable {
    case found
    /// The path leaves the root or can't be decoded.
    case badPath
    /// A regular expression took too long.
    case undecided
  }

  /// Finds the location by the normalised path.
  mutating func findLocation(
    _ exchange: ExchangePointer, mergesSlashes: Bool = true
  ) -> LocationSearch {
    guard let path = normalPath(exchange, mergesSlashes: mergesSlashes) else { return .badPath }
    let server = exchange.pointee.server
    return setLocation(exchange, tables.servers[server].locationTable.find(path.span))
  }

  /// The path that locations are searched for, decoded and normalised; nil when there is none.
  @inline(__always)
  mutating func normalPath(
    _ exchange: ExchangePointer, mergesSlashes: Bool = true
  ) -> UnsafeBufferPointer<UInt8>? {
    assert(exchange.pointee.pathBuffer.isNone, "normalPath: a path is there")
    let path = exchange.pointee.head.path
    guard !path.isEmpty else { return rootPath(exchange) }
    let raw = UnsafeBufferPointer(rebasing: exchange.pointee.headBytes[path.offsets])
    if PathNormalization.isNormal(raw.span) { return raw }
    guard let size = Buffer.Size(holding: raw.count) else { return nil }
    let buffer = buffers.take(size)
    exchange.pointee.pathBuffer = buffer
    var writer = ByteWriter(buffer.bytes)
    let mergesSlashes =
      mergesSlashes
      && tables.listeners[Int(exchange.pointee.downstream.pointee.origin)].mergesSlashes
    guard PathNormalization.normalize(raw.span, mergesSlashes: mergesSlashes, into: &writer),
      !writer.overflowed
    else { return nil }
    exchange.pointee.pathByteCount = UInt32(writer.count)
    return writer.written
  }

  /// `OPTIONS *` means the server as a whole, `http://host` its root (RFC 9110 section 4.2.3).
  @inline(never)
  private mutating func rootPath(_ exchange: ExchangePointer) -> UnsafeBufferPointer<UInt8> {
    let root: StaticString = "/"
    if exchange.pointee.head.targetForm == .absolute {
      exchange.pointee.pathBuffer = buffers.take(.small)
      exchange.pointee.pathBuffer.bytes[0] = 0x2f
      exchange.pointee.pathByteCount = 1
    }
    return UnsafeBufferPointer(start: root.utf8Start, count: 1)
  }

  /// Has what the server's table says of the path serve the exchange.
  @inline(__always) private mutating func setLocation(
    _ exchange: ExchangePointer, _ found: Int
  ) -> LocationSearch {
    if found < 0 { return findLocationByExpression(exchange, ~found) ? .found : .undecided }
    exchange.pointee.plan = tables.locations.address(of: found)
    return .found
  }

  /// Keeps the client's ID of an exchange that is refused, if it may be kept. Of a head that is not
  /// whole or malformed, the lines before the fault count.
  @inline(never) mutating func keepRequestID(_ exchange: ExchangePointer) {
    assert(exchange.isLive, "keepRequestID: the exchange has ended")
    _ = decideRequestID(exchange)
  }

  /// Keeps the client's ID or has the new one stand; false when it must be refused.
  @inline(__always) mutating func decideRequestID(_ exchange: ExchangePointer) -> Bool {
    let server = tables.listeners[Int(exchange.pointee.downstream.pointee.origin)].defaultServer
    if exchange.pointee.plan != fallbackLocation(of: server) { remakeRequestID(exchange) }
    let source = exchange.pointee.plan.pointee.requestID.decide(
      head: &exchange.pointee.head, bytes: exchange.pointee.headBytes.span,
      peer: nearestPeer(exchange), isVerified: isVerified(exchange),
      id: &exchange.pointee.record.requestID, received: &exchange.pointee.record.clientRequestID)
    exchange.pointee.record.idSource = source
    guard exchange.pointee.plan.pointee.requestID.needsSettling else { return true }
    return settleRequestID(exchange)
  }

  /// Does what few policies ask for once the ID is known; false when the request must be refused.
  @inline(never) private mutating func settleRequestID(_ exchange: ExchangePointer) -> Bool {
    // The trace's number may become the ID.
    if exchange.pointee.plan.pointee.tracing.isOn { decideTrace(exchange, isFinal: false) }
    let source = exchange.pointee.record.idSource
    return !exchange.pointee.plan.pointee.requestID.rejects(source)
  }

  /// Whom `request_id_trust` is asked about: the socket's peer, or the client that a trusted peer
  /// announced by the PROXY protocol. Never one that only a field names.
  mutating func nearestPeer(_ exchange: ExchangePointer) -> PeerAddress {
    let connection = exchange.pointee.downstream
    let isAnnounced =
      exchange.pointee.trustsForwardedFields
      && tables.servers[exchange.pointee.server].realIPHeader == .proxyProtocol
    return isAnnounced ? connection.pointee.announcedClient : connection.pointee.peer
  }

  /// Makes the ID anew when the location wants another kind than the one made at birth.
  @inline(__always) private mutating func remakeRequestID(_ exchange: ExchangePointer) {
    let server = tables.listeners[Int(exchange.pointee.downstream.pointee.origin)].defaultServer
    let birth = fallbackLocation(of: server)
    let isSame =
      exchange.pointee.plan.pointee.requestID.format == birth.pointee.requestID.format
      && exchange.pointee.plan.pointee.requestID.makesID == birth.pointee.requestID.makesID
    if !isSame { makeRequestID(exchange) }
  }
}

extension RequestIDPolicy {
  /// True when an ID is made where none is kept.
  @inline(__always) var makesID: Bool { mode == .on || mode == .generate }
}

/// Always inlined: what is called on an exchange gets a copy of it.
extension Exchange {
  /// The bytes of the request's head, as far as they have come.
  @inline(__always) var headBytes: UnsafeBufferPointer<UInt8> {
    let base = sharesInput || !headBuffer.isNone ? headBuffer.base : nil
    return UnsafeBufferPointer(
      start: base?.assumingMemoryBound(to: UInt8.self), count: base == nil ? 0 : Int(headByteCount))
  }

  /// The upstream that was asked after so many internal redirects.
  func askedUpstream(after redirects: Int) -> Int {
    guard let serving, redirects < Int(serving.pointee.redirectCount),
      redirects < Limits.internalRedirects
    else { return upstreamIndex }
    return Int(serving.pointee.upstreams[redirects])
  }

  /// Bytes of the head as the client sent it, without the targets of internal redirects.
  var arrivedHeadCount: UInt32 {
    let count = serving?.pointee.headCount ?? 0
    return count > 0 ? count : headByteCount
  }

  /// The request's path, decoded and normalised.
  @inline(__always) var pathBytes: UnsafeBufferPointer<UInt8> {
    if let base = pathBuffer.base {
      return UnsafeBufferPointer(
        start: base.assumingMemoryBound(to: UInt8.self), count: Int(pathByteCount))
    }
    return UnsafeBufferPointer(rebasing: headBytes[head.path.offsets])
  }
}

extension Buffer {
  /// All of the buffer's memory as bytes.
  var bytes: UnsafeMutableBufferPointer<UInt8> {
    UnsafeMutableBufferPointer(
      start: base?.assumingMemoryBound(to: UInt8.self), count: capacity)
  }
}
