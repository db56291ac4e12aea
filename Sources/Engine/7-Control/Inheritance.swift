// What a worker takes over from those whose place it takes: their idle connections become its own,
// as if they had come to it in the first place.

import Basics
import HTTP
import Plan
import Platform
import Policy
import TLS
import Telemetry

extension Worker where K: ~Copyable {
  /// Takes what lies in the inbox, a bounded number in one turn.
  mutating func inherit() {
    guard let inbox = settings.inbox else { return }
    let (items, isEmpty) = inbox.take(atMost: Limits.handoversPerTurn)
    for legacy in items {
      switch legacy.kind {
      case .client(let client): take(client)
      case .backend(let backend): take(backend)
      case .health(let upstream, let peer, let state): take(upstream, peer, state)
      }
    }
    if !isEmpty { inbox.wakeOwner() }
    now = kernel.now()
  }

  // MARK: Clients

  private mutating func take(_ legacy: ClientLegacy) {
    precondition(legacy.descriptor != .none, "take: there is no socket")
    let listener = tables.listeners.indices.first {
      ListenerIdentity(tables.listeners[$0]) == legacy.listener
    }
    makeRoomForClient()
    guard let listener, hasRoom(for: legacy) else { return drop(Legacy(kind: .client(legacy))) }
    guard
      let connection = open(
        legacy.descriptor, role: .downstream, origin: listener, closesRefused: false)
    else { return takeLater(legacy) }
    restore(legacy.connection, to: connection)
    if let tls = legacy.tls, !restore(tls, to: connection) {
      return close(connection)
    }
    idleClients.insertFirst(connection)
    legacy.input.withUnsafeBytes { bytes in
      guard !bytes.isEmpty, let size = Buffer.Size(holding: bytes.count) else { return }
      connection.pointee.input = buffers.take(size)
      connection.pointee.input.base?.copyMemory(
        from: bytes.baseAddress.unsafelyUnwrapped, byteCount: bytes.count)
      connection.pointee.inputEnd = UInt32(bytes.count)
    }
    if isDraining { return beginOrClose(connection) }
    timers.setDeadline(connection.stream.timer, legacy.connection.deadline)
    if legacy.input.count > 0 || connection.pointee.flags.contains(.readable) {
      enqueue(connection)
    }
  }

  /// Puts a client that could not be watched into the inbox again: it may have asked for something.
  private mutating func takeLater(_ legacy: ClientLegacy) {
    precondition(legacy.refusals < Limits.handoverAttempts, "takeLater: it was tried too often")
    var later = legacy
    later.refusals += 1
    let item = Legacy(kind: .client(later))
    let mayTry = later.refusals < Limits.handoverAttempts
    if !mayTry || settings.inbox?.put(item) != true { drop(item) }
  }

  /// Whether there is a place; beyond `worker_connections` only for one that has asked already.
  private mutating func hasRoom(for legacy: ClientLegacy) -> Bool {
    if !isFull { return true }
    if !legacy.input.isEmpty && connections.count < connections.capacity { return true }
    report(.critical, "accept", nil, nil) { line in
      line.append("worker_connections are not enough: an idle client was closed")
    }
    return false
  }

  /// Sets what a client's connection was before.
  private mutating func restore(_ old: Connection, to connection: ConnectionPointer) {
    precondition(old.phase == .idle, "restore: it was not idle")
    precondition(old.session == nil, "restore: it has a session")
    connection.pointee.phase = .idle
    connection.pointee.wait = old.wait
    // Watching it anew reports what is there to read and that there is room to write.
    connection.pointee.flags.formUnion(old.flags)
    connection.pointee.requestCount = old.requestCount
    connection.pointee.number = old.number
    connection.pointee.peer = old.peer
    connection.pointee.announcedClient = old.announcedClient
  }

  /// False when memory has run out.
  private mutating func restore(
    _ legacy: SecureLegacy, to connection: ConnectionPointer
  ) -> Bool {
    guard legacy.session.attach(tls.transport) else {
      legacy.session.free()
      return false
    }
    let link = TLSLinkPointer.allocate(capacity: 1)
    link.initialize(to: TLSLink(session: legacy.session))
    link.pointee.hasBegun = true
    link.pointee.hasToldEnd = legacy.isEndTold
    link.pointee.noticeCount = legacy.noticeCount
    link.pointee.readEnd = legacy.readEnd
    link.pointee.server = server(of: legacy, Int(connection.pointee.origin))
    legacy.arrived.withUnsafeBytes { buffers.keep($0, in: &link.pointee.arrived) }
    legacy.leaving.withUnsafeBytes { buffers.keep($0, in: &link.pointee.leaving) }
    connection.pointee.tls = link
    if holdsInput(link) { connection.pointee.flags.insert(.readable) }
    return true
  }

  /// The server whose rules the client was greeted by: -1 when they are no longer the same, so that
  /// its next request is answered with 421 and the client begins anew.
  private mutating func server(of legacy: SecureLegacy, _ listener: Int) -> Int {
    let name = legacy.session.serverName
    var server = tables.listeners[listener].defaultServer
    if let name {
      let named = self.server(named: name.span.span, listener: listener)
      if named >= 0 { server = named }
    }
    let rule = tables.servers[server].clientCertificates
    if legacy.rule == .off && rule == .off { return server }
    return legacy.rule == rule && tls.tables.servers[server]?.mark == legacy.mark ? server : -1
  }

  // MARK: Backends

  private mutating func take(_ legacy: BackendLegacy) {
    precondition(legacy.descriptor != .none, "take: there is no socket")
    guard let (upstream, peer) = upstreamNames.find(legacy.upstream, legacy.peer),
      tables.upstreams[upstream].idleConnections > upstreams.idleCount(of: upstream),
      legacy.requestCount < tables.upstreams[upstream].keepaliveRequests,
      takesConnections, !isFull
    else { return drop(Legacy(kind: .backend(legacy))) }
    guard let connection = open(legacy.descriptor, role: .upstream, origin: upstream) else {
      return
    }
    connection.pointee.peerIndex = UInt32(peer)
    connection.pointee.requestCount = legacy.requestCount
    connection.pointee.phase = .idle
    connection.pointee.wait = .poolIdle
    // Nothing is on its way on an idle one, so there is room.
    connection.pointee.flags.insert(.writable)
    upstreams.insertIdle(connection)
    countIdle(connection, by: 1)
    timers.setDeadline(connection.stream.timer, legacy.deadline)
  }

  private mutating func take(_ upstream: [UInt8], _ peer: [UInt8], _ state: PeerState) {
    guard let (upstream, peer) = upstreamNames.find(upstream, peer) else { return }
    // Of several predecessors the one counts that knows the worst.
    upstreams.states(of: upstream)[peer].inherit(
      state, of: tables.upstreams[upstream].peers[peer])
  }
}

/// Finds upstreams by name: there may be ten thousand of them, and connections for each.
struct UpstreamNames {
  private let upstreams: FrozenArray<UpstreamPlan>
  /// Their indices in the order of the names.
  private let order: [Int]

  init(_ upstreams: FrozenArray<UpstreamPlan>) {
    self.upstreams = upstreams
    order = upstreams.indices.sorted { upstreams[$0].name.precedes(upstreams[$1].name) }
  }

  /// The upstream and the peer of these names.
  func find(_ upstream: [UInt8], _ peer: [UInt8]) -> (upstream: Int, peer: Int)? {
    guard let found = find(upstream) else { return nil }
    let peers = upstreams[found].peers
    return peers.indices.first { Array(peers[$0].name) == peer }.map { (found, $0) }
  }

  /// The upstream of this name.
  func find(_ upstream: [UInt8]) -> Int? {
    var low = 0
    var high = order.count
    while low < high {
      let middle = (low + high) / 2
      if Array(upstreams[order[middle]].name).lexicographicallyPrecedes(upstream) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard low < order.count, Array(upstreams[order[low]].name) == upstream else { return nil }
    return order[low]
  }
}

extension FrozenBytes {
  fileprivate func precedes(_ other: FrozenBytes) -> Bool {
    for index in 0..<Swift.min(count, other.count) where self[index] != other[index] {
      return self[index] < other[index]
    }
    return count < other.count
  }
}
