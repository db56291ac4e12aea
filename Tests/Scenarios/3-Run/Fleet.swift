import Basics
import Engine
import HTTP
import Plan
import Platform
import SecurePeers
import Simulation
import TLS

/// The workers of a world: those that serve, and those of earlier generations and processes that
/// finish what runs. What the main thread does for them is done here.
final class Fleet {
  /// One worker and what the main thread knows of it.
  final class Program {
    fileprivate(set) var worker: Worker<SimulatedKernel>
    fileprivate let number: Int
    fileprivate let inbox: WorkerInbox
    fileprivate(set) var hasStopped = false

    fileprivate init(
      _ worker: consuming Worker<SimulatedKernel>, _ number: Int, _ inbox: WorkerInbox
    ) {
      self.worker = worker
      self.number = number
      self.inbox = inbox
    }
  }

  private let world: SimulatedWorld
  private let census = SessionCensus()
  private(set) var programs: [Program] = []
  /// Those that serve now.
  private var current: [Program] = []
  /// Those of this process that were replaced.
  private var earlier: [[Program]] = []
  /// The main thread's own descriptors, by where they listen.
  private var masters: [Location: Descriptor] = [:]
  private var numbers = ConnectionNumbers()
  /// The first connection number of each process, and the programs that belong to it.
  private var processes: [(base: Int, programs: Set<Int>)] = [(1, [])]
  private var generation: UInt32 = 0
  /// The plans that tables of other plans lie in.
  private var kept: [Plan] = []
  private var isEnding = false

  /// Numbers that a worker is given at once: no worker of a scenario needs more.
  private static let block = 1_024

  init(_ world: SimulatedWorld) { self.world = world }

  // MARK: Generations

  /// Begins a generation of workers that serve, in place of the current one.
  func begin(
    _ made: (plan: Plan, tls: TLSTables), workers count: Int, pretending total: Int,
    queueBytes: Int = 0
  ) {
    generation += 1
    let plan = withQueue(of: queueBytes, made.plan)
    let old = current
    current = (0..<count).map { start($0, of: max(count, total), plan, made.tls) }
    guard !old.isEmpty else { return }
    earlier.append(old)
    for group in earlier {
      for (place, program) in group.enumerated() {
        program.inbox.heirs = heirs(of: place, among: group.count).map(\.inbox)
      }
    }
    post(.retire, to: old)
  }

  /// Begins a process in place of the current one, which leaves it new connections alone.
  func upgrade(_ made: (plan: Plan, tls: TLSTables), workers count: Int, queueBytes: Int) {
    let old = current + earlier.joined()
    current = []
    earlier = []
    // Another process counts its connections from 1, too. These numbers can be told apart.
    let base = processes[processes.count - 1].base + 1_000 * Fleet.block
    processes.append((base, []))
    numbers = ConnectionNumbers()
    for _ in 0..<(base / Fleet.block) { _ = numbers.takeBlock() }
    generation = 0
    begin(made, workers: count, pretending: count, queueBytes: queueBytes)
    post(.handOver, to: old)
  }

  private func heirs(of place: Int, among count: Int) -> [Program] {
    current.count < count
      ? [current[place % current.count]]
      : current.indices.filter { $0 % count == place }.map { current[$0] }
  }

  private func start(
    _ place: Int, of count: Int, _ plan: Plan, _ tls: TLSTables
  ) -> Program {
    let number = programs.isEmpty ? 0 : world.addProgram()
    nonisolated(unsafe) let world = world
    let inbox = WorkerInbox(ListenerIdentity.all(of: plan)) { world.post(.inherit, to: number) }
    var settings = WorkerSettings(
      number: place, count: count, processID: UInt32(6 + processes.count),
      listeners: plan.tables.listeners.indices.map { index in
        let location = plan.tables.listeners[index].location
        let master = masters[location] ?? world.listen(on: location)
        masters[location] = master
        return world.duplicate(listener: master)
      })
    settings.tls = tls
    settings.inbox = inbox
    settings.connectionNumbers = numbers
    settings.generation = generation
    let kernel = SimulatedKernel(world, program: number)
    let program = Program(Worker(kernel: kernel, plan: plan, settings: settings), number, inbox)
    programs.append(program)
    processes[processes.count - 1].programs.insert(number)
    return program
  }

  /// The same plan with a queue that lines of a scenario can fill; the conf file's least is more.
  private func withQueue(of bytes: Int, _ plan: Plan) -> Plan {
    guard bytes > 0 else { return plan }
    kept.append(plan)
    var tables = plan.tables
    tables.logQueueBytes = bytes
    return Plan(tables: tables, process: plan.process, arena: Arena())
  }

  /// The number by which the log knows a client's connection; nil when no worker took notice.
  func connectionNumber(of record: ConnectionRecord) -> Int? {
    guard let admission = record.admission,
      let process = processes.first(where: { $0.programs.contains(admission.program) })
    else { return nil }
    let order = world.admittingPrograms.filter(process.programs.contains)
    precondition(admission.place < Fleet.block, "more connections than a block has numbers")
    return order.firstIndex(of: admission.program).map {
      process.base + $0 * Fleet.block + admission.place
    }
  }

  // MARK: Turns

  /// True when every worker has ended.
  var hasStopped: Bool { programs.allSatisfy(\.hasStopped) }

  /// One turn of each worker that has not ended; when all have, the world goes on without them.
  func turn() {
    if hasStopped { return world.pass(.milliseconds(10)) }
    for program in programs where !program.hasStopped {
      program.hasStopped = census.counting { !program.worker.turn() }
      if program.hasStopped { noteEnd(of: program) }
    }
  }

  private func noteEnd(of program: Program) {
    // With one program alone time goes on as it always does.
    if programs.count > 1 { world.endProgram(program.number) }
  }

  /// Tells all workers the same.
  func post(_ commands: WorkerCommands) { post(commands, to: programs) }

  private func post(_ commands: WorkerCommands, to programs: some Sequence<Program>) {
    for program in programs where !program.hasStopped {
      world.post(commands, to: program.number)
    }
  }

  /// Leaves the listening sockets to the workers: no generation will begin.
  func leaveListening() {
    for master in masters.values { world.close(listener: master) }
    masters = [:]
    isEnding = true
  }

  /// Tells all workers to end; nobody new is let in.
  func end(_ command: WorkerCommands) {
    leaveListening()
    post(command)
  }

  /// True when all were told to end: no generation can begin any more.
  var isClosed: Bool { isEnding }

  // MARK: What the workers have in hand

  /// Of all workers together.
  var holdings: Holdings {
    var sum = Holdings(exchanges: 0, buffers: 0, connections: 0, timers: 0)
    for program in programs {
      sum.exchanges += program.worker.exchangeCount
      sum.buffers += program.worker.buffersInUse
      sum.connections += program.worker.connectionCount
      sum.timers += program.worker.timerCount
      sum.keptResponses += program.worker.keptResponseCount
      sum.temporaryBytes += program.worker.temporaryBytes
    }
    return sum
  }

  /// Sessions of TLS that exist on the workers' side.
  var sessionCount: Int { census.count }

  /// The deadline that comes first, of all workers that have not ended.
  var earliestDeadline: Instant {
    var deadline = Instant.never
    for program in programs where !program.hasStopped {
      deadline = min(deadline, program.worker.earliestDeadline)
    }
    return deadline
  }

  /// How many workers have not ended.
  var workerCount: Int { programs.count { !$0.hasStopped } }
}

extension SimulatedWorld {
  /// Lets time pass without a worker.
  fileprivate func pass(_ duration: Interval) {
    withUnsafeTemporaryAllocation(of: KernelEvent.self, capacity: 16) { events in
      _ = SimulatedKernel(self).wait(into: events, until: now + duration)
    }
  }
}
