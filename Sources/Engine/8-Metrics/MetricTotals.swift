// Sums of counters over workers and generations, by their labels.

import Platform
import Telemetry

/// Plain sums. A row has the layout of the cells that it was summed from.
struct MetricTotals: Sendable {
  /// What is summed for requests.
  struct Requests: Sendable {
    var row = [UInt64](repeating: 0, count: RequestCells.counterCount)
    var exemplars = [ExemplarSnapshot?](repeating: nil, count: HistogramBounds.bucketCount)
  }

  /// By the number of the worker.
  var workers: [[UInt64]] = []
  var requests = LabelledRows<RequestLabels, Requests>()
  var upstreams = LabelledRows<[UInt8], [UInt64]>()

  /// Adds what a generation has counted; without its gauges and exemplars when it is over. What
  /// nothing was counted of has no row.
  mutating func add(_ generation: MetricsGeneration, isOver: Bool) {
    addWorkers(generation, isOver: isOver)
    for index in generation.requestLabels.indices {
      addRequests(generation, index, isOver: isOver)
    }
    for index in generation.upstreamNames.indices {
      addUpstream(generation, index, isOver: isOver)
    }
  }

  /// Adds what the workers of a generation have counted for themselves.
  mutating func addWorkers(_ generation: MetricsGeneration, isOver: Bool) {
    for worker in 0..<generation.workerCount {
      while workers.count <= worker {
        workers.append([UInt64](repeating: 0, count: WorkerCells.count))
      }
      let count = isOver ? WorkerCells.counterCount : WorkerCells.count
      let row = generation.row(ofWorker: worker)
      for cell in 0..<count { workers[worker][cell] &+= row[cell] }
    }
  }

  /// Adds what a generation has counted under its request labels of that index.
  mutating func addRequests(_ generation: MetricsGeneration, _ index: Int, isOver: Bool) {
    let rows = (0..<generation.workerCount).map {
      generation.requestRows(ofWorker: $0).advanced(by: index * RequestCells.count)
    }.filter { row in (0..<RequestCells.statusClassCount).contains { row[$0] > 0 } }
    guard !rows.isEmpty else { return }
    requests.change(generation.requestLabels[index], new: Requests()) { sums in
      for row in rows {
        for cell in 0..<RequestCells.counterCount { sums.row[cell] &+= row[cell] }
        if !isOver { MetricTotals.addExemplars(row, to: &sums) }
      }
    }
  }

  /// Of several exemplars of a bucket the youngest is kept.
  private static func addExemplars(_ row: CounterRow, to sums: inout Requests) {
    for bucket in sums.exemplars.indices {
      guard let exemplar = row.exemplar(bucket) else { continue }
      if exemplar.time >= sums.exemplars[bucket]?.time ?? 0 { sums.exemplars[bucket] = exemplar }
    }
  }

  /// Adds what a generation has counted of its upstream of that index.
  mutating func addUpstream(_ generation: MetricsGeneration, _ index: Int, isOver: Bool) {
    let rows = (0..<generation.workerCount).map {
      generation.upstreamRows(ofWorker: $0).advanced(by: index * UpstreamCells.count)
    }.filter { $0[UpstreamCells.tries] > 0 }
    guard !rows.isEmpty else { return }
    let new = [UInt64](repeating: 0, count: UpstreamCells.count)
    upstreams.change(generation.upstreamNames[index], new: new) { sums in
      let count = isOver ? UpstreamCells.counterCount : UpstreamCells.count
      for row in rows {
        for cell in 0..<count { sums[cell] &+= row[cell] }
      }
    }
  }

  /// Forgets what has labels that none of these generations has.
  mutating func keepOnly(_ generations: [MetricsGeneration]) {
    requests = requests.only(Set(generations.flatMap(\.requestLabels)))
    upstreams = upstreams.only(Set(generations.flatMap(\.upstreamNames)))
  }
}
