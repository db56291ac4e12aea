// `waybill logs --stats`: totals over logs of any size, several blocks at a time.

import Basics
import LogReading
import Platform
import Synchronization

/// Sums over the wanted lines of some logs.
struct LogSums {
  private let selection: EntrySelection
  private let grouping: Grouping?

  init(_ selection: EntrySelection, grouping: Grouping?) {
    self.selection = selection
    self.grouping = grouping
  }

  /// Computes and shows them.
  func run(_ logs: inout OpenedLogs) -> ExitStatus {
    let threads = Processors.available
    let shares = (0..<threads).map { _ in StatisticsShare(grouping: grouping) }
    let progress = ProgressBar(total: logs.files.reduce(0) { $0 + Int($1.size) })
    for file in logs.files {
      let problem = LineBlocks.forEach(in: file, threads: threads, progress: progress.add) {
        [selection] block in
        shares[block.thread].add(block.bytes.span, selection)
      }
      if let problem { logs.fail(file.path, problem.message) }
    }
    progress.finish()
    var sums = LogStatistics(grouping: grouping)
    for share in shares { sums.merge(share.taken) }
    let text = StatisticsText.render(
      sums, grouping: grouping, isColoured: TerminalOutput.isColoured)
    let written = output(text)
    return logs.hasFailed ? .failure : written
  }
}

/// The sums of one thread. The lock is taken once a block, and nobody else wants it.
private final class StatisticsShare: Sendable {
  private let sums: Mutex<LogStatistics>

  init(grouping: Grouping?) { sums = Mutex(LogStatistics(grouping: grouping)) }

  func add(_ block: Span<UInt8>, _ selection: EntrySelection) {
    sums.withLock { sums in
      let foreign = selection.forEach(in: block) { entry, line in sums.add(entry, line) }
      sums.foreign &+= foreign
    }
  }

  var taken: LogStatistics { sums.withLock { $0 } }
}
