// A worker's counting. On the way of each request: additions to memory that no other thread writes,
// without a lock, an allocation, a clock reading or a system call.

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// The counters of a worker.
struct WorkerMetrics: ~Copyable {
  let share: MetricsShare
  /// Its own row.
  let own: CounterRow
  /// The row of each upstream of the plan.
  let upstreams: UnsafeMutablePointer<CounterRow>
  private let requests: CounterRow
  /// Rows that pages may still be carried on by in this turn.
  var pageRowsLeft = 0
  private let worker: Int

  init(_ share: MetricsShare, worker: Int, _ plans: FrozenArray<UpstreamPlan>) {
    self.share = share
    self.worker = worker
    own = share.generation.row(ofWorker: worker)
    requests = share.generation.requestRows(ofWorker: worker)
    upstreams = .allocate(capacity: plans.count)
    let rows = share.generation.upstreamRows(ofWorker: worker)
    for index in plans.indices {
      let offset = plans[index].metrics * UpstreamCells.count
      (upstreams + index).initialize(to: rows.advanced(by: offset))
    }
  }

  deinit { upstreams.deallocate() }

  /// Has an upstream be counted under another number.
  func setUpstream(_ index: Int, _ metrics: Int) {
    let rows = share.generation.upstreamRows(ofWorker: worker)
    upstreams[index] = rows.advanced(by: metrics * UpstreamCells.count)
  }

  /// The row of requests of a location.
  @inline(__always) func requests(of plan: UnsafePointer<LocationPlan>) -> CounterRow {
    requests.advanced(by: plan.pointee.requestMetrics &* RequestCells.count)
  }
}

extension CounterRow {
  /// Adds a measurement to the histogram that begins at `cell`. Returns its bucket.
  @inline(__always) @discardableResult
  func measure(_ cell: Int, _ time: Interval) -> Int {
    let bucket = HistogramBounds.bucket(of: time)
    add(cell &+ bucket)
    add(cell &+ HistogramCells.sum, time.nanoseconds)
    return bucket
  }
}

extension Worker where K: ~Copyable {
  /// Counts an exchange that has ended; its record is complete.
  @inline(__always) mutating func count(_ exchange: ExchangePointer) {
    let row = metrics.requests(of: exchange.pointee.plan)
    let statusClass = exchange.pointee.record.status / 100
    row.add(statusClass < RequestCells.statusClassCount ? Int(statusClass) : 0)
    row.add(RequestCells.bytesIn, exchange.pointee.record.contentBytesIn)
    row.add(RequestCells.bytesOut, exchange.pointee.record.contentBytesOut)
    let bucket = row.measure(RequestCells.durations, exchange.pointee.record.duration)
    if row.isExemplarStale(bucket, at: exchange.pointee.record.endTime) {
      row.keepExemplar(bucket, exchange.pointee.record)
    }
    metrics.own.add(WorkerCells.idSources &+ Int(exchange.pointee.record.idSource.rawValue))
    if exchange.pointee.record.error != .none { countError(exchange) }
  }

  @inline(never) private mutating func countError(_ exchange: ExchangePointer) {
    precondition(exchange.pointee.record.error != .none, "countError: there was no error")
    let type = Int(exchange.pointee.record.error.rawValue)
    let party = Int(exchange.pointee.record.termination.party.rawValue)
    metrics.own.add(WorkerCells.errors + type * WorkerCells.partyCount + party)
  }

  /// Counts a try that begins.
  @inline(__always) mutating func countTry(_ exchange: ExchangePointer) {
    let row = upstreamCounters(exchange)
    row.add(UpstreamCells.tries)
    if exchange.pointee.record.tryCount > 1 { row.add(UpstreamCells.retries) }
  }

  /// Where the exchange's upstream is counted.
  @inline(__always) mutating func upstreamCounters(_ exchange: ExchangePointer) -> CounterRow {
    metrics.upstreams[exchange.pointee.upstreamIndex]
  }

  /// Counts a connection that begins to exist (`by` 1) or ceases to (`by` -1) in this worker.
  mutating func countConnection(_ connection: ConnectionPointer, by step: Int) {
    let step = UInt64(bitPattern: Int64(step))
    switch connection.pointee.role {
    case .downstream: metrics.own.add(WorkerCells.clients, step)
    case .upstream:
      metrics.upstreams[Int(connection.pointee.origin)].add(UpstreamCells.connections, step)
    }
  }

  /// Counts a connection that enters an upstream's pool (`by` 1) or leaves it (`by` -1).
  @inline(__always) mutating func countIdle(_ connection: ConnectionPointer, by step: Int) {
    metrics.upstreams[Int(connection.pointee.origin)]
      .add(UpstreamCells.idle, UInt64(bitPattern: Int64(step)))
  }

  /// Publishes how many clients wait for nothing.
  mutating func countIdleClients() {
    metrics.own[WorkerCells.idleClients] = UInt64(idleClients.count + idleSessions.count)
  }

  /// Counts a turn that began then, and publishes how many there are of what changes in turns. The
  /// turn is taken to have ended when the clock was last looked at: when the last of its exchanges
  /// ended, as a rule.
  mutating func countTurn(since begin: Instant) {
    metrics.own.measure(WorkerCells.turns, now - begin)
    countIdleClients()
    metrics.own[WorkerCells.exchanges] = UInt64(exchanges.count)
    metrics.own[WorkerCells.droppedLines] = logs.refusedTotal
  }
}
