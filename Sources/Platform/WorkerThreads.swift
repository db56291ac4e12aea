// Threads for the workers, and a bell that tells the main thread when one ends.

import CLinux
import Glibc
import Synchronization

/// The worker threads of the process.
public final class WorkerThreads: Sendable {
  /// An eventfd, written when a thread ends.
  let bell: Int32
  private let running = Atomic<Int>(0)
  /// Those that nobody has joined yet.
  private let threads = Guarded<[pthread_t]>([])
  /// Those of them whose body has returned.
  private let ended = Guarded<[pthread_t]>([])

  /// No threads yet. Fails when descriptors have run out.
  public init() throws(KernelError) {
    bell = clinux_wake_create()
    guard bell >= 0 else { throw KernelError(result: Int(bell)) }
  }

  deinit {
    threads.withLock { for thread in $0 { pthread_detach(thread) } }
    _ = clinux_close(bell)
  }

  /// Threads whose body has not returned yet.
  public var runningCount: Int { running.load(ordering: .acquiring) }

  /// Runs `body` on a thread of its own, called `name` (at most 15 bytes) by the system's tools.
  public func start(name: String, _ body: @escaping @Sendable () -> Void) throws(KernelError) {
    running.add(1, ordering: .relaxed)
    let start = Unmanaged.passRetained(ThreadStart(name: name, body: body, threads: self))
    var thread = pthread_t()
    let code = pthread_create(&thread, nil, runThread, start.toOpaque())
    guard code == 0 else {
      start.release()
      running.subtract(1, ordering: .relaxed)
      throw KernelError(code: code)
    }
    threads.withLock { $0.append(thread) }
  }

  /// Waits until all threads are gone, after their bodies have returned. A library may still have
  /// something to free for a thread that ends (OpenSSL does), and the end of the process must not
  /// come before that.
  public func join() {
    let all = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in all { pthread_join(thread, nil) }
    ended.withLock { $0 = [] }
  }

  /// Lets go of the threads whose bodies have returned: each keeps its stack until then.
  public func reap() {
    let ended = ended.withLock { ended in
      defer { ended = [] }
      return ended
    }
    for thread in ended { pthread_join(thread, nil) }
    threads.withLock { threads in threads.removeAll { ended.contains($0) } }
  }

  /// Wakes who waits for the end of a thread, as if one had ended.
  public func ring() { _ = clinux_wake_post(bell) }

  fileprivate func noteEnd() {
    ended.withLock { $0.append(pthread_self()) }
    running.subtract(1, ordering: .releasing)
    _ = clinux_wake_post(bell)
  }
}

/// What a new thread needs to know.
private final class ThreadStart: Sendable {
  let name: String
  let body: @Sendable () -> Void
  let threads: WorkerThreads

  init(name: String, body: @escaping @Sendable () -> Void, threads: WorkerThreads) {
    self.name = name
    self.body = body
    self.threads = threads
  }
}

/// Where a thread begins. An ordinary function: a closure given to pthread_create from the main
/// actor would trap on the new thread.
private func runThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  runToEnd(context).noteEnd()
  return nil
}

/// Runs the body and lets go of all that it held: the process may end as soon as the end is noted,
/// and what is freed behind that meets libraries that have cleaned up already.
@inline(never)
private func runToEnd(_ context: UnsafeMutableRawPointer?) -> WorkerThreads {
  let start = Unmanaged<ThreadStart>.fromOpaque(context!).takeRetainedValue()
  clinux_name_thread(start.name)
  start.body()
  return start.threads
}
