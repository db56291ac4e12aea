// The counters of the workers of one plan. A reload begins another generation; the old one's
// workers go on counting into theirs until they have ended.

import Basics
import Plan
import Platform
import Telemetry

/// What the requests of a location are counted under.
struct RequestLabels: Hashable, Sendable {
  let server: [UInt8]
  let upstream: [UInt8]
}

/// Counters for a number of workers, a row of each kind for each of them.
public final class MetricsGeneration: Sendable {
  /// Which of the process' configurations its plan is, from 1.
  let number: Int
  let workerCount: Int
  /// In the order of the plan's `requestMetrics`.
  let requestLabels: [RequestLabels]
  /// In the order of the plan's `upstreamMetrics`.
  let upstreamNames: [[UInt8]]
  private let memory: CounterMemory
  private let workerStride: Int

  init(_ plan: Plan, workers: Int, number: Int) {
    let labels = plan.tables.requestMetrics
    let names = plan.tables.upstreamMetrics
    workerCount = workers
    self.number = number
    requestLabels = labels.indices.map {
      RequestLabels(server: Array(labels[$0].server), upstream: Array(labels[$0].upstream))
    }
    upstreamNames = names.indices.map { Array(names[$0]) }
    let count =
      WorkerCells.count + labels.count * RequestCells.count + names.count * UpstreamCells.count
    let line = CounterMemory.lineCount
    workerStride = (count + line - 1) / line * line
    memory = CounterMemory(count: workerStride * workers)
  }

  /// A worker's own row.
  func row(ofWorker worker: Int) -> CounterRow {
    memory.row.advanced(by: worker * workerStride)
  }

  /// The first of its rows for requests; the others follow.
  func requestRows(ofWorker worker: Int) -> CounterRow {
    row(ofWorker: worker).advanced(by: WorkerCells.count)
  }

  /// The first of its rows for upstreams; the others follow.
  func upstreamRows(ofWorker worker: Int) -> CounterRow {
    requestRows(ofWorker: worker).advanced(by: requestLabels.count * RequestCells.count)
  }
}
