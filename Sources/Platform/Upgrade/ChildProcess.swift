// Another program, started by this process and ended with certainty.

import CLinux
import Glibc

/// A child of this process. Its number can't become another process' before it was reaped.
public struct ChildProcess: Sendable {
  /// How a child ended.
  public enum Ending: Equatable, Sendable {
    /// By itself, with this code.
    case exited(Int32)
    /// By a signal of that number.
    case signalled(Int32)
    /// It was ended from here.
    case ended
  }

  /// The number of the process.
  public let number: Int32

  /// How long a child that has closed its channel may take to end by itself, and one that was
  /// killed, in milliseconds.
  private static let patience = 1_000

  /// Starts the program at `path`. It gets the standard streams, the descriptors `kept`, and our
  /// environment with the variable `added` (`NAME=value`) and without that of the name `dropped`.
  public init(
    path: String, arguments: [String], adding added: String, dropping dropped: String,
    keeping kept: [Descriptor]
  ) throws(KernelError) {
    let numbers = kept.map(\.number)
    var started: Int32 = 0
    let result = withCStrings([path] + arguments) { arguments in
      clinux_spawn(path, arguments, added, dropped, numbers, numbers.count, &started)
    }
    guard result == 0 else { throw KernelError(result: Int(result)) }
    number = started
  }

  /// Sends a signal to it.
  public func send(_ signal: ControlSignal) { _ = kill(number, signal.number) }

  /// Waits a moment for a child that is about to end by itself, and says how it did. One that does
  /// not is killed.
  public func awaitEnd() -> Ending { reap(within: Self.patience) ?? end() }

  /// Kills it.
  @discardableResult public func end() -> Ending {
    _ = kill(number, SIGKILL)
    let ending = reap(within: Self.patience)
    return ending == .signalled(SIGKILL) ? .ended : ending ?? .ended
  }

  private func reap(within milliseconds: Int) -> Ending? {
    let deadline = MachineTime.milliseconds + milliseconds
    while true {
      var status: Int32 = 0
      let result = clinux_reap(number, &status)
      if result > 0 { return status < 0 ? .signalled(-status) : .exited(status) }
      // Somebody else has reaped it.
      if result < 0 { return .ended }
      if MachineTime.milliseconds >= deadline { return nil }
      MachineTime.sleep(milliseconds: 2)
    }
  }
}

/// Hands `texts` to `body` as C has them: pointers to characters, a null pointer behind the last.
private func withCStrings<Result>(
  _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
  pointers.append(nil)
  defer { for pointer in pointers { free(pointer) } }
  return body(pointers)
}
