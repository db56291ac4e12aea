// What other threads ask of a worker: reopen the logs, leave the service to another process, stop
// when all is finished, stop now.
// Questions about requests are answered in `Questions.swift`; how a worker is replaced by another
// is in `Retirement.swift`.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

extension Worker where K: ~Copyable {
  /// Obeys the commands that wait.
  mutating func obeyCommands() {
    let commands = kernel.takeCommands()
    if commands.contains(.answer) { answerQuestion() }
    if commands.contains(.passwords) { takePasswords() }
    if commands.contains(.names) { takeNames() }
    if commands.contains(.health) { takeHealth() }
    if commands.contains(.reopenLogs) { openLogs() }
    if commands.contains(.inherit) { inherit() }
    if commands.contains(.retire) { beginRetiring() }
    if commands.contains(.endRetired), isRetiring { stop(because: .tooManyGenerations) }
    if commands.contains(.handOver) { handOver() }
    if commands.contains(.drain) { beginEnding() }
    if commands.contains(.stop) { stop() }
  }

  /// Begins to end: at once, or after the `shutdown_delay`, in which all is served as before but
  /// that health checks fail and each response is its connection's last.
  private mutating func beginEnding() {
    switch lifecycle {
    case .serving where tables.shutdownDelay.nanoseconds > 0:
      lifecycle = .leaving(until: now + tables.shutdownDelay)
    case .serving, .retiring: beginDraining()
    case .handedOver(_, let end): drain(until: end)
    case .leaving, .parting, .draining, .stopped: return
    }
  }

  /// Takes no more connections; what runs may finish until the `shutdown_timeout`, or for a shorter
  /// time if `worker_shutdown_timeout` says so.
  ///
  /// A client whose connection were closed now might have its next request on the way, or its first
  /// one, and nobody would answer. So each is served once more and told that its connection ends;
  /// only who has nothing to say for a moment is closed.
  private mutating func beginDraining() {
    // Who waits at a socket that somebody else keeps open is served by whoever comes next.
    for (index, socket) in listeners.sockets.enumerated() where !socket.isKeptElsewhere {
      acceptLastConnections(socket: index)
    }
    closeListeners()
    var times = [EndTime(now + tables.shutdownTimeout, .shutdownTimeout)]
    if let timeout = tables.workerShutdownTimeout {
      times.append(EndTime(now + timeout, .workerShutdownTimeout))
    }
    if case .retiring(let end) = lifecycle { times.append(end) }
    let end = times.min { $0.instant < $1.instant }!
    lifecycle = .parting(until: min(now + Limits.lastRequestWaitAtEnd, end.instant), end: end)
    closeIdleUpstreams()
  }

  /// Leaves new connections to another process that listens on the same sockets. Clients are served
  /// once more, as at an end, but have more time for it: nobody waits for this process to end.
  private mutating func handOver() {
    guard isServing || isRetiring else { return }
    acceptLastConnections()
    closeListeners()
    var end =
      tables.workerShutdownTimeout.map { EndTime(now + $0, .workerShutdownTimeout) }
      ?? EndTime(now + tables.shutdownTimeout, .shutdownTimeout)
    if case .retiring(let other) = lifecycle, other.instant < end.instant { end = other }
    lifecycle = .handedOver(until: min(now + Limits.lastRequestWait, end.instant), end: end)
    closeIdleUpstreams()
  }

  /// Closes the connections that are idle; what runs may finish until `end`.
  private mutating func drain(until end: EndTime) {
    precondition(listeners.sockets.isEmpty, "drain: it listens")
    lifecycle = .draining(until: end)
    closeIdleConnections()
  }

  /// Takes what already waits in the accept queues: it would be reset when the sockets close.
  private mutating func acceptLastConnections() {
    for index in listeners.sockets.indices { acceptLastConnections(socket: index) }
  }

  /// The same for one socket.
  mutating func acceptLastConnections(socket index: Int) {
    for _ in 0..<Limits.lastAccepts where !acceptConnections(socket: index) { break }
  }

  mutating func closeListeners() {
    suspendAccepting()
    timers.remove(acceptTimer)
    for socket in listeners.sockets { kernel.close(socket.descriptor) }
    listeners.removeAll()
  }

  /// Closes the connections that nothing runs on. Each is read from once more: a request that has
  /// already come is served.
  private mutating func closeIdleConnections() {
    closeUnnamedConnections()
    while let connection = idleClients.first { beginOrClose(connection) }
    announceSessionEnds()
    closeIdleUpstreams()
  }

  private mutating func closeIdleUpstreams() {
    for upstream in 0..<upstreams.count {
      while let idle = upstreams.oldestOfAll(upstream) { closePooled(idle) }
      while let idle = upstreams.anyIdleSession(upstream) { closeBackend(idle) }
    }
  }

  /// Closes the connections on which nothing has been said yet: no PROXY protocol header, no word
  /// of a handshake. They are no idle clients, and would hold the worker until their timeout.
  private mutating func closeUnnamedConnections() {
    for slot in connections.touched {
      guard let connection = connections.element(at: slot), isUnnamed(connection) else { continue }
      connection.pointee.flags.insert(.readable)
      advanceDownstream(connection)
      if isUnnamed(connection) { close(connection) }
    }
  }

  private mutating func isUnnamed(_ connection: ConnectionPointer) -> Bool {
    switch connection.pointee.phase {
    case .proxyHeader, .preface: return true
    case .handshake:
      guard connection.pointee.role == .downstream else { return false }
      return connection.pointee.tls?.pointee.hasBegun == false
    case .closed, .idle, .requestHead, .exchange, .lingering, .connecting, .multiplexed:
      return false
    }
  }

  /// Ends what still runs, each exchange with its line.
  mutating func stop(because reason: StopReason = .order) {
    for slot in connections.touched {
      guard let connection = connections.element(at: slot),
        connection.pointee.phase != .closed, connection.pointee.role == .downstream
      else { continue }
      if connection.pointee.phase == .idle { beginWaitingRequest(connection) }
    }
    for exchange in runningExchanges { endByShutdown(exchange, reason) }
    endSubrequests()
    for slot in connections.touched {
      guard let connection = connections.element(at: slot) else { continue }
      switch connection.pointee.phase {
      case .closed: continue
      case .idle where connection.pointee.role == .downstream: closeIdle(connection)
      case .idle: closePooled(connection)
      case .proxyHeader, .handshake, .preface, .requestHead, .exchange, .lingering, .connecting,
        .multiplexed:
        close(connection)
      }
    }
    closeListeners()
    closeInbox()
    precondition(exchanges.count == 0, "stop: an exchange is under way")
    precondition(streams.count == 0, "stop: a stream is under way")
    precondition(subrequests.count == 0, "stop: a subrequest is under way")
    precondition(connections.count == 0, "stop: a connection is open")
    precondition(timers.count == 0, "stop: something is timed")
    precondition(buffers.inUse == 0, "stop: a buffer is in use")
    precondition(stagedCount == 0, "stop: a response has stages")
    lifecycle = .stopped
    flushAllLogs()
  }

  /// Makes an exchange, for its line alone, of a request that was read behind another one and waits
  /// for its turn.
  private mutating func beginWaitingRequest(_ connection: ConnectionPointer) {
    precondition(
      connection.pointee.exchange == nil, "beginWaitingRequest: an exchange is under way")
    precondition(connection.pointee.phase == .idle, "beginWaitingRequest: it is not idle")
    precondition(connection.pointee.role == .downstream, "beginWaitingRequest: not a client")
    guard connection.pointee.inputCount > 0 else { return }
    idleClients.remove(connection)
    let exchange = makeExchange(connection.stream)
    connection.pointee.phase = .requestHead
    let limits = tables.servers[exchange.pointee.server].headLimits
    // What is wrong with it no longer matters.
    _ = try? exchange.pointee.head.parse(connection.pointee.inputBytes.span, limits: limits)
  }

  private mutating func endByShutdown(_ exchange: ExchangePointer, _ reason: StopReason) {
    precondition(exchange.isLive, "endByShutdown: the exchange has ended")
    var phase: Termination.Phase =
      switch exchange.pointee.response {
      case .none, .pending: .responseHead
      case .tunnel: .tunnel
      case .content, .kept, .file, .composed, .heldBack, .delivering: .responseBody
      }
    if exchange.pointee.response == .none && exchange.pointee.request == .head {
      phase = .requestHead
      keepArrivedHead(exchange)
    }
    if let text = reason.text {
      report(.error, "end", exchange, nil) { line in line.append(text) }
    }
    let hasBegun = exchange.pointee.response != .none
    endEarly(
      exchange, .unlessSent(503), .proxyShutdown, Termination(.proxy, phase),
      hasBegun ? .abrupt : .orderly)
  }

  /// Goes on to the next step of ending: to draining when the delay is over, to the end when
  /// nothing is left to finish, or no more time.
  mutating func carryOnEnding() {
    switch lifecycle {
    case .serving, .stopped: return
    case .retiring(let end) where end.instant <= now: return stop(because: end.reason)
    case .retiring: return carryOnRetiring()
    case .leaving(let deadline) where deadline <= now: beginDraining()
    case .handedOver(let deadline, let end) where deadline <= now: drain(until: end)
    case .parting(let deadline, let end) where deadline <= now: drain(until: end)
    case .leaving, .handedOver, .parting, .draining: break
    }
    switch lifecycle {
    case .draining(let end) where end.instant <= now: stop(because: end.reason)
    case .draining, .handedOver, .parting: if connections.count == 0 { stop() }
    case .serving, .retiring, .leaving, .stopped: return
    }
  }
}
