// The running process during a binary upgrade. Until the new process serves, everything can be
// undone; from then on, this one only finishes its running requests.

import Platform
import TLS
import Telemetry

extension Server {
  /// Starts the program that is on the disk now, unless that has no place; `asker` is told what
  /// comes of it.
  mutating func beginUpgrade(askedBy asker: Asker, isEnding: Bool) {
    if upgrade != nil {
      upgrade?.askers.append(asker)
      return notice("an upgrade is already in progress")
    }
    if isEnding || hasHandedOver {
      let reason = hasHandedOver ? "another process already serves" : "the process is shutting down"
      OrderAnswer.send("failed\n\(reason)", to: asker)
      return notice("upgrade refused: \(reason)")
    }
    manager.reloading()
    do throws(KernelError) {
      upgrade = try DescriptorReserve.use { () throws(KernelError) in
        try Upgrade(program: program, giving: passedOn)
      }
      upgrade?.askers = [asker]
      OpenLogs.beginSharingWithSuccessor()
    } catch {
      reportFailure("\(program): \(error.describe())", to: [asker])
    }
  }

  /// All that the new process can't or must not open itself.
  private var passedOn: [PassedDescriptor] {
    (sockets?.passedOn ?? []) + (control?.passedOn ?? []) + (pidFile.map { [$0.passedOn] } ?? [])
      + roster.formerProcesses.map(\.passedOn)
  }

  /// Goes on with the upgrade, if one is under way and there is news of it.
  mutating func carryOnUpgrade() {
    guard let step = upgrade?.look() else { return }
    switch step {
    case .none: return
    case .isReady:
      // From here on the new process rotates the logs.
      logKeeper?.end()
      logKeeper = nil
      upgrade?.begin(keys: current.tls.keys.exported)
    case .serves(let status): completeUpgrade(status)
    case .failed(let reason): failUpgrade(reason)
    }
  }

  /// Ends the new process of an upgrade that is under way, if there is one, and serves on.
  mutating func giveUpUpgrade(because reason: String) {
    guard let upgrade else { return }
    upgrade.child.end()
    failUpgrade(reason)
  }

  private mutating func completeUpgrade(_ status: String) {
    guard let upgrade else { return }
    let process = upgrade.child.number
    // A service manager wants its main process to be its own child.
    upgrade.child.letGo()
    // Only the service's main process may say so, and that is still this one.
    manager.ready(status, process: process)
    manager = .none
    self.upgrade = nil
    successor = upgrade.child
    // The workers hold them, and so does the new process.
    sockets?.closeAll()
    post(.handOver)
    control?.close()
    roster.formerProcesses = []
    startAnsweringSuccessor(SuccessorQuestions(upgrade.channel))
    startFollowingLogs()
    notice("process \(process) serves now; this one is finishing its running requests")
    for asker in upgrade.askers { OrderAnswer.send("serves\n\(process)", to: asker) }
    for signal in upgrade.deferred { upgrade.child.send(signal) }
  }

  private mutating func startAnsweringSuccessor(_ questions: SuccessorQuestions) {
    do throws(KernelError) {
      try startAnswering(questions)
    } catch {
      notice("waybill requests will not list the requests of this process: \(error.describe())")
    }
  }

  private mutating func startFollowingLogs() {
    do throws(KernelError) {
      try keepLogs(.follow)
    } catch {
      notice("renamed logs will not be reopened: \(error.describe())")
    }
  }

  private mutating func failUpgrade(_ reason: String) {
    guard let upgrade else { return }
    self.upgrade = nil
    OpenLogs.endSharingWithSuccessor()
    if upgrade.hasBegun { takeBack() }
    reportFailure(reason, to: upgrade.askers)
    for signal in upgrade.deferred { obey(signal) }
  }

  /// Takes back what the new process was given, or has taken, when it was told to begin.
  private mutating func takeBack() {
    do throws(ProcessProblem) {
      try pidFile?.claim()
    } catch {
      notice(error.message)
    }
    restartLogKeeper()
  }

  private func reportFailure(_ reason: String, to askers: [Asker]) {
    let first = reason.prefix { $0 != "\n" }
    let message = "the upgrade failed, process \(ProcessControl.processID) continues: \(first)"
    notice(message)
    ProcessErrorLog(current.plan).report(.error, "upgrade", message)
    manager.ready("the upgrade failed")
    for asker in askers { OrderAnswer.send("failed\n\(reason)", to: asker) }
  }
}
