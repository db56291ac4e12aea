// A configuration that a separate thread reads while the main thread handles signals.

import Configuration
import Platform
import TLS

/// One reload's reading of the conf file.
struct Compilation {
  /// Processes that have asked for it.
  var askers: [Asker]
  /// Those that asked while it was under way: they want what stands in the file now.
  var nextAskers: [Asker] = []
  private let thread: WorkerThreads
  private let result = Guarded<Result?>(nil)

  /// What was read. It changes hands once, from the thread to whoever takes it.
  private struct Result: @unchecked Sendable {
    let compiled: CompiledConfiguration
  }

  /// Begins; when all is read `threads` are said to have news. Fails when no thread can be had.
  init(
    _ path: String, keys: TicketKeys, askedBy askers: [Asker], waking threads: WorkerThreads
  ) throws(KernelError) {
    self.askers = askers
    thread = try WorkerThreads()
    try thread.start(name: "waybill-conf") { [result] in
      let compiled = compileConfiguration(path: path, environment: .system, keys: keys)
      result.withLock { $0 = Result(compiled: compiled) }
      threads.ring()
    }
  }

  /// What was read, once it is.
  func take() -> CompiledConfiguration? {
    let taken = result.withLock { result in
      defer { result = nil }
      return result?.compiled
    }
    if taken != nil { thread.join() }
    return taken
  }
}
