// A binary upgrade (SIGUSR2), from the old process's point of view: it starts the program now on
// disk and follows it until it serves or has failed.

import Basics
import Platform
import Policy

/// One attempt. It ends with `serves` or `failed`.
struct Upgrade {
  /// What has become of the new process.
  enum Step {
    /// Nothing new.
    case none
    /// It has opened all that it needs, and waits for the word to begin.
    case isReady
    /// Its workers run. With what it says of itself.
    case serves(String)
    /// It has ended, or was ended, for this reason. Nothing is left of it.
    case failed(String)
  }

  /// How the two speak.
  let channel: HandoverChannel
  /// The new process.
  let child: ChildProcess
  /// True when it was told to begin.
  private(set) var hasBegun = false
  /// Processes that have asked for the upgrade.
  var askers: [Asker] = []
  /// Signals to obey when it is known who serves on.
  var deferred: [ControlSignal] = []
  private let program: String
  private var deadline: Int

  /// Starts `program` and gives it `descriptors`.
  init(program: String, giving descriptors: [PassedDescriptor]) throws(KernelError) {
    (child, channel) = try Successor.start(program, giving: descriptors)
    self.program = program
    deadline = MachineTime.milliseconds + Self.patience
  }

  /// How long either step may take, in milliseconds.
  static var patience: Int { Int(Limits.upgradeTime.nanoseconds / 1_000_000) }

  /// How long the new process may still take.
  var remainingMilliseconds: Int { max(0, deadline - MachineTime.milliseconds) }

  /// Looks what the new process has said.
  func look() -> Step {
    switch channel.receive() {
    case .word(.ready, _) where !hasBegun: return .isReady
    case .word(.serves, let text) where hasBegun:
      return .serves(String(decoding: text, as: UTF8.self))
    case .word(.failed, let reason):
      _ = child.awaitEnd()
      return .failed(String(decoding: reason, as: UTF8.self))
    case .word, .end: return .failed("\(program) \(describe(child.awaitEnd()))")
    case .nothing where remainingMilliseconds == 0:
      child.end()
      return .failed("\(program) was not ready within \(Self.patience / 1_000) s")
    case .nothing: return .none
    }
  }

  /// Tells the new process to begin; it gets `keys` for session tickets.
  mutating func begin(keys: [UInt8]) {
    hasBegun = true
    deadline = MachineTime.milliseconds + Self.patience
    channel.send(.begin, keys)
  }

  private func describe(_ ending: ChildProcess.Ending) -> String {
    switch ending {
    case .exited(let code): "ended with exit code \(code) before it was ready"
    case .signalled(let number): "was ended by signal \(number) before it was ready"
    case .ended: "did not respond like a new waybill process"
    }
  }
}
