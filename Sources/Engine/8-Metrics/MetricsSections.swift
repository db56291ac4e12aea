// What stands on a page of metrics: its families in the order of the catalogue, and how a row of
// each is written.

import Telemetry

extension MetricsPage {
  /// A family on the page.
  struct Section: Sendable {
    /// What it has a row for.
    enum Rows { case whole, requests, workers, upstreams }

    let family: MetricFamily
    let rows: Rows
    /// Writes the samples of a row.
    let write: @Sendable (MetricsPage, Int) -> Void

    init(
      _ family: MetricFamily, _ rows: Rows = .whole,
      _ write: @escaping @Sendable (MetricsPage, Int) -> Void
    ) {
      self.family = family
      self.rows = rows
      self.write = write
    }
  }

  /// All of them.
  static let sections: [Section] =
    processSections + requestSections + workerSections + clientSections + upstreamSections

  private static let processSections = [
    Section(.buildInfo) { page, _ in
      page.writer.sample([MetricLabel("version", page.version)], 1)
    },
    Section(.startTime) { page, _ in page.writer.sample([], microseconds: page.startTime) },
    Section(.generation) { page, _ in page.writer.sample([], UInt64(page.newest.generation)) },
    Section(.workers) { page, _ in page.writer.sample([], UInt64(page.newest.workers)) },
  ]

  // MARK: Requests

  private static let requestSections = [
    Section(.requests, .requests) { page, row in
      let labels = page.labels(ofRequests: row)
      let sums = page.totals.requests.rows[row].row
      for (index, name) in statusClasses.enumerated() {
        page.writer.sample(labels, name, sums[RequestCells.statusClasses + index])
      }
    },
    Section(.requestDuration, .requests) { page, row in
      let sums = page.totals.requests.rows[row]
      page.writer.histogram(
        page.labels(ofRequests: row),
        HistogramSnapshot(sums.row, RequestCells.durations, sums.exemplars))
    },
    requests(.requestBytes, RequestCells.bytesIn),
    requests(.responseBytes, RequestCells.bytesOut),
    Section(.requestIDs) { page, _ in
      for (index, name) in idSources.enumerated() {
        page.writer.sample([name], page.sum(WorkerCells.idSources + index))
      }
    },
    Section(.errors) { page, _ in page.writeErrors() },
  ]

  private static func requests(_ family: MetricFamily, _ cell: Int) -> Section {
    Section(family, .requests) { page, row in
      page.writer.sample(page.labels(ofRequests: row), page.totals.requests.rows[row].row[cell])
    }
  }

  /// Error types that share a name are one; what never happened is left out.
  private func writeErrors() {
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

  private static let workerSections = [
    Section(.workerRequests, .workers) { page, row in
      let cells = WorkerCells.idSources..<WorkerCells.idSources + WorkerCells.idSourceCount
      page.writer.sample(worker(row), page.totals.workers[row][cells].reduce(0, &+))
    },
    workers(.requestsInFlight, WorkerCells.exchanges),
    Section(.turnDuration, .workers) { page, row in
      page.writer.histogram(
        worker(row), HistogramSnapshot(page.totals.workers[row], WorkerCells.turns))
    },
    workers(.droppedLines, WorkerCells.droppedLines),
  ]

  private static let clientSections = [
    Section(.clientConnections, .workers) { page, row in
      let sums = page.totals.workers[row]
      page.writeStates(
        worker(row), all: sums[WorkerCells.clients], idle: sums[WorkerCells.idleClients])
    },
    workers(.acceptedConnections, WorkerCells.accepted),
    workers(.refusedConnections, WorkerCells.refused),
    workers(.unbufferedRequests, WorkerCells.unbufferedRequests),
    workers(.unbufferedResponses, WorkerCells.unbufferedResponses),
    workers(.acceptPauses, WorkerCells.acceptPauses),
    Section(.handshakes) { page, _ in
      page.writer.sample(
        [MetricLabel("outcome", "done")], page.sum(WorkerCells.handshakesDone))
      page.writer.sample(
        [MetricLabel("outcome", "failed")], page.sum(WorkerCells.handshakesFailed))
    },
  ]

  private static func worker(_ number: Int) -> [MetricLabel] {
    [MetricLabel("worker", "\(number)")]
  }

  private static func workers(_ family: MetricFamily, _ cell: Int) -> Section {
    Section(family, .workers) { page, row in
      page.writer.sample(worker(row), page.totals.workers[row][cell])
    }
  }

  /// The two numbers are read one after the other, and the second may have grown meanwhile.
  private func writeStates(_ labels: [MetricLabel], all: UInt64, idle: UInt64) {
    writer.sample(labels, MetricLabel("state", "active"), all > idle ? all - idle : 0)
    writer.sample(labels, MetricLabel("state", "idle"), idle)
  }

  // MARK: Upstreams

  private static let upstreamSections = [
    upstreams(.tries, UpstreamCells.tries),
    upstreams(.retries, UpstreamCells.retries),
    Section(.failedTries, .upstreams) { page, row in
      let labels = page.labels(ofUpstream: row)
      let sums = page.totals.upstreams.rows[row]
      for (name, types) in errorNames {
        let count = types.reduce(0 as UInt64) { $0 &+ sums[UpstreamCells.failedTries + $1] }
        if count > 0 { page.writer.sample(labels, name, count) }
      }
    },
    upstreams(.suspensions, UpstreamCells.suspensions),
    Section(.upstreamConnections, .upstreams) { page, row in
      let sums = page.totals.upstreams.rows[row]
      page.writeStates(
        page.labels(ofUpstream: row), all: sums[UpstreamCells.connections],
        idle: sums[UpstreamCells.idle])
    },
    upstreams(.openedConnections, UpstreamCells.opened),
    histogram(.connectDuration, UpstreamCells.connects),
    histogram(.firstByteDuration, UpstreamCells.firstBytes),
  ]

  private static func upstreams(_ family: MetricFamily, _ cell: Int) -> Section {
    Section(family, .upstreams) { page, row in
      page.writer.sample(page.labels(ofUpstream: row), page.totals.upstreams.rows[row][cell])
    }
  }

  private static func histogram(_ family: MetricFamily, _ cell: Int) -> Section {
    Section(family, .upstreams) { page, row in
      page.writer.histogram(
        page.labels(ofUpstream: row), HistogramSnapshot(page.totals.upstreams.rows[row], cell))
    }
  }
}
