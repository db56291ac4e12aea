// A process that is asked for something. Its number alone would come to mean another one when it
// ends.

import CLinux
import Glibc

/// One process, held so that no other is meant by it later.
public final class ProcessHandle: Sendable {
  /// Its number.
  public let number: Int32
  /// A pidfd; negative where the system has none, and the number is all there is.
  private let descriptor: Int32

  /// The process that has that number now. ESRCH: there is none.
  init(_ number: Int32) throws(KernelError) {
    self.number = number
    descriptor = clinux_process_open(number)
    if descriptor == -ESRCH || descriptor == -EMFILE || descriptor == -EINVAL {
      throw KernelError(result: Int(descriptor))
    }
  }

  deinit { if descriptor >= 0 { _ = clinux_close(descriptor) } }

  /// Sends a signal, and with it the token by which an answer is expected. Nil when it was sent.
  public func send(_ signal: ControlSignal, token: UInt64 = 0) -> KernelError? {
    let result = clinux_process_signal(descriptor, number, signal.number, token)
    return result == 0 ? nil : KernelError(result: Int(result))
  }

  /// True until it has ended.
  public var isThere: Bool {
    if descriptor >= 0 { return clinux_wait_for(descriptor, 0, 0) == 0 }
    return kill(number, 0) == 0 || errno == EPERM
  }

  /// True when its program has the name of this one: the best that can be known of a process where
  /// nothing else can.
  var runsSameProgram: Bool {
    func name(_ process: String) -> [UInt8]? {
      try? FileContent.read(path: "/proc/\(process)/comm", limit: 64).get()
    }
    guard let own = name("self") else { return true }
    return name("\(number)") == own
  }
}
