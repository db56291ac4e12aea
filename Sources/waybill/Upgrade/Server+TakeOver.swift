// The new process of a binary upgrade. It opens everything it needs, reports that, and waits: until
// the old process tells it to begin, nothing visible from outside changes.

import HTTP
import Plan
import Platform
import TLS

extension Server {
  /// Waits for the word to begin, and takes what is there once only. Nothing without a predecessor.
  mutating func takeOver() throws(ProcessProblem) {
    guard let predecessor else { return }
    predecessor.channel.send(.ready)
    let answer = predecessor.channel.receive(withinMilliseconds: Upgrade.patience)
    guard case .word(.begin, let keys) = answer else {
      throw ProcessProblem(message: "upgrade: the old process has ended")
    }
    current.tls.keys.adopt(keys)
    try pidFile?.claim()
  }

  private var controlAddress: [ListenAddress] {
    current.plan.process.control.map { [ListenAddress(address: .unix, unixPath: $0.path)] } ?? []
  }

  /// Says to the predecessor, or else to the service manager, that the workers run.
  mutating func confirm(_ status: String) {
    defer {
      hasTakenOver = true
      inherited.forgetTaken()
    }
    guard let predecessor, predecessor.channel.send(.serves, Array(status.utf8)) else {
      return manager.ready(status)
    }
    inherited.abandonAll(
      but: Generation.addresses(of: current.plan) + controlAddress)
    // It says so once it has told the service manager whose signs of life count now. An older
    // version closes the channel instead.
    let answer = predecessor.channel.receive(withinMilliseconds: 1_000)
    // Without `control` nobody asks.
    if case .word(.replaced, _) = answer, control != nil {
      roster.formerProcesses = predecessor.formerProcesses + [FormerProcess(predecessor.channel)]
    }
  }
}
