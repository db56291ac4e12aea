// Idle connections to peers: kept, found again, and dropped when the peer ends them.

import Basics
import HTTP
import Plan
import Platform
import Policy
import TLS
import Telemetry

extension Worker where K: ~Copyable {
  /// The most recently used idle connection to a peer, taken out of the pool. Those of which the
  /// kernel has reported something are closed: what came unasked would be read as a response.
  mutating func takePooled(
    _ exchange: ExchangePointer, upstream: Int, peer: Int
  ) -> ConnectionPointer? {
    var candidate = upstreams.newestIdle(upstream, peer)
    while let connection = firstSuitable(candidate, exchange) {
      candidate = connection.pointee.next
      guard connection.pointee.flags.isDisjoint(with: .happened) else {
        closePooled(connection)
        continue
      }
      assert(connection.pointee.exchange == nil, "takePooled: an exchange uses it")
      assert(connection.pointee.inputCount == 0, "takePooled: something has come unasked")
      upstreams.removeIdle(connection)
      countIdle(connection, by: -1)
      connection.pointee.flags.insert(.reused)
      connection.pointee.wait = .nothing
      return connection
    }
    return nil
  }

  /// The first of these idle connections that was made as this request wants it: TLS with other
  /// settings, or for another name, or none at all, is not for it.
  @inline(__always) private mutating func firstSuitable(
    _ first: ConnectionPointer?, _ exchange: ExchangePointer
  ) -> ConnectionPointer? {
    let context = exchange.pointee.plan.pointee.backendTLS
    if context >= 0, exchange.pointee.serving?.pointee.pass.isPlain != true {
      return firstSuitable(first, exchange, context)
    }
    var candidate = first
    while let connection = candidate, connection.pointee.tls != nil {
      candidate = connection.pointee.next
    }
    return candidate
  }

  @inline(never) private mutating func firstSuitable(
    _ first: ConnectionPointer?, _ exchange: ExchangePointer, _ context: Int
  ) -> ConnectionPointer? {
    guard first != nil else { return nil }
    var writer = ByteWriter(scratch)
    writeBackendName(exchange, into: &writer)
    guard !writer.overflowed else { return nil }
    var candidate = first
    while let connection = candidate {
      let identity = connection.pointee.tls?.pointee.identity
      if identity?.isMade(of: context, name: writer.written) == true { return connection }
      candidate = connection.pointee.next
    }
    return nil
  }

  /// Puts a connection whose exchange has ended into the pool, or closes it.
  mutating func release(_ connection: ConnectionPointer, mayReuse: Bool) {
    assert(connection.pointee.role == .upstream, "release: not a backend")
    assert(connection.pointee.phase != .idle, "release: it is in the pool")
    let upstream = Int(connection.pointee.origin)
    connection.pointee.exchange = nil
    connection.pointee.requestCount &+= 1
    if mayReuse, let link = connection.pointee.tls { saveSession(connection, link) }
    guard mayReuse, isReusable(connection) else { return close(connection) }
    if isRetiring { return leave(backend: connection) }
    if !tables.upstreams[upstream].resolved.isEmpty, hasLeft(connection) {
      return close(connection)
    }
    buffers.giveBack(&connection.pointee.input)
    connection.pointee.phase = .idle
    if upstreams.idleCount(of: upstream) >= tables.upstreams[upstream].idleConnections {
      let peer = Int(connection.pointee.peerIndex)
      guard let oldest = upstreams.oldestIdle(upstream, peer) ?? upstreams.anyIdle(upstream) else {
        return close(connection)
      }
      closePooled(oldest)
    }
    upstreams.insertIdle(connection)
    countIdle(connection, by: 1)
    startWaiting(connection, for: .poolIdle, atMost: tables.upstreams[upstream].idleTimeout)
  }

  /// True of a connection to an address that has left the DNS meanwhile: nothing new goes there.
  @inline(never) private func hasLeft(_ connection: ConnectionPointer) -> Bool {
    let peers = tables.upstreams[Int(connection.pointee.origin)].peers
    return peers[Int(connection.pointee.peerIndex)].weight == 0
  }

  /// Keeps what the next connection to the same peer can resume; tickets have come by now.
  private mutating func saveSession(_ connection: ConnectionPointer, _ link: TLSLinkPointer) {
    assert(connection.pointee.tls == link, "saveSession: another connection's TLS")
    guard !link.pointee.isSaved, let identity = link.pointee.identity,
      let saved = link.pointee.session.saved()
    else { return }
    link.pointee.isSaved = true
    upstreams.save(
      saved, Int(connection.pointee.origin), Int(connection.pointee.peerIndex),
      madeWith: identity)
  }

  @inline(__always) private mutating func isReusable(_ connection: ConnectionPointer) -> Bool {
    let plan = Int(connection.pointee.origin)
    let unusable: Connection.Flags = [.readable, .endAnnounced, .endRead, .failed, .endWritten]
    return connection.pointee.inputCount == 0 && !connection.pointee.hasOutput
      && connection.pointee.flags.isDisjoint(with: unusable)
      && tables.upstreams[plan].idleConnections > 0
      && connection.pointee.requestCount < tables.upstreams[plan].keepaliveRequests
      && (takesConnections || isRetiring)
  }

  /// Drops an idle connection that something happened to: its peer closed it, or sent what nobody
  /// asked for.
  mutating func discardPooled(_ connection: ConnectionPointer) {
    assert(connection.pointee.phase == .idle, "discardPooled: it is not in the pool")
    assert(connection.pointee.exchange == nil, "discardPooled: an exchange uses it")
    guard !connection.pointee.flags.isDisjoint(with: .happened) else { return }
    closePooled(connection)
  }

  /// Closes an idle connection.
  mutating func closePooled(_ connection: ConnectionPointer) {
    assert(connection.pointee.role == .upstream, "closePooled: not a backend")
    assert(connection.pointee.phase == .idle, "closePooled: it is not in the pool")
    upstreams.removeIdle(connection)
    countIdle(connection, by: -1)
    close(connection)
  }
}
