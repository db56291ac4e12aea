// Listening sockets: where connections come from, and when none are taken.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// A listening socket of one worker. It may have several for one listener.
public struct ListeningSocket: Sendable {
  /// The socket.
  public var descriptor: Descriptor
  /// Index among the plan's listeners.
  public var listener: Int
  /// True when it stays open when this process ends: the service manager has opened it.
  public var isKeptElsewhere: Bool

  /// The socket of that listener.
  public init(_ descriptor: Descriptor, listener: Int, isKeptElsewhere: Bool = false) {
    self.descriptor = descriptor
    self.listener = listener
    self.isKeptElsewhere = isKeptElsewhere
  }
}

/// The listening sockets of a worker.
struct ListenerTable: ~Copyable {
  /// Tokens from here on are listeners: no connection's generation reaches that far.
  private static var tokenBase: UInt64 { 0xf000_0000_0000_0000 }

  private(set) var sockets: [ListeningSocket]
  /// True while connections are taken.
  var isAccepting = false

  init(_ sockets: [ListeningSocket]) { self.sockets = sockets }

  /// Forgets the sockets, which were closed.
  mutating func removeAll() { sockets = [] }

  static func token(ofIndex index: Int) -> UInt64 { tokenBase | UInt64(index) }

  static func index(ofToken token: UInt64) -> Int? {
    token >= tokenBase && token != KernelEvent.wakeToken ? Int(token & ~tokenBase) : nil
  }
}

extension Worker where K: ~Copyable {
  /// Takes the connections that wait at a listening socket, a bounded number in one turn. True when
  /// there may be more.
  @discardableResult mutating func acceptConnections(socket index: Int) -> Bool {
    precondition(index >= 0, "acceptConnections: no such socket")
    guard listeners.isAccepting, index < listeners.sockets.count else { return false }
    let socket = listeners.sockets[index]
    for _ in 0..<Limits.acceptsPerTurn {
      guard hasSlot() else {
        // Those that make room give their slots back at the end of this turn at the latest.
        if heldResponses.count > 0 && refusedCount > 0 { return true }
        pauseAccepting(nil)
        return false
      }
      // Responses that wait for their lines give their places back when this turn ends.
      if isFull && heldResponses.count > 0 && !isDraining { return true }
      switch kernel.accept(socket.descriptor) {
      case .connection(let descriptor, let peer):
        admit(descriptor, peer: peer, listener: socket.listener)
      case .wouldBlock: return false
      case .aborted: continue
      case .exhausted(let error):
        pauseAccepting(error)
        return false
      }
    }
    return true
  }

  /// Sees to it that there is a slot, beyond the limit if need be. Without one there would be no
  /// 503 and no line: the connection waits in the kernel instead.
  private mutating func hasSlot() -> Bool {
    if connections.count == connections.capacity { makeRoomForClient() }
    return connections.count < connections.capacity
  }

  /// Begins a connection, or refuses it when there are too many.
  private mutating func admit(_ descriptor: Descriptor, peer: PeerAddress, listener: Int) {
    precondition(descriptor != .none, "admit: there is no socket")
    precondition(listener < tables.listeners.count, "admit: no such listener")
    makeRoomForClient()
    let isOverLimit = isFull
    guard let connection = open(descriptor, role: .downstream, origin: listener) else { return }
    connection.pointee.number = takeConnectionNumber()
    metrics.own.add(WorkerCells.accepted)
    connection.pointee.peer = peer
    connection.pointee.announcedClient = peer
    let plan = tables.listeners[listener]
    let timeout = tables.servers[plan.defaultServer].headerTimeout
    if isOverLimit {
      refuseConnection(connection)
      // The answer must wait until it is known what the client understands.
      guard speaksTLS(listener) || plan.speaksHTTP2 else { return }
    }
    if !isOverLimit && (plan.acceptsProxyProtocol || speaksTLS(listener)) {
      joinReusable(connection)
    }
    if plan.acceptsProxyProtocol {
      connection.pointee.phase = .proxyHeader
      startWaiting(connection, for: .proxyHeader, atMost: timeout)
    } else if speaksTLS(listener) {
      startHandshake(connection, atMost: timeout)
    } else if plan.speaksHTTP2 {
      awaitPreface(connection)
      startWaiting(connection, for: .firstRequest, atMost: timeout)
    } else if let session = settings.makeSession?(listener) {
      beginSession(connection, session)
      startWaiting(connection, for: .firstRequest, atMost: timeout)
    } else {
      idleClients.insertFirst(connection)
      startWaiting(connection, for: .firstRequest, atMost: timeout)
    }
  }

  /// True when a handshake comes before the first request.
  mutating func speaksTLS(_ listener: Int) -> Bool {
    tables.listeners[listener].isSecure && !settings.assumesTLS
  }

  private mutating func startHandshake(_ connection: ConnectionPointer, atMost timeout: Interval) {
    startWaiting(connection, for: .handshake, atMost: timeout)
    beginHandshake(connection)
  }

  /// True when `worker_connections` are in use. Those that are only being refused do not count.
  private mutating func takeConnectionNumber() -> UInt64 {
    if connectionNumbers.isEmpty { connectionNumbers = settings.connectionNumbers.takeBlock() }
    defer { connectionNumbers = connectionNumbers.lowerBound &+ 1..<connectionNumbers.upperBound }
    return connectionNumbers.lowerBound
  }

  var isFull: Bool { connections.count &- refusedCount >= tables.workerConnections }

  /// Frees a place for a new client when all are taken: the one that has been idle longest goes, or
  /// where none is idle, the one that has been reusable longest. If what was awaited of it has come
  /// already, that is acted on, and the next one is looked at.
  mutating func makeRoomForClient() {
    for _ in 0..<Limits.acceptsPerTurn {
      guard isFull, giveUpOldest() else { return }
    }
  }

  /// Gives up one client; false when there is none that may be.
  private mutating func giveUpOldest() -> Bool {
    let reusable = reusableClients.last
    if let oldest = idleClients.last, !isNewer(oldest, than: reusable) {
      beginOrClose(oldest)
      return true
    }
    if let oldest = idleSessions.last, !isNewer(oldest, than: reusable) {
      serveOrEnd(idleSession: oldest)
      return true
    }
    guard let reusable else { return false }
    advanceOrEnd(reusable)
    return true
  }

  /// True for an idle client that has not had the time to send its first request: it came behind a
  /// reusable one.
  func isNewer(
    _ idle: ConnectionPointer, than reusable: ConnectionPointer?
  ) -> Bool {
    guard let reusable, idle.pointee.requestCount == 0 else { return false }
    return reusable.pointee.number < idle.pointee.number
  }

  /// Begins the exchange of an idle client whose request has come already, unnoticed so far; closes
  /// any other.
  mutating func beginOrClose(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase == .idle, "beginOrClose: it is not idle")
    precondition(connection.pointee.role == .downstream, "beginOrClose: not a client")
    // Nothing may have been reported of a new one yet; its answer is to leave at once.
    connection.pointee.flags.formUnion([.readable, .writable])
    if connection.pointee.inputCount > 0 { return beginExchange(connection) }
    switch receive(connection, .small) {
    case .bytes: beginExchange(connection)
    case .nothing, .end, .failed: closeIdle(connection)
    }
  }

  /// Stops accepting for a moment, because the system has no more descriptors or memory (`error`
  /// says which), or the worker no more slots. Idle clients give theirs back first.
  private mutating func pauseAccepting(_ error: KernelError?) {
    metrics.own.add(WorkerCells.acceptPauses)
    report(.critical, "accept", nil, nil) { line in
      guard let error else {
        return line.append("accepting is paused: worker_connections are not enough")
      }
      line.append("accepting is paused: ")
      error.append(to: &line)
    }
    _ = giveUpOldest()
    suspendAccepting()
    timers.setDeadline(acceptTimer, now + Limits.acceptPause)
  }

  /// Takes no more connections; they wait in the kernel.
  mutating func suspendAccepting() {
    guard listeners.isAccepting else { return }
    listeners.isAccepting = false
    for socket in listeners.sockets { kernel.unwatch(socket.descriptor) }
  }

  /// Takes connections (again).
  mutating func resumeAccepting() {
    timers.remove(acceptTimer)
    guard !listeners.isAccepting, takesConnections else { return }
    listeners.isAccepting = true
    for (index, socket) in listeners.sockets.enumerated() {
      let token = ListenerTable.token(ofIndex: index)
      if let error = kernel.watchListener(socket.descriptor, token: token) {
        report(.emergency, "accept", nil, nil) { line in
          line.append("a listening socket can't be watched: ")
          error.append(to: &line)
        }
      }
    }
  }

  /// Closes an idle client, as a server may at any time (RFC 9112 section 9.5).
  mutating func closeIdle(_ connection: ConnectionPointer) {
    precondition(connection.pointee.phase == .idle, "closeIdle: it is not idle")
    precondition(connection.pointee.exchange == nil, "closeIdle: an exchange is under way")
    precondition(connection.pointee.role == .downstream, "closeIdle: not a client")
    idleClients.remove(connection)
    close(connection)
  }
}
