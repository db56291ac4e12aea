import Basics
import Configuration
import Engine
import HTTP
import Plan
import Platform
import SecurePeers
import Simulation
import TLS

/// Plays a scenario: the real worker in the scenario's world, until all is over. What must hold in
/// each turn is judged here; the rest by the oracles, from what is left behind.
public final class ScenarioRun {
  /// What is played.
  public let scenario: Scenario
  /// Where it is played.
  public let world: SimulatedWorld
  private(set) var clients: [ClientID] = []
  private(set) var backends: [BackendID] = []
  private(set) var violations: [Violation] = []
  private let fleet: Fleet
  private var logNames: [String: [String]] = [:]
  /// By when a worker that was told to finish must have ended.
  private var endsBy = Instant.never

  /// Timers are as coarse as a tick of 1.05 ms, waits as a millisecond, and a turn takes its time.
  private static let tolerance = Interval.milliseconds(4)

  /// The world of a scenario before anything has happened.
  public init(_ scenario: Scenario) {
    self.scenario = scenario
    world = SimulatedWorld(seed: scenario.seed, faults: .none, network: scenario.network)
    fleet = Fleet(world)
    scenario.conf.operation.prepare(world)
    fleet.begin(
      ScenarioRun.plan(of: scenario.conf), workers: max(1, scenario.conf.operation.workers),
      pretending: scenario.conf.workerCount, queueBytes: scenario.conf.operation.queueBytes)
    if !scenario.conf.operation.isWatched { fleet.leaveListening() }
    world.faults = scenario.faults
    backends = scenario.backends.map { world.addBackend(at: $0.location, $0.behaviour) }
    clients = scenario.clients.map { client in
      world.addClient(
        to: client.entrance.location, from: client.address, after: client.delay, client.actions)
    }
    for incident in scenario.incidents {
      world.schedule(after: incident.after) { [unowned self] _ in cause(incident.what) }
    }
  }

  /// Plays the scenario to its end and judges it.
  public func play() -> ScenarioReport {
    judge(world.run(maximumTurns: 2_000_000) { turn() })
    calmDown()
    run(for: .seconds(400))
    if !hasStopped { violations += RestOracle.judge(forgotten: holdings, in: world) }
    end()
    violations += RestOracle.judge(ended: holdings, hasStopped: hasStopped, in: world)
    violations += RestOracle.judge(sessions: fleet.sessionCount)
    let evidence = Evidence(self)
    violations += evidence.violations
    return report(evidence)
  }

  /// What the workers have in hand.
  var holdings: Holdings { fleet.holdings }

  /// True when all workers have ended.
  var hasStopped: Bool { fleet.hasStopped }

  /// The number by which the log knows a client's connection; nil when nobody took notice of it.
  func connectionNumber(_ record: ConnectionRecord) -> Int? {
    fleet.connectionNumber(of: record)
  }

  /// All lines of a log, renamed files first.
  func logLines(_ path: String) -> [String] {
    (logNames[path] ?? [path]).flatMap { world.logs.lines(of: $0) }
  }

  private static func plan(of conf: ConfPlan) -> (Plan, TLSTables) {
    let environment = ConfigurationEnvironment(
      readFile: { .success(SecurityPlan.files[$0] ?? Array(conf.text.utf8)) },
      listFiles: { _ in [] },
      resolve: { _ in .failure(ResolveProblem(reason: "no names here")) }, hostname: "machine")
    let compiled = compileConfiguration(path: "scenario.conf", environment: environment)
    guard let plan = compiled.plan else {
      preconditionFailure(compiled.diagnostics.map { $0.render() }.joined() + conf.text)
    }
    return (plan, compiled.tls)
  }

  // MARK: Turns

  private func turn() {
    fleet.turn()
    if violations.count < 10 { judgeDeadlines() }
  }

  private func judgeDeadlines() {
    let deadline = min(fleet.earliestDeadline, hasStopped ? .never : endsBy)
    // Each worker's turn takes its time from the others, too.
    let turns = UInt64(2 * fleet.workerCount) * scenario.network.turnCost.nanoseconds
    if deadline + ScenarioRun.tolerance + Interval(nanoseconds: turns) < world.now {
      let late = (world.now - deadline).microseconds
      violations.append(Violation(.deadlines, "a deadline passed \(late) microseconds ago"))
    }
  }

  private func run(for duration: Interval) {
    var isOver = false
    world.schedule(after: duration) { [fleet] _ in
      fleet.post([])
      isOver = true
    }
    while !isOver && world.busyTurns < 1_000 { turn() }
  }

  private func end() {
    fleet.end(.drain)
    for _ in 0..<100_000 where !hasStopped { turn() }
    // What a log did not take yet is written by the process.
    if scenario.conf.operation.isWatched { for _ in 0..<1_000 { turn() } }
  }

  // MARK: Incidents

  private func cause(_ incident: Scenario.Incident) {
    switch incident {
    case .restart(let backend, let byReset, let away):
      restart(backend, byReset: byReset, away: away)
    case .reopenLogs(let renames):
      if renames { renameLogs() }
      fleet.post(.reopenLogs)
    case .fullDisk(let duration): world.logs.fillDisk(for: duration)
    case .noDescriptors(let duration): world.exhaustAccepts(for: duration)
    case .drain: endWorker(.drain)
    case .stop: endWorker(.stop)
    case .stalledLog(let duration): world.logs.stall("/log", for: duration)
    case .filledLog(let room, let duration): world.logs.fill("/log", for: duration, after: room)
    case .reload(let count): replace(by: count, isUpgrade: false)
    case .upgrade(let count): replace(by: count, isUpgrade: true)
    }
  }

  private func restart(_ backend: Int, byReset: Bool, away: Interval) {
    let behaviour = scenario.backends[backend].behaviour
    var absent = behaviour
    absent.connectOutcome = { _ in .refused }
    world.setBehaviour(of: backends[backend], absent)
    world.endConnections(of: backends[backend], byReset: byReset)
    world.schedule(after: away) { [backends] world in
      world.setBehaviour(of: backends[backend], behaviour)
    }
  }

  private func replace(by count: Int, isUpgrade: Bool) {
    guard !fleet.isClosed else { return }
    let made = ScenarioRun.plan(of: scenario.conf)
    let bytes = scenario.conf.operation.queueBytes
    if isUpgrade {
      fleet.upgrade(made, workers: count, queueBytes: bytes)
    } else {
      fleet.begin(made, workers: count, pretending: count, queueBytes: bytes)
    }
  }

  private func renameLogs() {
    // A standard stream has no name that it could lose.
    let paths = scenario.conf.operation.joinsLogs ? ["/second"] : ["/log", "/second"]
    for path in paths where world.logs.exists(path) {
      let names = logNames[path] ?? [path]
      let new = "\(path).\(names.count)"
      world.logs.rename(path, to: new)
      logNames[path] = names.dropLast() + [new, path]
    }
  }

  private func endWorker(_ command: WorkerCommands) {
    fleet.end(command)
    endsBy = world.now + (command == .stop ? .seconds(0) : .seconds(40)) + .milliseconds(50)
  }

  private func mendLogs() {
    world.faults.fullDisks = 0
    world.faults.stalledLogs = 0
    world.faults.shortLogWrites = 0
    world.logs.fillDisk(for: Interval(nanoseconds: 0))
    world.logs.fill("/log", for: Interval(nanoseconds: 0))
    world.logs.stall("/log", for: Interval(nanoseconds: 0))
  }

  /// Nothing breaks any more, so that what is left over goes away.
  private func calmDown() {
    world.faults = .none
    mendLogs()
    world.exhaustAccepts(for: Interval(nanoseconds: 0))
  }

  // MARK: The outcome

  private func judge(_ outcome: SimulatedWorld.RunOutcome) {
    switch outcome {
    case .quiet: break
    case .deadlocked:
      violations.append(Violation(.deadlines, "clients wait, and nothing will ever happen"))
    case .spinning: violations.append(Violation(.progress, "turn after turn moves nothing"))
    case .unfinished: violations.append(Violation(.progress, "two million turns are not enough"))
    }
  }

  private func report(_ evidence: Evidence) -> ScenarioReport {
    var report = ScenarioReport(seed: scenario.seed)
    report.violations = violations
    report.requestCount = evidence.ends.count
    for line in evidence.ends { report.statuses[line.status, default: 0] += 1 }
    report.faults = world.faultCounts
    report.turnCount = world.calls.waits
    report.traceHash = world.trace.hash
    return report
  }
}

extension ListenerPlan {
  /// Where the simulated system lets clients reach it.
  public var location: Location {
    let path = unixPath.indices.map { unixPath[$0] }
    return path.isEmpty ? .network(address) : .unix(String(decoding: path, as: UTF8.self))
  }
}
