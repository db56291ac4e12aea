// The running proxy as a process: what happens before the workers start, while they run, and after.
//
// The main thread serves nobody. It opens what needs rights, gives the rights up, starts the
// workers, and then waits for signals, which it turns into commands for them, or into new workers
// (`Generations/Reload.swift`).

import Basics
import Configuration
import Engine
import Plan
import Platform
import Policy

/// `waybill -c FILE`: serves until told to end.
func serve(configurationPath: String) -> ExitStatus {
  guard let compiled = compileAndReport(path: configurationPath), let plan = compiled.plan else {
    return .usage
  }
  do throws(ProcessProblem) {
    var server = try Server(configurationPath, plan, compiled)
    defer { server.removeFiles() }
    try server.prepare()
    try server.start()
    server.announce()
    return server.supervise()
  } catch {
    report(error.message)
    return .failure
  }
}

/// The process that serves.
struct Server {
  let configurationPath: String
  let metrics = Metrics(version: version, startTime: MachineTime.now)
  let manager = ServiceManager()
  private let signals: ControlSignals
  let threads: WorkerThreads
  /// All workers, for the threads that ask or tell them.
  let roster = WorkerRoster()
  let numbers = ConnectionNumbers()
  /// The configuration in force.
  var current: Generation
  /// Those before it that still have requests or tunnels.
  var earlier: [Generation] = []
  /// Whom the process has become, or would have if it were not he already.
  let startUser: (user: String?, group: String?)
  private let inherited = InheritedSockets.take()
  var sockets: ListeningSockets?
  private var pidFile: PIDFile?
  private(set) var control: ControlSocket?
  /// Not among `threads`: it does not keep the process alive.
  private let controlThreads: WorkerThreads
  private var logKeeper: LogKeeper?

  /// Takes over signals first of all, so that none of them ends the process half-way.
  init(
    _ path: String, _ plan: Plan, _ compiled: CompiledConfiguration
  ) throws(ProcessProblem) {
    _ = ProcessControl.raiseDescriptorLimit()
    do throws(KernelError) {
      signals = try ControlSignals()
      threads = try WorkerThreads()
      controlThreads = try WorkerThreads()
    } catch {
      throw ProcessProblem(message: "start: \(error.describe())")
    }
    configurationPath = path
    startUser = (plan.process.user, plan.process.group)
    current = try Generation(1, plan, compiled.tls, roster, metrics)
  }

  /// Opens what needs rights, then gives them up.
  mutating func prepare() throws(ProcessProblem) {
    StandardStream.openAll()
    pidFile = try openPIDFile(for: current.plan)
    control = try openControl(for: current.plan)
    // Last, because clients take it for a sign that all is there.
    sockets = try openSockets(for: current.plan)
    try dropPrivileges()
    try checkLogs(of: current.plan)
  }

  /// The sockets of a plan: those that are open already, and new ones.
  func openSockets(
    for plan: Plan, keeping former: ListeningSockets? = nil
  ) throws(ProcessProblem) -> ListeningSockets {
    do throws(ListenError) {
      return try ListeningSockets(
        Generation.addresses(of: plan), workers: Generation.workerCount(of: plan),
        inherited: inherited, keeping: former)
    } catch {
      throw ProcessProblem(message: error.message)
    }
  }

  /// The pid file of a plan: the one that is there already, or a new one.
  func openPIDFile(for plan: Plan) throws(ProcessProblem) -> PIDFile? {
    guard let path = plan.process.pidPath else { return nil }
    if let pidFile, pidFile.path == path { return pidFile }
    return try PIDFile(path: path)
  }

  /// The control socket of a plan: the one that is there already, or a new one.
  func openControl(for plan: Plan) throws(ProcessProblem) -> ControlSocket? {
    guard let settings = plan.process.control else { return nil }
    if let control, control.isAt(settings.path, mode: settings.mode) { return control }
    do throws(ListenError) {
      return try ControlSocket(path: settings.path, mode: settings.mode)
    } catch {
      throw ProcessProblem(message: "control: \(error.message)")
    }
  }

  private func dropPrivileges() throws(ProcessProblem) {
    guard let user = startUser.user else { return }
    guard ProcessIdentity.isSuperuser else {
      // As in nginx, so that one conf file serves root and a developer.
      report("user \(user) is ignored: only the superuser can become somebody else")
      return
    }
    let identity = try ProcessIdentity(user: user, group: startUser.group)
    let sinks = current.plan.tables.sinks
    for index in sinks.indices where sinks[index].destination == .file {
      let path = sinks[index].path.text
      if let error = LogFile.prepare(path: path, owner: identity) {
        throw ProcessProblem(message: "log \(path): \(error.describe())")
      }
    }
    try control?.give(to: identity)
    try identity.assume()
  }

  /// Opens each log once as the user that the workers are: one that can't be written must not be
  /// found out by its silence.
  func checkLogs(of plan: Plan) throws(ProcessProblem) {
    let sinks = plan.tables.sinks
    for index in sinks.indices where sinks[index].destination == .file {
      let path = sinks[index].path.text
      switch LogFile.open(path: path) {
      case .success(let descriptor): LogFile.close(descriptor)
      case .failure(let error):
        throw ProcessProblem(message: "log \(path): \(error.describe())")
      }
    }
  }

  /// Starts the workers, and the threads that answer questions about them and keep their logs.
  mutating func start() throws(ProcessProblem) {
    guard let sockets else { return }
    try current.start(threads, sockets, numbers)
    roster.add(current.workers, generation: current.number)
    do throws(KernelError) {
      try startControl()
      logKeeper = try makeLogKeeper()
    } catch {
      post(.stop)
      throw ProcessProblem(message: "start: \(error.describe())")
    }
  }

  private func startControl() throws(KernelError) {
    guard let control else { return }
    let server = ControlServer(socket: control, roster: roster, metrics: metrics)
    try controlThreads.start(name: "waybill-control") { server.run() }
  }

  /// The thread that rotates logs; nil if there are none to rotate.
  private func makeLogKeeper() throws(KernelError) -> LogKeeper? {
    let roster = roster
    return try LogKeeper(current.plan) { roster.post(.reopenLogs) }
  }

  /// Says on stderr and to the service manager that the proxy serves, and what.
  func announce() {
    notice(
      "version \(version) serves \(configurationPath) \(extent), process"
        + " \(ProcessControl.processID)")
    manager.ready("serves \(extent)")
  }

  /// Where, and by how many.
  var extent: String {
    let addresses = Generation.addresses(of: current.plan).map(\.text).joined(separator: ", ")
    let count = current.workers.count
    return "on \(addresses) with \(count == 1 ? "1 worker" : "\(count) workers")"
  }

  /// Passes signals on to the workers until all have ended.
  mutating func supervise() -> ExitStatus {
    var isEnding = false
    var status = ExitStatus.success
    var watchdog = Watchdog(manager)
    while threads.runningCount > 0 {
      switch signals.next(or: threads, milliseconds: watchdog.remainingMilliseconds) {
      case .signal(.terminate, _), .signal(.quit, _):
        // Who asks twice does not want to wait.
        end(isEnding ? .stop : .drain)
        isEnding = true
        manager.stopping("finishes what runs")
      case .signal(.reopen, _):
        post(.reopenLogs)
      case .signal(.reload, let sender):
        if isEnding { refuseReload(sender) } else { reload(asker: sender) }
      case .timedOut:
        break
      case .threadEnded:
        forgetEnded()
        if isEnding || !current.workers.contains(where: \.hasEnded) { continue }
        notice("a worker has ended unexpectedly; the others finish what runs")
        status = .failure
        isEnding = true
        manager.stopping("a worker has ended unexpectedly")
        end(.drain)
      }
      watchdog.look(roster.workers.map(\.mailbox), isEnding: isEnding)
    }
    threads.join()
    logKeeper?.end()
    return status
  }

  /// Tells the workers to end. They hold the listening sockets from here on: who comes when they
  /// have closed them is refused at once.
  private mutating func end(_ command: WorkerCommands) {
    sockets?.closeAll()
    post(command)
  }

  private func refuseReload(_ asker: Int32) {
    let outcome = OrderReport.Outcome(isDone: false, text: "the process is ending")
    OrderReport.send(outcome, to: asker)
  }

  /// Lets go of what has ended.
  mutating func forgetEnded() {
    threads.reap()
    roster.forgetEnded()
    for generation in earlier where generation.hasEnded { generation.end() }
    earlier.removeAll(where: \.hasEnded)
  }

  /// Removes the pid file and the unix sockets, that of `control` included.
  func removeFiles() {
    sockets?.removeSocketFiles()
    control?.remove()
    pidFile?.remove()
  }

  // MARK: What a reload replaces

  /// Uses another pid file from here on.
  mutating func replacePIDFile(_ new: PIDFile?) {
    if let old = pidFile, old.path != new?.path { old.remove() }
    pidFile = new
  }

  /// Answers at another socket from here on.
  mutating func replaceControl(_ new: ControlSocket?) {
    if control === new { return }
    control?.end()
    control = new
    do throws(KernelError) {
      try startControl()
    } catch {
      notice("control: \(error.describe())")
    }
  }

  /// Keeps the logs of the configuration in force.
  mutating func restartLogKeeper() {
    logKeeper?.end()
    do throws(KernelError) {
      logKeeper = try makeLogKeeper()
    } catch {
      logKeeper = nil
      notice("log rotation: \(error.describe())")
    }
  }

  private func post(_ commands: WorkerCommands) { roster.post(commands) }

  func notice(_ message: String) { StandardStream.notice("waybill: \(message)") }
}
