// A thread for work that goes on beside the workers, and takes no time from them.

import Basics
import CLinux
import Glibc

/// One thread of low priority; it runs until its body returns.
public final class BackgroundThread: Sendable {
  private let bell: EndBell
  private let thread: pthread_t

  /// Runs `body` on a thread called `name` (at most 15 bytes) by the system's tools. The body
  /// pauses by the bell that it is given, and returns once that has rung.
  public init(
    name: String, _ body: @escaping @Sendable (EndBell) -> Void
  ) throws(KernelError) {
    bell = try EndBell()
    let start = Unmanaged.passRetained(ThreadStart(name: name, bell: bell, body: body))
    var thread = pthread_t()
    let code = pthread_create(&thread, nil, runThread, start.toOpaque())
    guard code == 0 else {
      start.release()
      throw KernelError(code: code)
    }
    self.thread = thread
  }

  /// Asks the body to return and waits until it has. Called once.
  public func end() {
    bell.ring()
    pthread_join(thread, nil)
  }
}

/// What tells a background thread that it should end.
public final class EndBell: Sendable {
  let descriptor: Int32

  init() throws(KernelError) {
    descriptor = clinux_wake_create()
    guard descriptor >= 0 else { throw KernelError(result: Int(descriptor)) }
  }

  deinit { _ = clinux_close(descriptor) }

  func ring() { _ = clinux_wake_post(descriptor) }

  /// Waits that long, or until the bell rings. True when it has.
  public func hasRung(within interval: Interval) -> Bool {
    let milliseconds = min(interval.nanoseconds / 1_000_000, UInt64(Int32.max))
    return clinux_wait_for(descriptor, 0, Int32(milliseconds)) > 0
  }
}

/// What a new thread needs to know.
private final class ThreadStart: Sendable {
  let name: String
  let bell: EndBell
  let body: @Sendable (EndBell) -> Void

  init(name: String, bell: EndBell, body: @escaping @Sendable (EndBell) -> Void) {
    self.name = name
    self.bell = bell
    self.body = body
  }
}

/// An ordinary function, as in `WorkerThreads`.
private func runThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  let start = Unmanaged<ThreadStart>.fromOpaque(context!).takeRetainedValue()
  clinux_name_thread(start.name)
  clinux_lower_priority(10)
  start.body(start.bell)
  return nil
}
