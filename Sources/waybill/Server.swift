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
  guard let compiled = compileAndReport(path: configurationPath), let plan = compiled.plan else {
    return .usage
  }
  do throws(ProcessProblem) {
    var server = try Server(plan: plan, certificates: Certificates(compiled))
    defer { server.removeFiles() }
    try server.prepare()
    try server.startWorkers()
    try server.startLogKeeper()
    server.announce(configurationPath: configurationPath)
    return server.supervise()
  } catch {
    report(error.message)
    return .failure
  }
}

/// A plan being served.
struct Server {
  private let plan: Plan
  private let certificates: Certificates
  private let metrics = Metrics(version: version, startTime: MachineTime.now)
  private let manager = ServiceManager()
  private let signals: ControlSignals
  private let threads: WorkerThreads
  private let mailboxes: [WorkerMailbox]
  private var sockets: ListeningSockets?
  private var pidFile: PIDFile?
  private var control: ControlSocket?
  /// How each worker is asked; empty without `control`.
  private var controlled: [ControlledWorker] = []
  /// Not among `threads`: it does not keep the process alive.
  private let controlThread: WorkerThreads
  private var logKeeper: LogKeeper?

  /// Takes over signals first of all, so that none of them ends the process half-way.
  init(plan: Plan, certificates: Certificates) throws(ProcessProblem) {
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
  }

  /// Opens what needs rights, then gives them up.
  mutating func prepare() throws(ProcessProblem) {
    StandardStream.openAll()
    try openSockets()
    if let path = plan.process.pidPath { pidFile = try PIDFile(path: path) }
    try openControl()
    try dropPrivileges()
    try checkLogs()
  }

  private mutating func openSockets() throws(ProcessProblem) {
    do throws(ListenError) {
      sockets = try ListeningSockets(
        listenAddresses, workers: mailboxes.count, inherited: InheritedSockets.take())
    } catch {
      throw ProcessProblem(message: error.message)
    }
  }

  private var listenAddresses: [ListenAddress] {
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
      control = try ControlSocket(path: settings.path, mode: settings.mode)
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
    let share = MetricsShare(metrics, metrics.begin(plan, workers: mailboxes.count))
    for number in mailboxes.indices {
      do throws(KernelError) {
        try startWorker(number, share)
      } catch {
        post(.stop)
        throw ProcessProblem(message: "worker \(number): \(error.describe())")
      }
    }
    try startControl()
  }

  private func startControl() throws(ProcessProblem) {
    guard let control else { return }
    let server = ControlServer(socket: control, workers: controlled, metrics: metrics)
    do throws(KernelError) {
      try controlThread.start(name: "waybill-control") { server.run() }
    } catch {
      post(.stop)
      throw ProcessProblem(message: "control: \(error.describe())")
    }
  }

  private func startWorker(_ number: Int, _ share: MetricsShare) throws(KernelError) {
    let plan = plan
    let mailbox = mailboxes[number]
    var settings = WorkerSettings(
      number: number, count: mailboxes.count,
      processID: UInt32(bitPattern: ProcessControl.processID),
      listeners: sockets?.descriptors(ofWorker: number) ?? [])
    settings.tls = certificates.shelf
    settings.metrics = share
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
      let mailboxes = mailboxes
      logKeeper = try LogKeeper(plan) { for mailbox in mailboxes { mailbox.post(.reopenLogs) } }
    } catch {
      post(.stop)
      throw ProcessProblem(message: "log rotation: \(error.describe())")
    }
  }

  /// Says on stderr and to the service manager that the proxy serves, and what.
  func announce(configurationPath: String) {
    let addresses = listenAddresses.map(\.text).joined(separator: ", ")
    let workers = mailboxes.count == 1 ? "1 worker" : "\(mailboxes.count) workers"
    notice(
      "version \(version) serves \(configurationPath) on \(addresses)"
        + " with \(workers), process \(ProcessControl.processID)")
    manager.ready("serves on \(addresses) with \(workers)")
  }

  /// Passes signals on to the workers until all have ended.
  func supervise() -> ExitStatus {
    var isEnding = false
    var status = ExitStatus.success
    var watchdog = Watchdog(manager, mailboxes)
    while threads.runningCount > 0 {
      switch signals.next(or: threads, milliseconds: watchdog.remainingMilliseconds) {
      case .signal(.terminate), .signal(.quit):
        // Who asks twice does not want to wait.
        post(isEnding ? .stop : .drain)
        isEnding = true
        manager.stopping("finishes what runs")
      case .signal(.reopen):
        post(.reopenLogs)
      case .signal(.reload):
        renewCertificates()
      case .timedOut:
        break
      case .threadEnded:
        if isEnding { continue }
        notice("a worker has ended unexpectedly; the others finish what runs")
        status = .failure
        isEnding = true
        manager.stopping("a worker has ended unexpectedly")
        post(.drain)
      }
      watchdog.look(isEnding: isEnding)
    }
    threads.join()
    logKeeper?.end()
    return status
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

  /// Removes the pid file and the unix sockets, that of `control` included.
  func removeFiles() {
    sockets?.removeSocketFiles()
    control?.remove()
    pidFile?.remove()
  }

  private func post(_ commands: WorkerCommands) {
    for mailbox in mailboxes { mailbox.post(commands) }
  }

  private func notice(_ message: String) { StandardStream.notice("waybill: \(message)") }
}
