// The running proxy as a process: what happens before the workers start, while they run, and after.
//
// The main thread serves nobody. It opens what needs rights, gives the rights up, starts the
// workers, and then waits for signals, which it turns into commands for them.

import Basics
import Configuration
import Engine
import Plan
import Platform
import Policy

/// `waybill -c FILE`: serves until told to end.
func serve(configurationPath: String) -> ExitStatus {
  ControlSignals.holdBack()
  let predecessor = Predecessor.take()
  guard
    let compiled = compileAndReport(path: configurationPath, to: predecessor?.channel),
    let plan = compiled.plan
  else { return .usage }
  do throws(ProcessProblem) {
    var server = try Server(
      plan: plan, certificates: Certificates(compiled), predecessor: predecessor)
    defer { server.removeFiles() }
    try server.prepare()
    try server.takeOver()
    try server.startWorkers()
    try server.startLogKeeper()
    server.announce(configurationPath: configurationPath)
    return server.supervise()
  } catch {
    report(error.message)
    predecessor?.channel.send(.failed, Array(error.message.utf8))
    return .failure
  }
}

/// A plan being served.
struct Server {
  let plan: Plan
  let certificates: Certificates
  /// None from the moment on in which another process serves.
  var manager = ServiceManager()
  private let signals: ControlSignals
  private let threads: WorkerThreads
  private let mailboxes: [WorkerMailbox]
  let inherited: InheritedSockets
  private(set) var sockets: ListeningSockets?
  private(set) var pidFile: PIDFile?
  private(set) var control: ControlSocket?
  /// How each worker is asked; empty without `control`.
  private var controlled: [ControlledWorker] = []
  /// Not among `threads`: it does not keep the process alive.
  private let controlThread: WorkerThreads
  var logKeeper: LogKeeper?
  /// The process whose place this one takes.
  let predecessor: Predecessor?
  /// True once this process serves in the place of another, or from the start.
  var hasTakenOver: Bool
  /// What an upgrade starts.
  let program = ProgramPath.current
  /// The upgrade that is under way.
  var upgrade: Upgrade?
  /// The process that serves in the place of this one.
  var successor: ChildProcess?

  /// Takes over signals first of all, so that none of them ends the process half-way.
  init(
    plan: Plan, certificates: Certificates, predecessor: Predecessor?
  ) throws(ProcessProblem) {
    _ = ProcessControl.raiseDescriptorLimit()
    let count = max(1, plan.process.workerThreads ?? Processors.available)
    do throws(KernelError) {
      signals = try ControlSignals()
      threads = try WorkerThreads()
      controlThread = try WorkerThreads()
      mailboxes = try (0..<count).map { _ throws(KernelError) in try WorkerMailbox() }
    } catch {
      throw ProcessProblem(message: "start: \(error.describe())")
    }
    self.plan = plan
    self.certificates = certificates
    self.predecessor = predecessor
    hasTakenOver = predecessor == nil
    inherited = InheritedSockets.take(from: predecessor)
  }

  /// Opens what needs rights, then gives them up.
  mutating func prepare() throws(ProcessProblem) {
    StandardStream.openAll()
    try openSockets()
    if let path = plan.process.pidPath {
      pidFile = try PIDFile(path: path, from: predecessor)
      if predecessor == nil { try pidFile?.claim() }
    }
    try openControl()
    try dropPrivileges()
    try checkLogs()
  }

  private mutating func openSockets() throws(ProcessProblem) {
    do throws(ListenError) {
      sockets = try ListeningSockets(
        listenAddresses, workers: mailboxes.count, inherited: inherited)
    } catch {
      throw ProcessProblem(message: error.message)
    }
  }

  var listenAddresses: [ListenAddress] {
    let listeners = plan.tables.listeners
    return listeners.indices.map { index in
      ListenAddress(
        address: listeners[index].address, unixPath: listeners[index].unixPath.text,
        backlog: listeners[index].backlog,
        inheritedName: listeners[index].inheritedName.text)
    }
  }

  private mutating func openControl() throws(ProcessProblem) {
    guard let settings = plan.process.control else { return }
    do throws(ListenError) {
      control = try ControlSocket(
        path: settings.path, mode: settings.mode, inherited: inherited)
    } catch {
      throw ProcessProblem(message: "control: \(error.message)")
    }
    do throws(KernelError) {
      controlled = try mailboxes.map { mailbox throws(KernelError) in
        ControlledWorker(
          mailbox: mailbox, desk: try WorkerDesk(),
          failures: RecentLines(places: Limits.keptFailures, placeBytes: Limits.failureBytes))
      }
    } catch {
      throw ProcessProblem(message: "control: \(error.describe())")
    }
  }

  private func dropPrivileges() throws(ProcessProblem) {
    guard let user = plan.process.user else { return }
    guard ProcessIdentity.isSuperuser else {
      // As in nginx, so that one conf file serves root and a developer.
      if ProcessIdentity.isAlready(user) { return }
      report("user \(user) is ignored: only the superuser can become somebody else")
      return
    }
    let identity = try ProcessIdentity(user: user, group: plan.process.group)
    let sinks = plan.tables.sinks
    for index in sinks.indices where sinks[index].destination == .file {
      let path = sinks[index].path.text
      if let error = LogFile.prepare(path: path, owner: identity) {
        throw ProcessProblem(message: "log \(path): \(error.describe())")
      }
    }
    try control?.give(to: identity)
    try identity.assume()
  }

  /// Opens each log once as the user that the workers will be: one that can't be written must not
  /// be found out by its silence.
  private func checkLogs() throws(ProcessProblem) {
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

  /// Starts a thread for each worker, and one for questions about them. When one can't be started
  /// those before it are stopped.
  func startWorkers() throws(ProcessProblem) {
    for number in mailboxes.indices {
      do throws(KernelError) {
        try startWorker(number)
      } catch {
        post(.stop)
        throw ProcessProblem(message: "worker \(number): \(error.describe())")
      }
    }
    try startControl()
  }

  private func startControl() throws(ProcessProblem) {
    guard let control else { return }
    let server = ControlServer(socket: control, workers: controlled)
    do throws(KernelError) {
      try controlThread.start(name: "waybill-control") { server.run() }
    } catch {
      post(.stop)
      throw ProcessProblem(message: "control: \(error.describe())")
    }
  }

  private func startWorker(_ number: Int) throws(KernelError) {
    let plan = plan
    let mailbox = mailboxes[number]
    var settings = WorkerSettings(
      number: number, count: mailboxes.count,
      processID: UInt32(bitPattern: ProcessControl.processID),
      listeners: sockets?.descriptors(ofWorker: number) ?? [])
    settings.listenerNumbers = sockets?.numbers(ofWorker: number) ?? []
    settings.tls = certificates.shelf
    if StandardStream.isJournaled(1) { settings.journaled.insert(.stdout) }
    if StandardStream.isJournaled(2) { settings.journaled.insert(.stderr) }
    if control != nil {
      settings.desk = controlled[number].desk
      settings.failures = controlled[number].failures
    }
    try threads.start(name: "waybill-\(number)") { [settings] in
      defer { settings.desk?.close() }
      do throws(KernelError) {
        try runWorker(plan: plan, settings: settings, mailbox: mailbox)
      } catch {
        report("worker \(number): \(error.describe())")
      }
    }
  }

  /// Starts the thread that rotates logs, if there are any to rotate.
  mutating func startLogKeeper() throws(ProcessProblem) {
    do throws(KernelError) {
      try keepLogs(.rotate)
    } catch {
      post(.stop)
      throw ProcessProblem(message: "log rotation: \(error.describe())")
    }
  }

  /// Keeps the logs in that way from now on.
  mutating func keepLogs(_ duty: LogKeeper.Duty) throws(KernelError) {
    logKeeper?.end()
    logKeeper = nil
    let mailboxes = mailboxes
    logKeeper = try LogKeeper(plan, duty) { for mailbox in mailboxes { mailbox.post(.reopenLogs) } }
  }

  /// Says on stderr and to the service manager that the proxy serves, and what.
  mutating func announce(configurationPath: String) {
    let addresses = listenAddresses.map(\.text).joined(separator: ", ")
    let workers = mailboxes.count == 1 ? "1 worker" : "\(mailboxes.count) workers"
    notice(
      "version \(version) serves \(configurationPath) on \(addresses)"
        + " with \(workers), process \(ProcessControl.processID)")
    confirm("serves on \(addresses) with \(workers)")
  }

  /// Passes signals on to the workers until all have ended.
  mutating func supervise() -> ExitStatus {
    var isEnding = false
    var status = ExitStatus.success
    var watchdog = Watchdog(mailboxes)
    while threads.runningCount > 0 {
      switch signals.next(or: threads, or: upgrade?.channel, milliseconds: patience(watchdog)) {
      case .signal(.terminate, _), .signal(.quit, _):
        giveUpUpgrade(because: "it was told to end")
        // Who asks twice does not want to wait.
        post(isEnding ? .stop : .drain)
        isEnding = true
        manager.stopping("finishes what runs")
      case .signal(.upgrade, let asker):
        beginUpgrade(askedBy: asker, isEnding: isEnding)
      case .signal(let signal, _):
        obey(signal)
      case .timedOut, .channelSpoke:
        break
      case .threadEnded:
        if isEnding || hasHandedOver { continue }
        giveUpUpgrade(because: "a worker has ended")
        notice("a worker has ended unexpectedly; the others finish what runs")
        status = .failure
        isEnding = true
        manager.stopping("a worker has ended unexpectedly")
        post(.drain)
      }
      carryOnUpgrade()
      watchdog.look(manager, isEnding: isEnding)
    }
    threads.join()
    logKeeper?.end()
    return status
  }

  /// How long the main thread may sleep; nil for ever.
  private func patience(_ watchdog: Watchdog) -> Int? {
    let times = [watchdog.remainingMilliseconds(manager), upgrade?.remainingMilliseconds]
    return times.compactMap { $0 }.min()
  }

  /// Does what a signal asks that leaves the process as it is. While it is not known who serves on,
  /// it is kept for that one, and later passed on to it.
  mutating func obey(_ signal: ControlSignal) {
    if signal == .reopen { post(.reopenLogs) }
    successor?.send(signal)
    if upgrade != nil { upgrade?.deferred.append(signal) }
    if signal == .reload && upgrade == nil && !hasHandedOver { renewCertificates() }
  }

  /// Takes the certificates anew; all else of the configuration is kept.
  private func renewCertificates() {
    manager.reloading()
    guard certificates.renew() else {
      manager.ready("the certificates could not be renewed")
      return notice("the certificates can't be used; the old ones are kept")
    }
    manager.ready("certificates renewed")
    post(.renewCertificates)
    notice(
      "the certificates were read again; the rest of the configuration is kept, because reload"
        + " is not available in this version")
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

  func post(_ commands: WorkerCommands) {
    for mailbox in mailboxes { mailbox.post(commands) }
  }

  func notice(_ message: String) { StandardStream.notice("waybill: \(message)") }
}
