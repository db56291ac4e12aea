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
import Telemetry

/// `waybill -c FILE`: serves until told to end.
func serve(configurationPath: String) -> ExitStatus {
  ControlSignals.holdBack()
  let predecessor = Predecessor.take()
  guard
    let compiled = compileAndReport(path: configurationPath, to: predecessor?.channel),
    let plan = compiled.plan
  else { return .usage }
  do throws(ProcessProblem) {
    var server = try Server(configurationPath, plan, compiled, predecessor)
    defer { server.removeFiles() }
    try server.prepare()
    try server.takeOver()
    try server.start()
    server.announce()
    return server.supervise()
  } catch {
    report(error.message)
    predecessor?.channel.send(.failed, Array(error.message.utf8))
    return .failure
  }
}

/// The process that serves.
struct Server {
  let configurationPath: String
  let metrics = Metrics(version: version, startTime: MachineTime.now)
  /// None from the moment on in which another process serves.
  var manager = ServiceManager()
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
  var inherited: InheritedSockets
  var sockets: ListeningSockets?
  private(set) var pidFile: PIDFile?
  private(set) var control: ControlSocket?
  /// Not among `threads`: it does not keep the process alive.
  private let controlThreads: WorkerThreads
  var logKeeper: LogKeeper?
  /// The logs that are FIFOs, once the process has begun to end.
  private var unreadFIFOs: UnreadFIFOs?
  /// The process whose place this one takes.
  let predecessor: Predecessor?
  /// True once this process serves in the place of another, or from the start.
  var hasTakenOver: Bool
  /// What an upgrade starts.
  let program = ProgramPath.current
  /// The upgrade that is under way.
  var upgrade: Upgrade?
  /// The reload that is under way.
  var reloading: Compilation?
  /// The process that serves in the place of this one.
  var successor: ChildProcess?
  /// What that process asks.
  private var successorQuestions: SuccessorQuestions?

  /// Takes over signals first of all, so that none of them ends the process half-way.
  init(
    _ path: String, _ plan: Plan, _ compiled: CompiledConfiguration,
    _ predecessor: Predecessor?
  ) throws(ProcessProblem) {
    DescriptorReserve.keep(Generation.descriptors(of: plan) + Limits.operatorDescriptors)
    let shared: SharedState
    do throws(KernelError) {
      shared = try SharedState()
      signals = try ControlSignals()
      threads = try WorkerThreads()
      controlThreads = try WorkerThreads()
    } catch {
      throw ProcessProblem(message: "start: \(error.describe())")
    }
    configurationPath = path
    startUser = (plan.process.user, plan.process.group)
    self.predecessor = predecessor
    hasTakenOver = predecessor == nil
    inherited = InheritedSockets.take(from: predecessor)
    current = try Generation(1, plan, compiled.tls, roster, metrics, shared: shared)
  }

  /// Opens what needs rights, then gives them up.
  mutating func prepare() throws(ProcessProblem) {
    StandardStream.openAll()
    if let predecessor { OpenLogs.beginSharing(with: predecessor) }
    pidFile = try openPIDFile(for: current.plan)
    if predecessor == nil { try pidFile?.claim() }
    control = try openControl(for: current.plan)
    // Last, because clients take it for a sign that all is there.
    sockets = try openSockets(for: current.plan)
    try dropPrivileges()
    try checkLogs(of: current.plan)
    try prepareFolders(of: current.plan)
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
    return try PIDFile(path: path, from: hasTakenOver ? nil : predecessor)
  }

  /// The control socket of a plan: the one that is there already, or a new one.
  func openControl(for plan: Plan) throws(ProcessProblem) -> ControlSocket? {
    guard let settings = plan.process.control else { return nil }
    if let control, control.isAt(settings.path, mode: settings.mode) { return control }
    do throws(ListenError) {
      return try ControlSocket(
        path: settings.path, mode: settings.mode, inherited: inherited)
    } catch {
      throw ProcessProblem(message: "control: \(error.message)")
    }
  }

  private func dropPrivileges() throws(ProcessProblem) {
    let next = try ProcessIdentity.successor(user: startUser.user, group: startUser.group)
    guard let identity = next else {
      // As in nginx, so that one conf file serves root and a developer.
      if let user = startUser.user, !ProcessIdentity.isAlready(user) {
        report("user \(user) is ignored: only root can switch to another user")
      }
      return
    }
    for path in current.plan.logPaths {
      if let error = LogFile.prepare(path: path, owner: identity) {
        throw ProcessProblem(message: "log \(path): \(error.describeOpening())")
      }
    }
    try prepareFolders(of: current.plan, owner: identity)
    try control?.give(to: identity)
    HeldFolders.hold(ofFiles: current.plan.logPaths)
    try identity.assume()
    HeldFolders.keepOnlyUnreachable()
  }

  /// Opens each log once as the user that the workers are: one that can't be written must not be
  /// found out by its silence.
  func checkLogs(of plan: Plan) throws(ProcessProblem) {
    for path in plan.logPaths {
      switch LogFile.open(path: path) {
      case .success(let descriptor): LogFile.close(descriptor)
      case .failure(let error):
        throw ProcessProblem(message: "log \(path): \(error.describeOpening())")
      }
    }
  }

  /// Makes the folders for content where they are missing, and checks that it can be kept there.
  func prepareFolders(
    of plan: Plan, owner: ProcessIdentity? = nil
  ) throws(ProcessProblem) {
    for folder in plan.process.contentFolders {
      if let error = ContentFolder.prepare(path: folder.path, owner: owner) {
        throw ProcessProblem(
          message: "\(folder.directive) \(folder.path): \(error.describeOpening())")
      }
    }
  }

  /// Starts the workers, and the threads that answer questions about them and keep their logs.
  mutating func start() throws(ProcessProblem) {
    guard let sockets else { return }
    try current.start(threads, sockets, numbers)
    current.awaitBegin()
    roster.add(current.workers, generation: current.number)
    do throws(KernelError) {
      try startControl()
      try keepLogs(.rotate)
    } catch {
      post(.stop)
      throw ProcessProblem(message: "start: \(error.describe())")
    }
  }

  private func startControl() throws(KernelError) {
    guard let control else { return }
    let server = ControlServer(socket: control, answers: ControlAnswers(roster, metrics))
    try controlThreads.start(name: "waybill-control") { server.run() }
  }

  /// Answers the process that serves in the place of this one.
  mutating func startAnswering(_ questions: SuccessorQuestions) throws(KernelError) {
    successorQuestions = questions
    let server = SuccessorServer(questions: questions, answers: ControlAnswers(roster, metrics))
    try controlThreads.start(name: "waybill-control") { server.run() }
  }

  /// Keeps the logs in that way from now on.
  mutating func keepLogs(_ duty: LogKeeper.Duty) throws(KernelError) {
    logKeeper?.end()
    logKeeper = nil
    let roster = roster
    logKeeper = try LogKeeper(current.plan, duty) { roster.post(.reopenLogs) }
  }

  /// Says on stderr and to the service manager that the proxy serves, and what.
  mutating func announce() {
    notice(
      "version \(version) serves \(configurationPath) \(extent), process"
        + " \(ProcessControl.processID)")
    if current.plan.tables.interpretsExpressions {
      notice(
        "regular expressions are interpreted, which takes several times as long, because the"
          + " system forbids generated machine code (MemoryDenyWriteExecute in a unit file)")
    }
    confirm("serves \(extent)")
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
    var watchdog = Watchdog()
    while threads.runningCount > 0 {
      switch signals.next(or: threads, or: upgrade?.channel, milliseconds: patience(watchdog)) {
      case .signal(.terminate, _), .signal(.quit, _):
        giveUpUpgrade(because: "the process was told to stop")
        // Who asks twice does not want to wait.
        end(isEnding ? .stop : .drain)
        isEnding = true
        manager.stopping("finishing running requests")
      case .signal(.upgrade, let asker):
        beginUpgrade(askedBy: asker, isEnding: isEnding)
      case .signal(.reload, let asker) where isEnding:
        OrderAnswer.send("refused\nthe process is shutting down", to: asker)
      case .signal(let signal, let asker):
        obey(signal, from: asker)
      case .timedOut, .channelSpoke:
        break
      case .threadEnded:
        forgetEnded()
        carryOnReload(isEnding: isEnding)
        let isExpected = isEnding || hasHandedOver
        if isExpected || !current.workers.contains(where: \.hasEnded) { continue }
        giveUpUpgrade(because: "a worker has ended")
        notice("a worker has ended unexpectedly; the others finish their running requests")
        status = .failure
        isEnding = true
        manager.stopping("a worker has ended unexpectedly")
        end(.drain)
      }
      carryOnUpgrade()
      watchdog.look(manager, roster.workers.map(\.mailbox), isEnding: isEnding)
    }
    threads.join()
    current.shared.passwords.end()
    current.shared.checks.end()
    current.shared.names.end()
    finishLogs()
    finishAnswers()
    logKeeper?.end()
    if reloading != nil {
      // It may be waiting for a name, and nobody waits for it any more.
      removeFiles()
      ProcessControl.abandon(status.rawValue)
    }
    return status
  }

  /// Waits for the lines that workers have left, but not for ever, and not if told to end once
  /// more. What is lost by that is said.
  private mutating func finishLogs() {
    let patience = hasHandedOver ? Limits.logFarewellAfterUpgrade : Limits.logFarewell
    let deadline = MachineTime.milliseconds + Int(patience.nanoseconds / 1_000_000)
    while LogFinisher.isBusy && MachineTime.milliseconds < deadline {
      switch signals.next(or: threads, milliseconds: 10) {
      case .signal(.terminate, _), .signal(.quit, _): return giveUpLogs()
      case .signal(let signal, _): successor?.send(signal)
      case .timedOut, .channelSpoke, .threadEnded: break
      }
    }
    giveUpLogs()
  }

  private mutating func giveUpLogs() {
    for loss in LogFinisher.giveUp() {
      tell(loss, "the last \(loss.bytes) bytes could not be written in time")
    }
    LogFinisher.close()
    for loss in unreadFIFOs?.close() ?? [] {
      tell(loss, "nobody has it open to read the last \(loss.bytes) bytes")
    }
  }

  private func tell(_ loss: LogLoss, _ reason: String) {
    let text = "log \(loss.name): \(reason): \(loss.lines) log lines were lost"
    notice(text)
    ProcessErrorLog(current.plan).report(.error, "log", text)
  }

  /// Waits for answers that are under way, but not for long: whoever ended the last request of the
  /// process is to learn that.
  private func finishAnswers() {
    control?.close()
    successorQuestions?.close()
    let deadline = MachineTime.milliseconds + Limits.answerFarewell.milliseconds
    while controlThreads.runningCount > 0 && MachineTime.milliseconds < deadline {
      MachineTime.sleep(milliseconds: 1)
    }
  }

  /// How long the main thread may sleep; nil for ever.
  private func patience(_ watchdog: Watchdog) -> Int? {
    let times = [watchdog.remainingMilliseconds(manager), upgrade?.remainingMilliseconds]
    return times.compactMap { $0 }.min()
  }

  /// Does what a signal asks that leaves the process as it is. While it is not known who serves on,
  /// it is kept for that one, and later passed on to it.
  mutating func obey(_ signal: ControlSignal, from asker: Asker = Asker()) {
    if signal == .reopen { post(.reopenLogs) }
    successor?.send(signal)
    if upgrade != nil { upgrade?.deferred.append(signal) }
    guard signal == .reload else { return }
    if let successor {
      let text = "refused\nprocess \(successor.number) serves now and has been told to reload"
      return OrderAnswer.send(text, to: asker)
    }
    if upgrade == nil { beginReload(asker: asker) }
  }

  /// Tells the workers to end. They hold the listening sockets from here on: who comes when they
  /// have closed them is refused at once.
  private mutating func end(_ command: WorkerCommands) {
    if unreadFIFOs == nil { unreadFIFOs = UnreadFIFOs() }
    sockets?.closeAll()
    post(command)
  }

  /// Lets go of what has ended.
  mutating func forgetEnded() {
    threads.reap()
    roster.forgetEnded()
    for generation in earlier where generation.hasEnded { generation.end() }
    let count = earlier.count
    earlier.removeAll(where: \.hasEnded)
    // Each thread's memory comes from a heap that others use before and after it, so what a
    // generation frees lies in pieces; without this, hundreds of reloads would add up.
    if earlier.count < count { ProcessControl.trimMemory() }
  }

  /// Removes the pid file and the unix sockets, that of `control` included, but for what belongs to
  /// the process before or behind this one.
  func removeFiles() {
    pidFile?.remove()
    if hasHandedOver { return }
    sockets?.removeSocketFiles(andTakenOnes: hasTakenOver)
    control?.remove(evenIfTaken: hasTakenOver)
  }

  /// True when another process serves in the place of this one.
  var hasHandedOver: Bool { successor != nil }

  // MARK: What a reload replaces

  /// Uses another pid file from here on.
  mutating func replacePIDFile(_ new: PIDFile?) {
    guard pidFile?.path != new?.path else { return }
    pidFile?.remove()
    pidFile = new
    do throws(ProcessProblem) {
      try new?.claim()
    } catch {
      notice(error.message)
    }
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
    do throws(KernelError) {
      try keepLogs(.rotate)
    } catch {
      notice("log rotation: \(error.describe())")
    }
  }

  func post(_ commands: WorkerCommands) { roster.post(commands) }

  func notice(_ message: String) { StandardStream.notice("waybill: \(message)") }
}
