import Basics
import Configuration
import Engine
import Plan
import Platform
import Scenarios
import SecurePeers
import Simulation
import TLS
import Testing

/// Workers that replace one another in one simulated world, as a reload has them do. All write the
/// same logs.
final class ReplacementBed {
  /// One worker and what the main thread knows of it.
  final class Program {
    var worker: Worker<SimulatedKernel>
    let number: Int
    let inbox: WorkerInbox
    var hasStopped = false

    init(_ worker: consuming Worker<SimulatedKernel>, _ number: Int, _ inbox: WorkerInbox) {
      self.worker = worker
      self.number = number
      self.inbox = inbox
    }
  }

  let world: SimulatedWorld
  private(set) var programs: [Program] = []
  private var clients: [ClientID] = []
  private var backends: [BackendID] = []
  /// The main thread's own descriptors, by where they listen.
  private var masters: [Location: Descriptor] = [:]
  private let numbers = ConnectionNumbers()
  private let census = SessionCensus()

  /// A world with one worker.
  init(
    _ server: String = EngineBed.proxy, top: String = "", listen: String = "", seed: UInt64 = 1,
    faults: Faults = .none
  ) throws {
    world = SimulatedWorld(seed: seed, faults: faults)
    let made = try EngineBed.compile(server, top: top, listen: listen)
    begin(made.plan, made.tls)
  }

  private func begin(_ plan: Plan, _ tls: TLSTables) {
    let number = programs.isEmpty ? 0 : world.addProgram()
    nonisolated(unsafe) let world = world
    let inbox = WorkerInbox(ListenerIdentity.all(of: plan)) { world.post(.inherit, to: number) }
    var settings = WorkerSettings(
      number: 0, count: 1, processID: 7,
      listeners: plan.tables.listeners.indices.map { index in
        let place = plan.tables.listeners[index].location
        let master = masters[place] ?? world.listen(on: place)
        masters[place] = master
        return world.duplicate(listener: master)
      })
    settings.tls = tls
    settings.inbox = inbox
    settings.connectionNumbers = numbers
    settings.generation = UInt32(programs.count + 1)
    let kernel = SimulatedKernel(world, program: number)
    programs.append(
      Program(Worker(kernel: kernel, plan: plan, settings: settings), number, inbox))
  }

  /// Another worker takes the place of the newest one.
  func replace(
    _ server: String = EngineBed.proxy, top: String = "", listen: String = ""
  ) throws {
    let old = programs[programs.count - 1]
    let made = try EngineBed.compile(server, top: top, listen: listen)
    begin(made.plan, made.tls)
    let kept = Set(
      made.plan.tables.listeners.indices.map { made.plan.tables.listeners[$0].location })
    for (place, master) in masters where !kept.contains(place) {
      world.close(listener: master)
      masters[place] = nil
    }
    let heir = programs[programs.count - 1].inbox
    for program in programs.dropLast() { program.inbox.heirs = [heir] }
    world.post(.retire, to: old.number)
  }

  @discardableResult
  func backend(at location: Location = origin, _ behaviour: BackendBehaviour = .echo) -> BackendID {
    backends.append(world.addBackend(at: location, behaviour))
    return backends[backends.count - 1]
  }

  @discardableResult
  func client(
    to door: Location = frontDoor, after delay: Interval = Interval(nanoseconds: 0),
    _ actions: [PeerAction]
  ) -> ClientID {
    clients.append(world.addClient(to: door, after: delay, patience: .seconds(600), actions))
    return clients[clients.count - 1]
  }

  func record(_ client: ClientID) -> ConnectionRecord { world.record(of: client) }

  /// One turn of each worker that has not ended.
  func turn() {
    for program in programs where !program.hasStopped {
      program.hasStopped = census.counting { !program.worker.turn() }
      if program.hasStopped { world.endProgram(program.number) }
    }
    if programs.allSatisfy(\.hasStopped) {
      // Nobody is left to let the time pass.
      withUnsafeTemporaryAllocation(of: KernelEvent.self, capacity: 16) { events in
        _ = SimulatedKernel(world).wait(into: events, until: world.now + .milliseconds(1))
      }
    }
  }

  func run(for duration: Interval) {
    nonisolated(unsafe) var isOver = false
    world.schedule(after: duration) { world in
      for program in world.programNumbers { world.post([], to: program) }
      isOver = true
    }
    while !isOver && world.busyTurns < 1_000 { turn() }
  }

  @discardableResult
  func run() -> SimulatedWorld.RunOutcome { world.run(maximumTurns: 300_000) { turn() } }

  /// Tells all workers to end and gives them the turns that it takes.
  func end(_ command: WorkerCommands = .drain) {
    for master in masters.values { world.close(listener: master) }
    masters = [:]
    for program in programs where !program.hasStopped { world.post(command, to: program.number) }
    for _ in 0..<100_000 where !programs.allSatisfy(\.hasStopped) { turn() }
  }

  var ends: [AccessLine] {
    world.logs.lines(of: "/log").compactMap(AccessLine.init).filter(\.isEnd)
  }
  var errors: [String] { world.logs.lines(of: "/error") }

  /// Plays to the end; nothing may be left anywhere, and the one log of all agrees with what
  /// clients and backends saw.
  func finish(requests: Int?, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(run() == .quiet, sourceLocation: sourceLocation)
    end()
    for program in programs {
      let holdings = Holdings(
        exchanges: program.worker.exchangeCount, buffers: program.worker.buffersInUse,
        connections: program.worker.connectionCount, timers: program.worker.timerCount)
      recordIssues(
        RestOracle.judge(ended: holdings, hasStopped: program.hasStopped, in: world),
        sourceLocation)
    }
    #expect(census.count == 0, "a session of TLS is left", sourceLocation: sourceLocation)
    if let requests { #expect(ends.count == requests, sourceLocation: sourceLocation) }
    recordIssues(LineOracle.judge(ends), sourceLocation)
    recordIssues(LineOracle.judge(errorLog: errors, against: ends), sourceLocation)
    let agreement = AgreementOracle(lines: ends, mayLose: false)
    for client in clients { recordIssues(agreement.judge(client: record(client)), sourceLocation) }
    for backend in backends {
      recordIssues(agreement.judge(backend: world.connections(of: backend)), sourceLocation)
    }
  }
}
