// Start reading here. A worker is one thread and one event loop; `turn()` is all that it ever does.
//
// A request's way: 2-Accept takes its connection, 3-Request reads its head and begins its exchange,
// 4-Upstream finds a peer, 5-Relay carries both directions, 6-Finish ends it and writes its line.

import Basics
import ContentStages
import HTTP
import Names
import Plan
import Platform
import Policy
import RegularExpressions
import TLS
import Telemetry

/// What a worker is told at its start.
public struct WorkerSettings: Sendable {
  /// Its number, from 0.
  public var number: Int
  /// How many workers there are.
  public var count: Int
  /// The process, for `$pid`.
  public var processID: UInt32
  /// Its own listening sockets. The worker closes them.
  public var listeners: [ListeningSocket]
  /// The standard streams that the system's journal reads.
  public var journaled: Set<LogSinkPlan.Destination> = []
  /// TLS is taken to have been spoken already, on both sides: for rehearsals, which have no peers.
  public var assumesTLS = false
  /// The contexts for TLS.
  public var tls = TLSTables.none
  /// Where it counts; nil for counters of its own, which no other worker's are added to.
  public var metrics: MetricsShare?
  /// Where it is asked about its requests; nil without `control`.
  public var desk: WorkerDesk?
  /// Where its failed requests are remembered; nil without `control`. It outlives the worker.
  public var failures: RecentLines?
  /// Where other workers leave it what is idle, and where it finds its own heirs; nil for a worker
  /// that is never replaced.
  public var inbox: WorkerInbox?
  /// Where the numbers of its connections come from.
  public var connectionNumbers = ConnectionNumbers()
  /// How much of the disk temporary files take up; all workers of the process share it.
  public var temporarySpace = TemporarySpace()
  /// What takes the connections of a listener that carry several requests at once; nil where they
  /// don't.
  var makeSession: (@Sendable (_ listener: Int) -> Session?)?
  /// What is known of names that are looked up at run time; nil where none is.
  public var names: NameDirectory?
  /// Where the worker is told of them.
  public var nameMailbox: NameMailbox?
  /// What is known of peers beyond this worker; nil where nothing is.
  public var health: HealthDirectory?
  /// Where the worker is told of that.
  public var healthMailbox: HealthMailbox?
  /// Which configuration of the process it serves, from 1, for `$gen`.
  public var generation: UInt32 = 1
  /// Where requests are counted by keys; all workers of the process share it.
  public var limitZones = LimitZones()
  /// Who finds out about passwords; nil where nobody does.
  public var passwords: PasswordChecks?
  /// Where the answers about passwords lie; nil for a worker that waits for them.
  public var passwordAnswers: PasswordAnswers?

  /// The settings given. The sockets stand in the order of the plan's listeners.
  public init(number: Int, count: Int, processID: UInt32, listeners: [Descriptor]) {
    self.number = number
    self.count = count
    self.processID = processID
    self.listeners = listeners.enumerated().map { ListeningSocket($1, listener: $0) }
  }
}

/// One thread's share of the proxy: its sockets, exchanges, pools, timers and log lines. It shares
/// nothing with the others but the plan.
public struct Worker<K: Kernel & ~Copyable>: ~Copyable {
  /// What a worker is about to do with new connections.
  enum Lifecycle: BitwiseCopyable {
    case serving
    /// Replaced: no new connections; what is idle goes to the heirs; ends when nothing is left, at
    /// the latest then.
    case retiring(until: EndTime)
    /// Told to end, but load balancers shall find that out first (`shutdown_delay`).
    case leaving(until: Instant)
    /// Told to end: no new connections. Clients that are here may send one request more until the
    /// first instant; what runs then has until the second one.
    case parting(until: Instant, end: EndTime)
    /// No new connections; ends when the last one is closed, at the latest then.
    case draining(until: EndTime)
    /// Another process takes the new connections. Clients that are here may send one request more
    /// until the first instant; what runs then has until the second one.
    case handedOver(until: Instant, end: EndTime)
    case stopped
  }

  var kernel: K
  let plan: Plan
  let tables: PlanTables
  let settings: WorkerSettings
  var lifecycle = Lifecycle.serving

  /// The time at the begin of the turn, or when it was last looked at.
  var now: Instant
  var wall: WallClock
  /// The current second as a Date field has it.
  var date = CurrentDate()

  var connections: Slots<Connection>
  var exchanges: Slots<Exchange>
  /// The streams of connections that have several.
  var streams: Slots<MultiplexedStream>
  var streamReports = FailureReports()
  var subrequests: Slots<Subrequest>
  var sharedFiles = SharedFiles()
  var buffers = BufferPool()
  var servingStates = ServingStates()
  /// Compressors that wait for their next use.
  var keptCompressors: [GzipCompressor] = []
  /// Responses whose content passes through stages.
  var stagedCount = 0
  /// Responses of which something is kept for a slow client.
  var backlogCount = 0
  var turnFile = TurnFile()
  var timers: TimerWheel
  /// When connections are taken again, after that had to pause.
  let acceptTimer: TimerPointer
  var random = RandomBlock()
  var listeners: ListenerTable
  var upstreams: UpstreamTable
  var changing: ChangingPeers
  var computedUpstreams: ComputedUpstreams
  var logs: LogSinks
  var tls: TLSWork
  var heldResponses: HeldResponses
  /// Where regular expressions are matched.
  var matches: MatchSpace
  var metrics: WorkerMetrics
  /// Idle clients, the one that has been idle longest at the end.
  var idleClients = ConnectionList()
  /// Clients' connections with a session that carries nothing; the last one has done so longest.
  var idleSessions = ConnectionList()
  /// Clients that others may replace: those that owe a PROXY protocol header, a handshake, or the
  /// rest of a head that came in part, and those whose last response is out. The one that has stood
  /// here longest is at the end.
  var reusableClients = ConnectionList()
  var connectionNumbers: Range<UInt64> = 0..<0
  /// Upstreams by name, for connections that come from other workers.
  let upstreamNames: UpstreamNames
  /// Connections beyond `worker_connections` that are being refused.
  var refusedCount = 0
  /// The zones of `limit_req` and `limit_conn`.
  let limitZones: LimitZoneTable
  /// Questions about passwords so far.
  var passwordTickets: UInt64 = 0
  /// Questions about names so far.
  var nameTickets: UInt64 = 0
  /// How much of what is known of peers it has taken.
  var healthVersion: UInt64 = 0
  /// Who is asked for names, as the plan numbers them.
  let resolvers: [ResolverSettings]

  /// Which lines of the section that is being passed on its sender's Connection lists.
  var listedLines = ListedLines()

  /// Heads and bodies are composed here before they are written.
  let scratch: UnsafeMutableBufferPointer<UInt8>
  private let events: UnsafeMutableBufferPointer<KernelEvent>
  /// The streams to advance in this turn and, from `readyCount` on, none.
  private var ready: UnsafeMutableBufferPointer<StreamPointer>
  private var readyCount = 0

  /// A worker for `plan`; its sockets are watched and its logs open when this returns.
  public init(kernel: consuming K, plan: Plan, settings: WorkerSettings) {
    var tables = plan.tables
    var changing = ChangingPeers(&tables)
    computedUpstreams = ComputedUpstreams(&tables, &changing)
    self.changing = changing
    resolvers = Self.resolvers(of: plan)
    self.kernel = kernel
    self.plan = plan
    self.tables = tables
    self.settings = settings
    now = self.kernel.now()
    wall = self.kernel.wallClock()
    // A few slots more than the limit: they carry the 503 for those beyond it.
    let slotCount = tables.workerConnections + Limits.refusalConnections
    connections = Slots(capacity: slotCount)
    // One for each connection, and one for each stream of those that have several.
    let hasSessions =
      settings.makeSession != nil
      || tables.listeners.indices.contains { tables.listeners[$0].speaksHTTP2 }
    let requestCount = hasSessions ? slotCount * Limits.streamsPerConnection : 1
    let subrequestCount = (slotCount + requestCount) * tables.subrequestsPerRequest
    let exchangeCount = slotCount + requestCount + subrequestCount
    exchanges = Slots(capacity: exchangeCount)
    // Each exchange may have a stream to a backend as well.
    let speaksHTTP2 = tables.locations.indices.contains { tables.locations[$0].speaksHTTP2 }
    streams = Slots(capacity: speaksHTTP2 ? 2 * exchangeCount : requestCount)
    subrequests = Slots(capacity: max(1, subrequestCount))
    timers = TimerWheel(now: now)
    acceptTimer = .allocate(capacity: 1)
    acceptTimer.initialize(to: Timer(.accepting))
    listeners = ListenerTable(settings.listeners)
    upstreams = UpstreamTable(tables.upstreams)
    logs = LogSinks(
      tables.sinks, queueBytes: tables.logQueueBytes, journaled: settings.journaled)
    heldResponses = HeldResponses()
    tls = TLSWork(settings.tls)
    limitZones = settings.limitZones.zones(of: tables.limitZones)
    matches = MatchSpace(tables.expressions)
    upstreamNames = UpstreamNames(
      settings.inbox == nil && settings.health == nil ? .empty : plan.tables.upstreams)
    metrics = WorkerMetrics(
      settings.metrics ?? .alone(plan, worker: settings.number), worker: settings.number,
      tables.upstreams)
    scratch = .allocate(capacity: Limits.scratchBytes)
    events = .allocate(capacity: Limits.eventsPerTurn)
    // Each stream stands in it at most twice: among those that are being worked off, and again
    // among those that go on in the next turn.
    ready = .allocate(capacity: 2 * (slotCount + streams.capacity + subrequests.capacity))
    openLogs()
    if tables.usesNames { holdNames() }
    holdHealth()
    resumeAccepting()
  }

  deinit {
    acceptTimer.deallocate()
    scratch.deallocate()
    events.deallocate()
    ready.deallocate()
  }

  /// Waits for events, carries every connection concerned as far as it goes, fires timers and
  /// writes the turn's log lines. False when the worker has ended.
  public mutating func turn() -> Bool {
    let deadline = isBusy ? now : nextDeadline
    let count = kernel.wait(into: events, until: deadline)
    refreshClock()
    let begin = now
    metrics.pageRowsLeft = Limits.metricRowsPerTurn
    for index in 0..<count { note(events[index]) }
    advanceReadyConnections()
    fireTimers()
    if heldResponses.count > 0 { releaseHeldResponses() }
    if turnFile.isOpen { closeTurnFile() }
    flushLogs()
    carryOnEnding()
    countTurn(since: begin)
    guard case .stopped = lifecycle else { return true }
    closeLogs()
    return false
  }

  /// True when the next turn goes on at once, without waiting for events: a connection has used up
  /// its share of the last one.
  public var isBusy: Bool { readyCount > 0 || heldResponses.count > 0 || hasMoreToHandOver }

  /// Connections that exist, for tests: at rest there is none but idle ones.
  public var connectionCount: Int { connections.count }
  /// Exchanges under way, for tests.
  public var exchangeCount: Int { exchanges.count }
  /// Buffers in use, for tests.
  public var buffersInUse: Int { buffers.inUse }

  /// Responses of which something is kept for a slow client, for tests.
  public var keptResponseCount: Int { backlogCount }
  /// Bytes of all temporary files of the process, for tests.
  public var temporaryBytes: UInt64 { settings.temporarySpace.usedBytes }

  /// Log lines that were lost since the start, because a log could not be written.
  public var lostLineCount: UInt64 { logs.droppedTotal }

  /// Timers that stand in the timer wheel, for tests.
  public var timerCount: Int { timers.count }
  /// The earliest deadline of any connection, found without the timer wheel, for tests: after a
  /// turn it is never past by more than a tick.
  public var earliestDeadline: Instant {
    var earliest = Instant.never
    for slot in connections.touched {
      guard let connection = connections.element(at: slot), connection.pointee.phase != .closed
      else { continue }
      earliest = min(earliest, connection.pointee.deadline)
    }
    return earliest
  }

  /// Reads the clocks anew.
  mutating func refreshClock() {
    now = kernel.now()
    wall = kernel.wallClock()
  }

  private var nextDeadline: Instant {
    var deadline = min(timers.nextDeadline, logs.nextDeadline)
    switch lifecycle {
    case .leaving(let end), .parting(let end, _), .handedOver(let end, _):
      deadline = min(deadline, end)
    case .draining(let end), .retiring(let end): deadline = min(deadline, end.instant)
    case .serving, .stopped: break
    }
    return deadline
  }

  /// Remembers what an event says; nothing is done until all events of the turn are known.
  @inline(__always) private mutating func note(_ event: KernelEvent) {
    if event.token == KernelEvent.wakeToken { return obeyCommands() }
    if let index = ListenerTable.index(ofToken: event.token) {
      acceptConnections(socket: index)
      return
    }
    guard let connection = connections.element(at: UInt32(truncatingIfNeeded: event.token)),
      connection.pointee.token == event.token, connection.pointee.phase != .closed
    else { return }
    let readiness = event.readiness
    var flags = connection.pointee.flags
    if readiness.contains(.readable) { flags.insert(.readable) }
    if readiness.contains(.writable) { flags.insert(.writable) }
    if readiness.contains(.peerClosed) { flags.formUnion([.readable, .endAnnounced]) }
    if readiness.contains(.failed) { flags.formUnion([.readable, .writable, .failed]) }
    connection.pointee.flags = flags
    enqueue(connection.stream)
  }

  /// Puts a stream on the list of those to advance in this turn, or in the next one when this
  /// turn's list is being worked off.
  mutating func enqueue(_ stream: StreamPointer) {
    guard !stream.pointee.flags.contains(.queued) else { return }
    stream.pointee.flags.insert(.queued)
    precondition(readyCount < ready.count, "enqueue: the list is full")
    ready[readyCount] = stream
    readyCount &+= 1
  }

  private mutating func advanceReadyConnections() {
    precondition(readyCount <= ready.count, "advanceReadyConnections: the list is too long")
    let count = readyCount
    for index in 0..<count {
      let stream = ready[index]
      stream.pointee.flags.remove(.queued)
      advance(stream)
    }
    // What was enqueued meanwhile waits for the next turn.
    let left = readyCount &- count
    for index in 0..<left { ready[index] = ready[count &+ index] }
    readyCount = left
  }

  /// Carries a stream as far as it goes: its exchange, or what its connection is about else.
  @inline(__always) private mutating func advance(_ stream: StreamPointer) {
    guard stream.pointee.isMultiplexed else { return advance(stream.pointee.connection) }
    if let exchange = stream.pointee.exchange { advance(exchange) }
  }

  /// Carries a connection as far as it goes.
  mutating func advance(_ connection: ConnectionPointer) {
    if connection.pointee.flags.contains(.sealed) { passOnSealed(connection) }
    switch connection.pointee.phase {
    case .closed: return
    case .exchange:
      if let exchange = connection.pointee.exchange { advance(exchange) }
    case .connecting: finishConnecting(connection)
    case .multiplexed: advanceSession(connection)
    case .handshake: advanceHandshake(connection)
    case .idle where connection.pointee.role == .upstream: discardPooled(connection)
    case .proxyHeader, .preface, .idle, .requestHead, .lingering: advanceDownstream(connection)
    }
  }

  private mutating func fireTimers() {
    while let timer = timers.popDue(now: now) {
      switch timer.pointee.owner {
      case .stream: expire(timer.stream)
      case .accepting: resumeAccepting()
      }
    }
  }
}
