// `waybill logs --stats`: totals over logs of any size, several blocks at a time.

import Basics
import LogReading
import Platform
import Synchronization

/// Sums over the wanted lines of some logs.
struct LogSums {
  private let selection: EntrySelection
  private let plan: StatisticsPlan
  private let isJSON: Bool

  init(_ selection: EntrySelection, plan: StatisticsPlan, isJSON: Bool) {
    self.selection = selection
    self.plan = plan
    self.isJSON = isJSON
  }

  /// Computes and shows them.
  func run(_ logs: inout OpenedLogs) -> ExitStatus {
    let sums = CollectedSums(plan)
    let progress = ProgressBar(total: logs.files.reduce(0) { $0 + Int($1.size) })
    for file in logs.files {
      let problem = LineBlocks.forEach(
        in: file, threads: Processors.available, progress: progress.add,
        summarize: { [plan, selection] block in
          LogSums.summary(of: block.bytes.span, selection, plan)
        }, add: { sums.add($0) })
      if let problem { logs.fail(file.path, problem.message) }
    }
    progress.finish()
    let written = output(
      isJSON
        ? StatisticsJSON.render(sums.taken)
        : StatisticsText.render(
          sums.taken, width: TerminalOutput.columns, isColoured: TerminalOutput.isColoured))
    return logs.hasFailed ? .failure : written
  }

  private static func summary(
    of block: Span<UInt8>, _ selection: EntrySelection, _ plan: StatisticsPlan
  ) -> BlockSummary {
    var summary = BlockSummary(plan)
    summary.foreign = selection.forEach(in: block) { entry, line in
      if let present = selection.present {
        // The filter lets through what lies between the two periods.
        guard let moment = selection.moment(of: entry, line),
          present.contains(moment) || plan.reference?.contains(moment) ?? false
        else { return }
      }
      summary.add(entry, line, selection.time)
    }
    return summary
  }
}

/// The sums so far. The lock is taken once a block, by one thread after the other.
private final class CollectedSums: Sendable {
  private let sums: Mutex<LogStatistics>

  init(_ plan: StatisticsPlan) { sums = Mutex(LogStatistics(plan)) }

  func add(_ block: BlockSummary) { sums.withLock { $0.add(block) } }

  var taken: LogStatistics { sums.withLock { $0 } }
}
