// `waybill -s ORDER`: signals to the process in the pid file.

import ArgumentParser
import Plan
import Platform

/// What `-s` can ask of the running process; nginx's words.
enum Order: String, ExpressibleByArgument, CaseIterable {
  case stop, quit, reopen, reload, upgrade

  /// The signals that say it. A process that is told twice to end does so at once, and two
  /// different signals can't be merged into one on the way.
  var signals: [ControlSignal] {
    switch self {
    case .stop: [.terminate, .quit]
    case .quit: [.quit]
    case .reopen: [.reopen]
    case .reload: [.reload]
    case .upgrade: [.upgrade]
    }
  }
}

/// Sends `order` to the process of the pid file that the configuration names.
func send(_ order: Order, configurationPath: String) -> ExitStatus {
  guard let plan = loadConfiguration(path: configurationPath) else { return .usage }
  guard let path = plan.process.pidPath else {
    report("configuration \(configurationPath) has no pid directive, so -s can't find the process")
    return .usage
  }
  do throws(ProcessProblem) {
    let process = try PIDFile.running(path: path)
    if order == .reload { return orderReload(of: process, pidPath: path) }
    if order == .upgrade { return orderUpgrade(of: process, pidPath: path) }
    for signal in order.signals {
      if let error = process.send(signal) {
        report("process \(process.number) of pid file \(path): \(error.describe())")
        return .failure
      }
    }
    return .success
  } catch {
    report(error.message)
    return .failure
  }
}
