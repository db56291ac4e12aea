// `SIGHUP`: the configuration is read anew, and if all of it is right and can be served, workers
// that serve it take the place of the old ones. Else nothing changes, and the reasons are said.

import Basics
import Configuration
import Engine
import Plan
import Platform
import Policy
import TLS
import Telemetry

/// Why a new configuration is not served.
struct ReloadProblem: Error {
  /// Lines for the operator.
  var messages: [String]

  init(_ messages: [String]) { self.messages = messages }
  init(_ message: String) { messages = [message] }
}

extension Server {
  /// Replaces the configuration, and tells everybody who wants to know what came of it; `asker` is
  /// the process that asked for it.
  mutating func reload(asker: Int32) {
    manager.reloading()
    do throws(ReloadProblem) {
      let warnings = try replaceGeneration()
      let text = "generation \(current.number) serves \(configurationPath) \(extent)"
      for line in warnings + ["reload: \(text)"] { tell(.notice, line) }
      manager.ready(text)
      OrderAnswer.send((["done"] + warnings + [text]).joined(separator: "\n"), to: asker)
    } catch {
      for line in error.messages { tell(.error, line) }
      tell(.error, "reload: refused; generation \(current.number) serves on")
      manager.ready("a reload was refused; generation \(current.number) serves on")
      OrderAnswer.send((["refused"] + error.messages).joined(separator: "\n"), to: asker)
    }
  }

  /// Says something on stderr and in the error log.
  private func tell(_ level: LogLevel, _ line: String) {
    notice(line)
    ProcessErrorLog(current.plan).report(level, "reload", line)
  }

  /// Does all that can fail first. Returns what there is to warn of.
  private mutating func replaceGeneration() throws(ReloadProblem) -> [String] {
    forgetEnded()
    guard earlier.count < Limits.earlierGenerations else {
      throw ReloadProblem(
        "reload: \(earlier.count) earlier configurations still have requests or tunnels; end some"
          + " (waybill requests --abort) first")
    }
    let compiled = compileConfiguration(
      path: configurationPath, environment: .system, keys: current.tls.keys)
    let diagnostics = compiled.diagnostics.map { $0.render() }
    guard let plan = compiled.plan else { throw ReloadProblem(diagnostics) }
    do throws(ProcessProblem) {
      try checkLogs(of: plan)
      try replace(with: plan, compiled)
    } catch {
      throw ReloadProblem(diagnostics + [error.message])
    }
    return diagnostics + fixedSettings(of: plan)
  }

  private mutating func replace(
    with plan: Plan, _ compiled: CompiledConfiguration
  ) throws(ProcessProblem) {
    var newSockets = try openSockets(for: plan, keeping: sockets)
    do throws(ProcessProblem) {
      let next = try Generation(current.number + 1, plan, compiled.tls, roster, metrics)
      let newFile = try openPIDFile(for: plan)
      let newControl = try openControl(for: plan)
      do throws(ProcessProblem) {
        try next.start(threads, newSockets, numbers)
      } catch {
        next.end()
        if newControl !== control { newControl?.end() }
        if newFile?.path != pidFile?.path { newFile?.remove() }
        throw error
      }
      switchTo(next, newSockets, newFile, newControl)
    } catch {
      newSockets.close(keeping: sockets)
      throw error
    }
  }

  /// Nothing of this can fail.
  private mutating func switchTo(
    _ next: Generation, _ newSockets: ListeningSockets, _ newFile: PIDFile?,
    _ newControl: ControlSocket?
  ) {
    roster.add(next.workers, generation: next.number)
    // Closed before the workers close theirs: what waits at a socket that nobody keeps is accepted
    // until its last descriptor is closed.
    sockets?.close(keeping: newSockets)
    sockets = newSockets
    for generation in earlier { generation.setHeirs(next) }
    current.retire(to: next)
    earlier.append(current)
    current = next
    replacePIDFile(newFile)
    replaceControl(newControl)
    restartLogKeeper()
  }

  /// What a running process can't change.
  private func fixedSettings(of plan: Plan) -> [String] {
    guard plan.process.user != startUser.user || plan.process.group != startUser.group else {
      return []
    }
    return ["reload: user is another one; that takes a restart"]
  }
}
