// Threads for work that has an end.

import Glibc

/// Runs a piece of work on several threads and waits for all of them.
public enum JoinedThreads {
  /// Calls `body` with 0 to `count` - 1, each on a thread of its own, the last on the caller's.
  /// Where a thread can't be had, the caller does its part too.
  public static func run(count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    var threads: [pthread_t] = []
    for number in 0..<(count - 1) {
      let work = Unmanaged.passRetained(Work(number: number, body: body))
      var thread = pthread_t()
      if pthread_create(&thread, nil, runWork, work.toOpaque()) == 0 {
        threads.append(thread)
      } else {
        work.release()
        body(number)
      }
    }
    body(count - 1)
    for thread in threads { pthread_join(thread, nil) }
  }
}

private final class Work: Sendable {
  let number: Int
  let body: @Sendable (Int) -> Void

  init(number: Int, body: @escaping @Sendable (Int) -> Void) {
    self.number = number
    self.body = body
  }
}

/// An ordinary function, as in `WorkerThreads`.
private func runWork(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  let work = Unmanaged<Work>.fromOpaque(context!).takeRetainedValue()
  work.body(work.number)
  return nil
}
