// A configuration in use and the workers that serve it. A reload creates a new one; the old one
// lives until its last request and tunnel have ended.

import Basics
import Configuration
import Engine
import Plan
import Platform
import TLS

/// One configuration, served.
struct Generation {
  /// From 1; `$gen` in log lines.
  let number: Int
  let plan: Plan
  let tls: TLSTables
  let workers: [ServingWorker]
  /// What they count.
  let metrics: MetricsShare
  /// What they share with the workers of other configurations.
  let shared: SharedState
  /// True when its workers were told to end what still runs.
  private(set) var isCutShort = false

  /// How many workers a plan asks for.
  static func workerCount(of plan: Plan) -> Int {
    max(1, plan.process.workerThreads ?? Processors.available)
  }

  /// How many descriptors the workers of a plan need before any client comes.
  static func descriptors(of plan: Plan) -> Int {
    let (listeners, sinks) = (plan.tables.listeners.count, plan.tables.sinks.count)
    return workerCount(of: plan) * (ownDescriptors + 2 * listeners + sinks)
  }

  /// Of one worker: what it waits on, its mailbox, its desk.
  private static let ownDescriptors = 4

  /// What a plan listens on.
  static func addresses(of plan: Plan) -> [ListenAddress] {
    let listeners = plan.tables.listeners
    return listeners.indices.map { index in
      ListenAddress(
        address: listeners[index].address, unixPath: listeners[index].unixPath.text,
        backlog: listeners[index].backlog,
        inheritedName: listeners[index].inheritedName.text,
        isDualStack: listeners[index].isDualStack)
    }
  }

  /// Workers for a plan that have not begun yet.
  init(
    _ number: Int, _ plan: Plan, _ tls: TLSTables, _ roster: WorkerRoster, _ metrics: Metrics,
    shared: SharedState
  ) throws(ProcessProblem) {
    self.number = number
    self.shared = shared
    self.plan = plan
    self.tls = tls
    do throws(KernelError) {
      workers = try (0..<Self.workerCount(of: plan)).map { number throws(KernelError) in
        let failures = plan.process.control == nil ? nil : roster.memory(ofWorker: number)
        return try ServingWorker(number: number, plan, failures: failures)
      }
    } catch {
      throw ProcessProblem(message: "workers: \(error.describe())")
    }
    let counters = metrics.begin(plan, workers: workers.count, generation: number)
    self.metrics = MetricsShare(metrics, counters)
  }

  /// True when all its workers have ended.
  var hasEnded: Bool { workers.allSatisfy(\.hasEnded) }

  /// Returns once all its workers have their sockets and logs open, so that whoever had them before
  /// may close them: lines in a FIFO go when nobody has it open.
  func awaitBegin() {
    while !workers.allSatisfy({ $0.hasBegun || $0.hasEnded }) { MachineTime.sleep(milliseconds: 1) }
  }

  /// Says that it is over: what was counted lives on.
  func end() { metrics.end() }

  /// Starts a thread for each worker. When one can't be started those before it are stopped.
  func start(
    _ threads: WorkerThreads, _ sockets: ListeningSockets, _ numbers: ConnectionNumbers
  ) throws(ProcessProblem) {
    do throws(KernelError) {
      try shared.passwords.start(for: plan)
    } catch {
      throw ProcessProblem(message: "auth_basic: \(error.describe())")
    }
    do throws(KernelError) {
      try shared.names.start(for: plan)
    } catch {
      throw ProcessProblem(message: "resolver: \(error.describe())")
    }
    do throws(KernelError) {
      try shared.checks.start(for: plan)
    } catch {
      throw ProcessProblem(message: "health_check: \(error.describe())")
    }
    for worker in workers {
      do throws(ProcessProblem) {
        try start(worker, threads, sockets, numbers)
      } catch {
        for started in workers { started.mailbox.post(.stop) }
        throw error
      }
    }
  }

  private func start(
    _ worker: ServingWorker, _ threads: WorkerThreads, _ sockets: ListeningSockets,
    _ numbers: ConnectionNumbers
  ) throws(ProcessProblem) {
    let plan = plan
    let settings = try settings(of: worker, sockets, numbers)
    do throws(KernelError) {
      try threads.start(name: "waybill-\(worker.number)") { [settings] in
        runWorker(
          plan: plan, settings: settings, mailbox: worker.mailbox, began: worker.noteBegin)
        worker.noteEnd()
      }
    } catch {
      throw ProcessProblem(message: "worker \(worker.number): \(error.describe())")
    }
  }

  private func settings(
    of worker: ServingWorker, _ sockets: ListeningSockets, _ numbers: ConnectionNumbers
  ) throws(ProcessProblem) -> WorkerSettings {
    var settings = WorkerSettings(
      number: worker.number, count: workers.count,
      processID: UInt32(bitPattern: ProcessControl.processID), listeners: [])
    do throws(ListenError) {
      settings.listeners = try sockets.shares(ofWorker: worker.number, of: workers.count).map {
        ListeningSocket(
          $0.descriptor, listener: $0.address, isKeptElsewhere: $0.isManagers)
      }
    } catch {
      throw ProcessProblem(message: error.message)
    }
    settings.generation = UInt32(truncatingIfNeeded: number)
    settings.tls = tls
    settings.metrics = metrics
    settings.connectionNumbers = numbers
    settings.temporarySpace = shared.temporarySpace
    settings.limitZones = shared.limitZones
    settings.passwords = shared.passwords.checks
    settings.passwordAnswers = worker.passwordAnswers
    if plan.tables.usesNames {
      settings.names = shared.names.directory
      settings.nameMailbox = worker.nameMailbox
    }
    settings.health = shared.checks.directory
    settings.healthMailbox = worker.healthMailbox
    settings.inbox = worker.inbox
    settings.desk = worker.desk
    settings.failures = worker.failures
    if StandardStream.isJournaled(1) { settings.journaled.insert(.stdout) }
    if StandardStream.isJournaled(2) { settings.journaled.insert(.stderr) }
    return settings
  }

  /// Leaves what is idle to the workers of `next`, and finishes the rest.
  func retire(to next: Generation) {
    setHeirs(next)
    for worker in workers { worker.mailbox.post(.retire) }
  }

  /// Ends what its workers still finish after they were told to retire.
  mutating func cutShort() {
    isCutShort = true
    for worker in workers { worker.mailbox.post(.endRetired) }
  }

  /// Leaves what becomes idle to the workers of `next`. Where the number of workers differs some
  /// get from several, or some leave to several.
  func setHeirs(_ next: Generation) {
    let count = workers.count
    for worker in workers {
      let heirs =
        next.workers.count < count
        ? [next.workers[worker.number % next.workers.count]]
        : next.workers.filter { $0.number % count == worker.number }
      worker.inbox.heirs = heirs.map(\.inbox)
    }
  }
}
