// What `-t` checks in addition to the text of the conf file: everything that a start opens, with
// the code that opens it, and as the user that opens it. Nothing is created or changed.

import Basics
import HTTP
import Plan
import Platform

/// A start that stops before anybody could notice it.
struct StartCheck {
  private let plan: Plan

  init(_ plan: Plan) { self.plan = plan }

  /// Fails with what the start would fail with. The process has the rights of `user` afterwards. An
  /// address that is in use is only told: it may be the running process that uses it.
  func perform() throws(ProcessProblem) {
    let next = try ProcessIdentity.successor(
      user: plan.process.user, group: plan.process.group)
    if let path = plan.process.pidPath, let problem = PIDFile.check(path: path) { throw problem }
    try checkSockets()
    let missing = (plan.logPaths + plan.process.contentFolders.map(\.path)).filter {
      !LogFile.isThere(path: $0)
    }
    try checkLogs(LogFile.check)
    try checkFolders(ContentFolder.check)
    guard let next else { return }
    HeldFolders.hold(ofFiles: plan.logPaths)
    try next.assume()
    HeldFolders.keepOnlyUnreachable()
    // What is missing is created before the rights are given up.
    try checkLogs { path in
      missing.contains(path) ? LogFile.checkReaching(path: path) : LogFile.check(path: path)
    }
    try checkFolders { path in
      missing.contains(path) ? LogFile.checkReaching(path: path) : ContentFolder.check(path: path)
    }
  }

  private func checkSockets() throws(ProcessProblem) {
    if let control = plan.process.control {
      let address = ListenAddress(address: .unix, unixPath: control.path)
      if let error = ListeningSockets.check(address) {
        throw ProcessProblem(message: "control: \(error.message)")
      }
    }
    for address in Generation.addresses(of: plan) {
      guard let error = ListeningSockets.check(address) else { continue }
      guard error.isInUse else { throw ProcessProblem(message: error.message) }
      report("\(error.message); a start would fail while it is in use")
    }
  }

  private func checkLogs(_ check: (String) -> KernelError?) throws(ProcessProblem) {
    for path in plan.logPaths {
      if let error = check(path) {
        throw ProcessProblem(message: "log \(path): \(error.describeOpening())")
      }
    }
  }
}

extension StartCheck {
  private func checkFolders(_ check: (String) -> KernelError?) throws(ProcessProblem) {
    for folder in plan.process.contentFolders {
      if let error = check(folder.path) {
        throw ProcessProblem(
          message: "\(folder.directive) \(folder.path): \(error.describeOpening())")
      }
    }
  }
}

extension Plan {
  /// The paths of the logs that are files.
  var logPaths: [String] {
    let sinks = tables.sinks
    return sinks.indices.filter { sinks[$0].destination == .file }.map { sinks[$0].path.text }
  }
}
