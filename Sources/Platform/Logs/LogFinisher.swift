// What becomes of lines that wait when their worker ends: a thread of the process writes them.

import Synchronization

/// Lines of a log that could not be written before the process ended.
public struct LogLoss: Equatable, Sendable {
  /// The log's path, or the name of the standard stream or syslog server.
  public var name: String
  /// How many lines, one included of which only the begin was written.
  public var lines: Int
  /// Their bytes.
  public var bytes: Int
}

/// A log that owes lines which no worker has in its queue.
protocol UnfinishedLog: AnyObject, Sendable {
  /// True when nothing is owed any more.
  var isFinished: Bool { get }
  /// True when there is no reader any more: waiting would be in vain.
  var isHopeless: Bool { get }
  /// Writes something of it, without blocking. True when something was written.
  func carryOn() -> Bool
  /// What is lost if nothing more is written.
  func giveUp() -> LogLoss
  /// Closes what it has open. Nothing is written to it any more.
  func close()
}

extension UnfinishedLog {
  var isHopeless: Bool { false }

  func close() {}
}

/// Writes what workers that have ended have left, and the ends of torn lines, for as long as the
/// process lives.
///
/// Its thread exists only while something is owed. After a write that a file did not take it pauses
/// for a millisecond, then longer, at most a tenth of a second.
public enum LogFinisher {
  private struct Content: Sendable {
    var logs: [any UnfinishedLog] = []
    var isRunning = false
    var threads: WorkerThreads?
  }

  private static let content = Guarded(Content())
  private static let isOver = Atomic(false)

  /// True while something is owed to somebody who may still read it.
  public static var isBusy: Bool {
    content.withLock { content in content.logs.contains { !$0.isFinished && !$0.isHopeless } }
  }

  /// Stops writing; returns what is lost by that. Called once, when no worker runs any more.
  public static func giveUp() -> [LogLoss] {
    isOver.store(true, ordering: .releasing)
    let logs = content.withLock { $0.logs }
    content.withLock { $0.threads }?.join()
    return logs.map { $0.giveUp() }.filter { $0.bytes > 0 }
  }

  /// Closes the logs that still owe something. Called once, after `giveUp`.
  public static func close() {
    precondition(isOver.load(ordering: .acquiring), "close: lines may still be written")
    for log in content.withLock({ $0.logs }) { log.close() }
  }

  /// Sees to it that what a log owes is written.
  static func watch(_ log: any UnfinishedLog) {
    content.withLock { content in
      if !content.logs.contains(where: { $0 === log }) { content.logs.append(log) }
      guard !content.isRunning, !isOver.load(ordering: .acquiring) else { return }
      // When it fails it is tried again for the next line that is left.
      content.isRunning = start(&content)
    }
  }

  private static func start(_ content: inout Content) -> Bool {
    do throws(KernelError) {
      if content.threads == nil { content.threads = try WorkerThreads() }
      guard let threads = content.threads else { return false }
      threads.reap()
      try threads.start(name: "waybill-logs") { run() }
      return true
    } catch {
      return false
    }
  }

  private static func run() {
    var pause = 1
    while !isOver.load(ordering: .acquiring) {
      var hasProgress = false
      for log in content.withLock({ $0.logs }) where log.carryOn() { hasProgress = true }
      let isDone = content.withLock { content in
        content.logs.removeAll(where: \.isFinished)
        content.isRunning = !content.logs.isEmpty
        return content.logs.isEmpty
      }
      if isDone { return }
      if hasProgress {
        pause = 1
      } else {
        MachineTime.sleep(milliseconds: pause)
        pause = min(2 * pause, 100)
      }
    }
  }
}
