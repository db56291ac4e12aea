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
  var requests: [RequestLabels: Requests] = [:]
  var upstreams: [[UInt8]: [UInt64]] = [:]

  /// Adds what a generation has counted; without its gauges and exemplars when it is over. What
  /// nothing was counted of has no row.
  mutating func add(_ generation: MetricsGeneration, isOver: Bool) {
    for worker in 0..<generation.workerCount {
      while workers.count <= worker {
        workers.append([UInt64](repeating: 0, count: WorkerCells.count))
      }
      let count = isOver ? WorkerCells.counterCount : WorkerCells.count
      let row = generation.row(ofWorker: worker)
      for cell in 0..<count { workers[worker][cell] &+= row[cell] }
      addRequests(generation, worker, isOver: isOver)
      addUpstreams(generation, worker, isOver: isOver)
    }
  }

  private mutating func addRequests(
    _ generation: MetricsGeneration, _ worker: Int, isOver: Bool
  ) {
    let first = generation.requestRows(ofWorker: worker)
    for index in generation.requestLabels.indices {
      let row = first.advanced(by: index * RequestCells.count)
      guard (0..<RequestCells.statusClassCount).contains(where: { row[$0] > 0 }) else { continue }
      var sums = requests.removeValue(forKey: generation.requestLabels[index]) ?? Requests()
      for cell in 0..<RequestCells.counterCount { sums.row[cell] &+= row[cell] }
      for bucket in sums.exemplars.indices where !isOver {
        guard let exemplar = row.exemplar(bucket) else { continue }
        if exemplar.time >= sums.exemplars[bucket]?.time ?? 0 { sums.exemplars[bucket] = exemplar }
      }
      requests[generation.requestLabels[index]] = sums
    }
  }

  private mutating func addUpstreams(
    _ generation: MetricsGeneration, _ worker: Int, isOver: Bool
  ) {
    let first = generation.upstreamRows(ofWorker: worker)
    let count = isOver ? UpstreamCells.counterCount : UpstreamCells.count
    for index in generation.upstreamNames.indices {
      let row = first.advanced(by: index * UpstreamCells.count)
      guard row[UpstreamCells.tries] > 0 else { continue }
      let name = generation.upstreamNames[index]
      var sums =
        upstreams.removeValue(forKey: name)
        ?? [UInt64](repeating: 0, count: UpstreamCells.count)
      for cell in 0..<count { sums[cell] &+= row[cell] }
      upstreams[name] = sums
    }
  }

  /// Forgets what has labels that none of these generations has.
  mutating func keepOnly(_ generations: [MetricsGeneration]) {
    let labels = Set(generations.flatMap(\.requestLabels))
    let names = Set(generations.flatMap(\.upstreamNames))
    requests = requests.filter { labels.contains($0.key) }
    upstreams = upstreams.filter { names.contains($0.key) }
  }
}
