// Another program, started by this process and ended with certainty.

import CLinux
import Glibc

/// A program that was started from here. Its number can't become another process' before it was let
/// go, and signals reach no other even then.
public final class ChildProcess: Sendable {
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
  private let child: Guarded<clinux_child>

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
    var started = clinux_child()
    let result = withCStrings([path] + arguments) { arguments in
      clinux_spawn(path, arguments, added, dropped, numbers, numbers.count, &started)
    }
    guard result == 0 else { throw KernelError(result: Int(result)) }
    number = started.process
    child = Guarded(started)
  }

  deinit {
    letGo()
    child.withLock { if $0.handle >= 0 { _ = clinux_close($0.handle) } }
  }

  /// Makes it a child of the system's first process, or of whoever stands in for it. How it ends is
  /// not known from then on.
  public func letGo() { child.withLock { clinux_let_go(&$0) } }

  /// Sends a signal to it.
  public func send(_ signal: ControlSignal) { send(number: signal.number) }

  private func send(number: Int32) { child.withLock { _ = clinux_signal(&$0, number) } }

  /// Waits a moment for a child that is about to end by itself, and says how it did. One that does
  /// not is killed.
  public func awaitEnd() -> Ending {
    defer { letGo() }
    return ending(within: Self.patience) ?? end()
  }

  /// Kills it.
  @discardableResult public func end() -> Ending {
    defer { letGo() }
    send(number: SIGKILL)
    let ending = ending(within: Self.patience)
    return ending == .signalled(SIGKILL) ? .ended : ending ?? .ended
  }

  private func ending(within milliseconds: Int) -> Ending? {
    let deadline = MachineTime.milliseconds + milliseconds
    while true {
      var status: Int32 = 0
      let result = child.withLock { clinux_child_end(&$0, &status) }
      if result > 0 { return status < 0 ? .signalled(-status) : .exited(status) }
      // It was let go, or somebody has ended the keeper.
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
