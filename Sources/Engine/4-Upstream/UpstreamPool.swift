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
    let isSecure = exchange.pointee.plan.pointee.backendTLS >= 0
    let purpose = isSecure ? backendPurpose(exchange) : 0
    var candidate = upstreams.newestIdle(upstream, peer)
    while let connection = candidate {
      candidate = connection.pointee.next
      // TLS with other settings, or for another name, or none at all: not for this request.
      if (connection.pointee.tls?.pointee.purpose ?? 0) != purpose { continue }
      guard connection.pointee.flags.isDisjoint(with: .happened) else {
        closePooled(connection)
        continue
      }
      upstreams.removeIdle(connection)
      countIdle(connection, by: -1)
      connection.pointee.flags.insert(.reused)
      connection.pointee.wait = .nothing
      return connection
    }
    return nil
  }

  private mutating func backendPurpose(_ exchange: ExchangePointer) -> UInt64 {
    var writer = ByteWriter(scratch)
    return writeBackendName(exchange, into: &writer)
  }

  /// Puts a connection whose exchange has ended into the pool, or closes it.
  mutating func release(_ connection: ConnectionPointer, mayReuse: Bool) {
    let upstream = Int(connection.pointee.origin)
    connection.pointee.exchange = nil
    connection.pointee.requestCount &+= 1
    if mayReuse, let link = connection.pointee.tls { saveSession(connection, link) }
    guard mayReuse, isReusable(connection) else { return close(connection) }
    if isRetiring { return leave(backend: connection) }
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

  /// Keeps what the next connection to the same peer can resume; tickets have come by now.
  private mutating func saveSession(_ connection: ConnectionPointer, _ link: TLSLinkPointer) {
    guard !link.pointee.isSaved, let saved = link.pointee.session.saved() else { return }
    link.pointee.isSaved = true
    upstreams.save(
      saved, Int(connection.pointee.origin), Int(connection.pointee.peerIndex),
      link.pointee.purpose)
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
    guard !connection.pointee.flags.isDisjoint(with: .happened) else { return }
    closePooled(connection)
  }

  /// Closes an idle connection.
  mutating func closePooled(_ connection: ConnectionPointer) {
    upstreams.removeIdle(connection)
    countIdle(connection, by: -1)
    close(connection)
  }
}
