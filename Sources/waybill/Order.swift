// `waybill -s ORDER`: signals for the process that the pid file names.

import ArgumentParser
import Plan
import Platform

/// What `-s` can ask of the running process; nginx's words.
enum Order: String, ExpressibleByArgument, CaseIterable {
  case stop, quit, reopen, reload

  /// The signals that say it. A process that is told twice to end does so at once, and two
  /// different signals can't be merged into one on the way.
  var signals: [ControlSignal] {
    switch self {
    case .stop: [.terminate, .quit]
    case .quit: [.quit]
    case .reopen: [.reopen]
    case .reload: [.reload]
    }
  }
}

/// Sends `order` to the process of the pid file that the configuration names.
func send(_ order: Order, configurationPath: String) -> ExitStatus {
  guard let plan = loadConfiguration(path: configurationPath) else { return .usage }
  guard let path = plan.process.pidPath else {
    report("configuration \(configurationPath) names no pid file, so -s finds no process")
    return .usage
  }
  do throws(ProcessProblem) {
    let process = try PIDFile.read(path: path)
    if order == .reload { return try reload(process) }
    for signal in order.signals {
      if let error = ProcessControl.send(signal, to: process) {
        report("process \(process) of pid file \(path): \(error.describe())")
        return .failure
      }
    }
    return .success
  } catch {
    report(error.message)
    return .failure
  }
}

/// Has the process read its configuration anew, and says what came of it.
private func reload(_ process: Int32) throws(ProcessProblem) -> ExitStatus {
  let inbox: OrderReport.Inbox
  do throws(KernelError) {
    inbox = try OrderReport.Inbox()
  } catch {
    throw ProcessProblem(message: "reload: \(error.describe())")
  }
  if let error = ProcessControl.send(.reload, to: process) {
    throw ProcessProblem(message: "process \(process): \(error.describe())")
  }
  guard let outcome = inbox.outcome(from: process, withinMilliseconds: reloadPatience) else {
    throw ProcessProblem(
      message: "process \(process) was told, but has not said what came of it; see its error log")
  }
  for line in outcome.text.split(separator: "\n") { report(String(line)) }
  if !outcome.isDone { report("reload refused; the old configuration serves on") }
  return outcome.isDone ? .success : .usage
}

/// Milliseconds: names of backends may have to be resolved by servers that don't answer.
private let reloadPatience = 60_000
