// `SIGHUP`: reads the configuration again and, if it is valid and everything it needs is available,
// replaces the workers. Otherwise nothing changes, and the errors are reported.

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
  /// Begins to replace the configuration: a thread reads it, since that may take as long as names
  /// take to be resolved, and meanwhile signals are obeyed. `asker` is the process that asked.
  mutating func beginReload(asker: Asker) {
    guard reloading == nil else {
      // What it reads may be older than what this one wants read.
      reloading?.nextAskers.append(asker)
      return
    }
    manager.reloading()
    do throws(KernelError) {
      reloading = try Compilation(
        configurationPath, keys: current.tls.keys, askedBy: [asker], waking: threads)
    } catch {
      let compiled = compileConfiguration(
        path: configurationPath, environment: .system, keys: current.tls.keys)
      reload(compiled, askers: [asker])
    }
  }

  /// Goes on with the reload that is under way, if its configuration was read.
  mutating func carryOnReload(isEnding: Bool) {
    guard let done = reloading, let compiled = done.take() else { return }
    reloading = nil
    let askers = done.askers + done.nextAskers
    if isEnding || hasHandedOver {
      let reason =
        isEnding
        ? "the process is shutting down" : "another process serves now and has been told to reload"
      if hasHandedOver { successor?.send(.reload) }
      for asker in askers { OrderAnswer.send("refused\n\(reason)", to: asker) }
    } else if upgrade != nil {
      upgrade?.deferred.append(.reload)
    } else {
      reload(compiled, askers: done.askers)
      guard !done.nextAskers.isEmpty else { return }
      beginReload(asker: done.nextAskers[0])
      reloading?.askers = done.nextAskers
    }
  }

  /// Replaces the configuration by what was read, and tells everybody who wants to know what came
  /// of it.
  private mutating func reload(_ compiled: CompiledConfiguration, askers: [Asker]) {
    do throws(ReloadProblem) {
      let warnings = try DescriptorReserve.use { () throws(ReloadProblem) in
        try replaceGeneration(compiled)
      }
      let text = "generation \(current.number) serves \(configurationPath) \(extent)"
      for line in warnings + ["reload: \(text)"] { tell(.notice, line) }
      manager.ready(text)
      let answer = (["done"] + warnings + [text]).joined(separator: "\n")
      for asker in askers { OrderAnswer.send(answer, to: asker) }
    } catch {
      for line in error.messages { tell(.error, line) }
      tell(.error, "reload failed; generation \(current.number) stays in use")
      manager.ready("reload failed; generation \(current.number) stays in use")
      let answer = (["refused"] + error.messages).joined(separator: "\n")
      for asker in askers { OrderAnswer.send(answer, to: asker) }
    }
  }

  /// Says something on stderr and in the error log.
  private func tell(_ level: LogLevel, _ line: String) {
    notice(line)
    ProcessErrorLog(current.plan).report(level, "reload", line)
  }

  /// Does all that can fail first. Returns what there is to warn of.
  private mutating func replaceGeneration(
    _ compiled: CompiledConfiguration
  ) throws(ReloadProblem) -> [String] {
    forgetEnded()
    let diagnostics = compiled.diagnostics.map { $0.render() }
    guard let plan = compiled.plan else { throw ReloadProblem(diagnostics) }
    do throws(ProcessProblem) {
      try checkLogs(of: plan)
      try prepareFolders(of: plan)
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
      let next = try Generation(
        current.number + 1, plan, compiled.tls, roster, metrics,
        shared: current.shared)
      let newFile = try openPIDFile(for: plan)
      let newControl = try openControl(for: plan)
      do throws(ProcessProblem) {
        try next.start(threads, newSockets, numbers)
        next.awaitBegin()
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
    next.shared.limitZones.keepOnly(next.plan)
    replacePIDFile(newFile)
    replaceControl(newControl)
    restartLogKeeper()
    endOldest()
  }

  /// Ends the oldest configurations that are still at work when there are too many. A reload must
  /// be possible at any time: a certificate may depend on it.
  private mutating func endOldest() {
    let excess = max(0, earlier.count - Limits.earlierGenerations)
    for index in earlier.indices.prefix(excess) where !earlier[index].isCutShort {
      earlier[index].cutShort()
      tell(
        .warn,
        "reload: generation \(earlier[index].number) is ended early because"
          + " \(Limits.earlierGenerations) later ones still have requests or tunnels;"
          + " set worker_shutdown_timeout to limit how long they take")
    }
  }

  /// What a running process can't change.
  private func fixedSettings(of plan: Plan) -> [String] {
    guard plan.process.user != startUser.user || plan.process.group != startUser.group else {
      return []
    }
    return ["reload: a changed user takes effect only after a restart"]
  }
}
