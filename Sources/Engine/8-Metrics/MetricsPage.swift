// The page of metrics: the sums of all workers, family by family, in the order of the catalogue.

import Basics
import Telemetry

extension Metrics {
  /// The page in a format, of this moment, in memory that the caller deallocates. Its size is bound
  /// by the plan: by its servers, its upstreams and its workers.
  public func page(_ format: MetricsFormat) -> UnsafeMutableBufferPointer<UInt8> {
    let (totals, newest) = totals()
    var capacity = MetricsPage.capacity(for: totals)
    while true {
      let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: capacity)
      var page = MetricsPage(
        writer: MetricsWriter(ByteWriter(memory), format: format), totals: totals)
      page.write(self, newest)
      let bytes = page.writer.bytes
      guard bytes.overflowed else {
        return UnsafeMutableBufferPointer(rebasing: memory[..<bytes.count])
      }
      memory.deallocate()
      capacity *= 2
    }
  }
}

/// A page being written.
private struct MetricsPage {
  /// What is enough unless names are long. Memory that is not written to costs nothing.
  static func capacity(for totals: MetricTotals) -> Int {
    let rows = totals.requests.rows.count + totals.upstreams.rows.count + totals.workers.count
    return 64 * 1024 + rows * 8 * 1024
  }

  var writer: MetricsWriter
  let totals: MetricTotals

  mutating func write(_ metrics: Metrics, _ newest: (generation: Int, workers: Int)) {
    writer.begin(.buildInfo)
    writer.sample([MetricLabel("version", metrics.version)], 1)
    writer.begin(.startTime)
    writer.sample([], microseconds: metrics.startTime)
    writer.begin(.generation)
    writer.sample([], UInt64(newest.generation))
    writer.begin(.workers)
    writer.sample([], UInt64(newest.workers))
    writeRequests()
    writeWorkers()
    writeClients()
    writeUpstreams()
    writer.finish()
  }

  // MARK: Requests

  private mutating func writeRequests() {
    let rows = zip(totals.requests.labels, totals.requests.rows)
      .map { (labels: $0.metricLabels, sums: $1) }
    writer.begin(.requests)
    for (labels, sums) in rows {
      for (index, name) in statusClasses.enumerated() {
        writer.sample(labels, name, sums.row[RequestCells.statusClasses + index])
      }
    }
    writer.begin(.requestDuration)
    for (labels, sums) in rows {
      writer.histogram(
        labels, HistogramSnapshot(sums.row, RequestCells.durations, sums.exemplars))
    }
    writer.begin(.requestBytes)
    for (labels, sums) in rows { writer.sample(labels, sums.row[RequestCells.bytesIn]) }
    writer.begin(.responseBytes)
    for (labels, sums) in rows { writer.sample(labels, sums.row[RequestCells.bytesOut]) }
    writer.begin(.requestIDs)
    for (index, name) in idSources.enumerated() {
      writer.sample([name], sum(WorkerCells.idSources + index))
    }
    writeErrors()
  }

  /// Error types that share a name are one; what never happened is left out.
  private mutating func writeErrors() {
    writer.begin(.errors)
    for (name, types) in errorNames {
      for (party, partyName) in parties.enumerated() {
        let count = types.reduce(0 as UInt64) { count, type in
          count &+ sum(WorkerCells.errors + type * WorkerCells.partyCount + party)
        }
        if count > 0 { writer.sample([name], partyName, count) }
      }
    }
  }

  private func sum(_ cell: Int) -> UInt64 {
    totals.workers.reduce(0) { $0 &+ $1[cell] }
  }

  // MARK: Workers and clients

  private mutating func writeWorkers() {
    writer.begin(.workerRequests)
    for (labels, row) in workerRows {
      let cells = WorkerCells.idSources..<WorkerCells.idSources + WorkerCells.idSourceCount
      writer.sample(labels, row[cells].reduce(0, &+))
    }
    writeByWorker(.requestsInFlight, WorkerCells.exchanges)
    writer.begin(.turnDuration)
    for (labels, row) in workerRows {
      writer.histogram(labels, HistogramSnapshot(row, WorkerCells.turns))
    }
    writeByWorker(.droppedLines, WorkerCells.droppedLines)
  }

  private mutating func writeClients() {
    writer.begin(.clientConnections)
    for (labels, row) in workerRows {
      writeStates(labels, all: row[WorkerCells.clients], idle: row[WorkerCells.idleClients])
    }
    writeByWorker(.acceptedConnections, WorkerCells.accepted)
    writeByWorker(.refusedConnections, WorkerCells.refused)
    writeByWorker(.unbufferedRequests, WorkerCells.unbufferedRequests)
    writeByWorker(.acceptPauses, WorkerCells.acceptPauses)
    writer.begin(.handshakes)
    writer.sample([MetricLabel("outcome", "done")], sum(WorkerCells.handshakesDone))
    writer.sample([MetricLabel("outcome", "failed")], sum(WorkerCells.handshakesFailed))
  }

  private var workerRows: [(labels: [MetricLabel], row: [UInt64])] {
    totals.workers.enumerated().map { ([MetricLabel("worker", "\($0.offset)")], $0.element) }
  }

  private mutating func writeByWorker(_ family: MetricFamily, _ cell: Int) {
    writer.begin(family)
    for (labels, row) in workerRows { writer.sample(labels, row[cell]) }
  }

  /// The two numbers are read one after the other, and the second may have grown meanwhile.
  private mutating func writeStates(_ labels: [MetricLabel], all: UInt64, idle: UInt64) {
    writer.sample(labels, MetricLabel("state", "active"), all > idle ? all - idle : 0)
    writer.sample(labels, MetricLabel("state", "idle"), idle)
  }

  // MARK: Upstreams

  private mutating func writeUpstreams() {
    let rows = zip(totals.upstreams.labels, totals.upstreams.rows)
      .map { (labels: [MetricLabel("upstream", $0)], row: $1) }
    write(.tries, UpstreamCells.tries, rows)
    write(.retries, UpstreamCells.retries, rows)
    writer.begin(.failedTries)
    for (labels, row) in rows {
      for (name, types) in errorNames {
        let count = types.reduce(0 as UInt64) { $0 &+ row[UpstreamCells.failedTries + $1] }
        if count > 0 { writer.sample(labels, name, count) }
      }
    }
    write(.suspensions, UpstreamCells.suspensions, rows)
    writer.begin(.upstreamConnections)
    for (labels, row) in rows {
      writeStates(labels, all: row[UpstreamCells.connections], idle: row[UpstreamCells.idle])
    }
    write(.openedConnections, UpstreamCells.opened, rows)
    writer.begin(.connectDuration)
    for (labels, row) in rows {
      writer.histogram(labels, HistogramSnapshot(row, UpstreamCells.connects))
    }
    writer.begin(.firstByteDuration)
    for (labels, row) in rows {
      writer.histogram(labels, HistogramSnapshot(row, UpstreamCells.firstBytes))
    }
  }

  private mutating func write(
    _ family: MetricFamily, _ cell: Int, _ rows: [(labels: [MetricLabel], row: [UInt64])]
  ) {
    writer.begin(family)
    for (labels, row) in rows { writer.sample(labels, row[cell]) }
  }
}
