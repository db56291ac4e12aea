import Basics
import Configuration
import Engine
import HTTP
import Plan
import Platform
import Policy
import Scenarios
import SecurePeers
import Simulation
import TLS
import Testing

/// Where the worker of every case listens.
let frontDoor = Location.ipv4(127, 0, 0, 1, port: 80)
/// The backend that `EngineBed.proxy` passes requests to.
let origin = Location.ipv4(10, 0, 0, 1, port: 8000)

/// Something in a case itself is wrong.
struct UnusableCase: Error { let reason: String }

/// The real worker on a simulated world: a conf file, scripted clients and backends, and at the end
/// the oracles (`finish`), which hold whatever the case is about.
final class EngineBed {
  /// A location that passes everything to `origin`.
  static let proxy = "location / { proxy_pass http://10.0.0.1:8000; }"

  let world: SimulatedWorld
  private(set) var clients: [ClientID] = []
  private(set) var backends: [BackendID] = []
  private var worker: Worker<SimulatedKernel>
  let census = SessionCensus()
  /// Where the worker is asked, and what it remembers, if the case is about that.
  let desk: WorkerDesk?
  let failures: RecentLines?
  /// Where the worker counts.
  let metrics: Metrics
  /// True when a line may be written before its exchange has ended.
  let writesAhead: Bool
  /// Turns in a row that may move nothing: more where pages are composed.
  var idleTurns = 20
  /// The worker has ended: `turn` said so.
  private(set) var hasStopped = false

  /// A worker that serves `plan`, whose one `listen` has a socket at each of `doors`.
  /// `workerCount` says with how many others it shares the log files, `share` where it counts
  /// together with them.
  init(
    _ plan: Plan, seed: UInt64 = 1, faults: Faults = .none,
    network: NetworkSettings = NetworkSettings(), workerCount: Int = 1, isAsked: Bool = false,
    tls: TLSTables = .none, number: Int = 0, metrics share: (Metrics, MetricsGeneration)? = nil,
    doors: [Location] = [frontDoor], configure: (inout WorkerSettings) -> Void = { _ in }
  ) {
    metrics = share?.0 ?? Metrics(version: "1", startTime: 0)
    let generation = share?.1 ?? metrics.begin(plan, workers: 1)
    writesAhead = plan.tables.locations.indices.contains { plan.tables.locations[$0].writesAhead }
    desk = isAsked ? try? WorkerDesk() : nil
    failures =
      isAsked
      ? RecentLines(places: Limits.keptFailures, placeBytes: Limits.failureBytes) : nil
    world = SimulatedWorld(seed: seed, faults: faults, network: network)
    var settings = WorkerSettings(
      number: number, count: workerCount, processID: 7, listeners: [])
    settings.listeners = doors.map { [world] door in
      ListeningSocket(world.listen(on: door), listener: 0)
    }
    settings.metrics = MetricsShare(metrics, generation)
    settings.desk = desk
    settings.failures = failures
    settings.tls = tls
    configure(&settings)
    worker = Worker(kernel: SimulatedKernel(world), plan: plan, settings: settings)
  }

  /// A worker with one server, of which `server` is the inside, below the directives of `top`.
  convenience init(
    _ server: String = EngineBed.proxy, top: String = "", faults: Faults = .none,
    network: NetworkSettings = NetworkSettings(), isAsked: Bool = false
  ) throws {
    self.init(
      try EngineBed.plan(server, top: top), faults: faults, network: network, isAsked: isAsked)
  }

  /// The plan of a conf file of one server, `listen` being the parameters of its `listen`. It logs
  /// to `/log` and `/error`.
  static func plan(
    _ server: String = EngineBed.proxy, top: String = "", listen: String = ""
  ) throws -> Plan {
    try compile(server, top: top, listen: listen).plan
  }

  /// The same with the contexts for TLS. The files that it may name are those of `SecureWorld`.
  static func compile(
    _ server: String, top: String, listen: String
  ) throws -> (plan: Plan, tls: TLSTables) {
    let limit = top.contains("worker_connections") ? "" : "worker_connections 256;"
    // Most cases are about content that passes at once.
    let asksForBuffering = top.contains("buffering") || top.contains("temp_space")
    let buffering = asksForBuffering ? "" : "proxy_request_buffering off;"
    let logs = top.contains("access_log") ? "" : "access_log /log json;"
    let conf = """
      \(limit) \(logs) error_log /error info; \(buffering)
      \(top)
      server { listen 127.0.0.1:80 \(listen); \(server) }
      """
    let environment = ConfigurationEnvironment(
      readFile: { .success(SecureWorld.files[$0] ?? Array(conf.utf8)) }, listFiles: { _ in [] },
      resolve: { _ in .failure(ResolveProblem(reason: "no names here")) }, hostname: "machine")
    let compiled = compileConfiguration(path: "case.conf", environment: environment)
    guard let plan = compiled.plan else {
      throw UnusableCase(reason: compiled.diagnostics.map { $0.render() }.joined())
    }
    return (plan, compiled.tls)
  }

  // MARK: The cast

  @discardableResult
  func backend(at location: Location = origin, _ behaviour: BackendBehaviour = .echo) -> BackendID {
    let backend = world.addBackend(at: location, behaviour)
    backends.append(backend)
    return backend
  }

  @discardableResult
  func client(
    after delay: Interval = Interval(nanoseconds: 0), patience: Interval = .seconds(600),
    at door: Location = frontDoor, _ actions: [PeerAction]
  ) -> ClientID {
    let client = world.addClient(to: door, after: delay, patience: patience, actions)
    clients.append(client)
    return client
  }

  // MARK: Running

  /// One turn of the worker; when it has ended, the world goes on without it.
  func turn() {
    guard hasStopped else {
      hasStopped = census.counting { !worker.turn() }
      return
    }
    withUnsafeTemporaryAllocation(of: KernelEvent.self, capacity: 16) { events in
      _ = SimulatedKernel(world).wait(into: events, until: world.now + .milliseconds(1))
    }
  }

  /// Runs until every client has finished and nothing is under way.
  @discardableResult
  func run() -> SimulatedWorld.RunOutcome {
    world.run(maximumTurns: 300_000) { turn() }
  }

  /// Runs for a time, and wakes the worker at its end, so that it has not slept past it.
  func run(for duration: Interval) {
    var isOver = false
    world.schedule(after: duration) { world in
      world.post([])
      isOver = true
    }
    while !isOver && world.busyTurns < 1_000 { turn() }
  }

  /// Sends a command and gives the worker the turns that it takes to end.
  func end(_ command: WorkerCommands = .drain) {
    world.post(command)
    for _ in 0..<100_000 where !hasStopped { turn() }
  }

  // MARK: What is left behind

  var exchangeCount: Int { worker.exchangeCount }
  var connectionCount: Int { worker.connectionCount }
  var buffersInUse: Int { worker.buffersInUse }
  var holdings: Holdings {
    var holdings = Holdings(
      exchanges: worker.exchangeCount, buffers: worker.buffersInUse,
      connections: worker.connectionCount, timers: worker.timerCount)
    holdings.keptResponses = worker.keptResponseCount
    holdings.temporaryBytes = worker.temporaryBytes
    return holdings
  }

  func record(_ client: ClientID) -> ConnectionRecord { world.record(of: client) }

  /// All lines of a log that parse; one that does not is an issue.
  func lines(of path: String = "/log") -> [AccessLine] {
    world.logs.lines(of: path).compactMap { text in
      let line = AccessLine(text)
      if line == nil { Issue.record("no JSON: \(text)") }
      return line
    }
  }

  /// The lines of ended exchanges.
  var ends: [AccessLine] { lines().filter(\.isEnd) }

  var errors: [String] { world.logs.lines(of: "/error") }
}
