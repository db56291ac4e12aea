import Platform
import Synchronization

/// Commands that another thread has taken.
final class Taken: Sendable {
  private let bits = Atomic<UInt32>(0)

  var commands: WorkerCommands { WorkerCommands(rawValue: bits.load(ordering: .acquiring)) }

  func add(_ commands: WorkerCommands) {
    bits.bitwiseOr(commands.rawValue, ordering: .releasing)
  }
}
