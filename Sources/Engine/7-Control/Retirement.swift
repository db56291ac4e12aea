// How a worker is replaced: it takes no more connections, leaves to its heirs what is idle, a
// bounded number in each turn, and finishes what runs under the plan that it began with. Whatever
// becomes idle then follows. No client notices.

import Basics
import HTTP
import Plan
import Platform
import Policy
import TLS

extension Worker where K: ~Copyable {
  /// Begins to be replaced. The heirs stand in the inbox.
  mutating func beginRetiring() {
    guard case .serving = lifecycle, let inbox = settings.inbox, inbox.heir != nil else { return }
    // The heirs hold the sockets of the listeners that they keep; who waits at another would be
    // reset when it closes.
    for (index, socket) in listeners.sockets.enumerated()
    where !isKept(listener: socket.listener) {
      acceptLastConnections(socket: index)
    }
    closeListeners()
    let end = tables.workerShutdownTimeout.map { now + $0 } ?? .never
    lifecycle = .retiring(until: EndTime(end, .workerShutdownTimeout))
    announceSessionEnds()
    closeInbox()
    leaveHealth()
  }

  /// Passes on what was left here and not taken, and has later things go to the heirs.
  mutating func closeInbox() {
    guard let inbox = settings.inbox else { return }
    for legacy in inbox.close() where !inbox.put(legacy) { drop(legacy) }
  }

  /// Leaves what is idle, and ends when nothing is left.
  mutating func carryOnRetiring() {
    precondition(isRetiring, "carryOnRetiring: the worker is not replaced")
    leaveIdleClients()
    for upstream in 0..<upstreams.count {
      while let idle = upstreams.oldestOfAll(upstream) {
        upstreams.removeIdle(idle)
        countIdle(idle, by: -1)
        leave(backend: idle)
      }
      while let idle = upstreams.anyIdleSession(upstream) { closeBackend(idle) }
    }
    // The time that this took is the turn's, too, for those who measure it.
    now = kernel.now()
    if connections.count == 0 { stop() }
  }

  /// Idle clients that this turn did not get to.
  var hasMoreToHandOver: Bool { isRetiring && idleClients.count > 0 }

  private mutating func leaveIdleClients() {
    for _ in 0..<Limits.handoversPerTurn {
      guard let oldest = idleClients.last else { return }
      leaveOrServe(oldest)
    }
  }

  /// Leaves an idle client to the heirs; one of a listener that they don't have is served once more
  /// if its request has come already, else closed.
  mutating func leaveOrServe(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase == .idle, "leaveOrServe: it is not idle")
    if !leave(client: connection) { beginOrClose(connection) }
  }

  /// Leaves an idle client to an heir that listens where it is connected, to idle for `timeout`
  /// from now on if that is given. False when there is none.
  mutating func leave(
    client connection: ConnectionPointer, keptFor timeout: Interval? = nil
  ) -> Bool {
    precondition(connection.pointee.phase == .idle, "leave: it is not idle")
    precondition(connection.pointee.exchange == nil, "leave: an exchange is under way")
    precondition(connection.pointee.role == .downstream, "leave: not a client")
    let listener = Int(connection.pointee.origin)
    guard let inbox = settings.inbox, isKept(listener: listener) else { return false }
    if let timeout {
      connection.pointee.wait = .nextRequest
      connection.pointee.deadline = now + timeout
    }
    idleClients.remove(connection)
    kernel.unwatch(connection.pointee.descriptor)
    let legacy = ClientLegacy(
      descriptor: connection.pointee.descriptor,
      listener: ListenerIdentity(tables.listeners[listener]),
      connection: connection.pointee.withoutMemory, input: Array(connection.pointee.inputBytes),
      tls: connection.pointee.tls.map { detach($0) })
    forget(connection)
    put(Legacy(kind: .client(legacy)), inbox)
    return true
  }

  /// Leaves an idle connection to a backend to the heirs, taken out of its pool.
  mutating func leave(backend connection: ConnectionPointer) {
    precondition(connection.pointee.exchange == nil, "leave: an exchange uses it")
    precondition(connection.pointee.role == .upstream, "leave: not a backend")
    guard let inbox = settings.inbox, connection.pointee.tls == nil else {
      return close(connection)
    }
    let upstream = Int(connection.pointee.origin)
    let timeout = tables.upstreams[upstream].idleTimeout
    let deadline =
      connection.pointee.wait == .poolIdle ? connection.pointee.deadline : now + timeout
    kernel.unwatch(connection.pointee.descriptor)
    let peer = tables.upstreams[upstream].peers[Int(connection.pointee.peerIndex)]
    let legacy = BackendLegacy(
      descriptor: connection.pointee.descriptor,
      upstream: Array(tables.upstreams[upstream].name), peer: Array(peer.name),
      requestCount: connection.pointee.requestCount, deadline: deadline)
    forget(connection)
    put(Legacy(kind: .backend(legacy)), inbox)
  }

  /// Leaves word of the backends that have failed lately.
  private mutating func leaveHealth() {
    guard let inbox = settings.inbox else { return }
    for index in tables.upstreams.indices {
      let upstream = tables.upstreams[index]
      let states = upstreams.states(of: index)
      for peer in upstream.peers.indices where states[peer].failures > 0 {
        let health = Legacy.Kind.health(
          upstream: Array(upstream.name), peer: Array(upstream.peers[peer].name), states[peer])
        for heir in inbox.heirs { _ = heir.put(Legacy(kind: health)) }
      }
    }
  }

  /// True when the heirs listen where this listener does.
  func isKept(listener: Int) -> Bool {
    let identity = ListenerIdentity(tables.listeners[listener])
    return settings.inbox?.heir?.label.contains(identity) == true
  }

  /// Frees a connection's slot without closing its socket.
  mutating func forget(_ connection: ConnectionPointer) {
    precondition(connection.pointee.exchange == nil, "forget: an exchange uses it")
    connection.pointee.descriptor = .none
    connection.pointee.tls = nil
    release(slotOf: connection)
  }

  private mutating func put(_ legacy: Legacy, _ inbox: WorkerInbox) {
    if !inbox.put(legacy) { drop(legacy) }
  }

  /// Closes what nobody will take any more, because the process ends.
  mutating func drop(_ legacy: Legacy) {
    switch legacy.kind {
    case .client(let client):
      client.tls?.session.free()
      kernel.close(client.descriptor)
    case .backend(let backend): kernel.close(backend.descriptor)
    case .health: return
    }
  }

  /// Takes a connection's TLS out of this worker's memory.
  private mutating func detach(_ link: TLSLinkPointer) -> SecureLegacy {
    precondition(link.pointee.session.isEstablished, "detach: the handshake is not over")
    link.pointee.session.detach()
    let server = link.pointee.server
    let legacy = SecureLegacy(
      session: link.pointee.session, arrived: Array(link.pointee.arrived.bytes),
      leaving: Array(link.pointee.leaving.bytes), isEndTold: link.pointee.hasToldEnd,
      noticeCount: link.pointee.noticeCount,
      rule: server < 0 ? .on : tables.servers[server].clientCertificates,
      mark: server < 0 ? [] : tls.tables.servers[server]?.mark ?? [],
      readEnd: link.pointee.readEnd)
    buffers.drop(&link.pointee.arrived)
    buffers.drop(&link.pointee.leaving)
    link.deinitialize(count: 1)
    link.deallocate()
    return legacy
  }
}

extension Connection {
  /// What of it means something to another worker.
  fileprivate var withoutMemory: Connection {
    var copy = self
    let deadline = deadline
    copy.stream = Stream(of: stream.connection)
    copy.stream.flags = flags
    copy.stream.wait = wait
    copy.stream.deadline = deadline
    copy.tls = nil
    copy.next = nil
    copy.previous = nil
    copy.flags.remove(.queued)
    return copy
  }
}
