// The page of metrics: the sums of all workers, family by family. Its length grows with the plan,
// so it is composed in steps of some rows, between which a worker serves others.

import Basics
import Telemetry

/// A page that is being composed: the rows of all workers are summed by their labels, then the sums
/// are written. It shows the generations that there were when it was begun.
final class MetricsPage {
  private enum Stage {
    case summing, writing
    /// What is not needed any more is given back; that takes its time, too.
    case tidying
    case complete
  }

  /// Rows of each kind that are given back in the time of one that is written.
  private static let tidiedRows = 8

  let format: MetricsFormat
  let version: String
  /// In microseconds since 1970-01-01 UTC.
  let startTime: UInt64
  /// The number of the newest generation, and that of its workers.
  let newest: (generation: Int, workers: Int)
  private(set) var totals: MetricTotals
  var writer: MetricsWriter
  private let running: [MetricsGeneration]
  private var memory: UnsafeMutableBufferPointer<UInt8>
  private var stage = Stage.summing
  /// The generation that is being summed, or the section that is being written.
  private var part = 0
  /// The next row of it.
  private var row = 0
  /// The labels of the rows, as they are written; of as many as have been written once.
  private var requestLabels: [[MetricLabel]] = []
  private var upstreamLabels: [[MetricLabel]] = []
  /// The bytes still to be sent; none before the page is sent.
  private var unsent = UnsafeRawBufferPointer(start: nil, count: 0)

  init(_ metrics: Metrics, _ content: Metrics.Content, _ format: MetricsFormat) {
    self.format = format
    version = metrics.version
    startTime = metrics.startTime
    running = content.running
    newest = (running.last?.number ?? 0, running.last?.workerCount ?? 0)
    totals = content.past
    totals.requests.reserve(running.reduce(0) { max($0, $1.requestLabels.count) })
    totals.upstreams.reserve(running.reduce(0) { max($0, $1.upstreamNames.count) })
    memory = .allocate(capacity: 0)
    writer = MetricsWriter(ByteWriter(memory), format: format)
  }

  deinit { memory.deallocate() }

  /// What has been written. It is valid as long as the page.
  var bytes: UnsafeBufferPointer<UInt8> { writer.bytes.written }

  /// Has all of the page sent, piece by piece.
  func beginSending() {
    precondition(stage == .complete, "beginSending: the page is not complete")
    unsent = UnsafeRawBufferPointer(bytes)
  }

  /// True when more bytes are to be sent.
  var hasMore: Bool { !unsent.isEmpty }

  /// The next bytes to be sent, at most that many: none at the end. They are valid as long as the
  /// page.
  func takePiece(atMost limit: Int) -> UnsafeRawBufferPointer {
    let count = min(limit, unsent.count)
    defer { unsent = UnsafeRawBufferPointer(rebasing: unsent[count...]) }
    return UnsafeRawBufferPointer(rebasing: unsent[..<count])
  }

  /// Carries on by at most that many rows, which it takes from them. True when it is complete.
  func carryOn(rows: inout Int) -> Bool {
    while stage != .complete {
      guard rows > 0 else { return false }
      switch stage {
      case .summing:
        rows -= 1
        sumRow()
      case .writing:
        rows -= 1
        writeRow()
      case .tidying:
        rows -= 1
        tidyRows()
      case .complete: break
      }
    }
    return true
  }

  // MARK: Summing

  private func sumRow() {
    guard part < running.count else { return beginWriting(capacity: usualCapacity) }
    let generation = running[part]
    let requests = generation.requestLabels.count
    let upstreams = generation.upstreamNames.count
    if row == 0 {
      totals.addWorkers(generation, isOver: false)
    } else if row <= requests {
      totals.addRequests(generation, row - 1, isOver: false)
    } else {
      totals.addUpstream(generation, row - 1 - requests, isOver: false)
    }
    row += 1
    if row > requests + upstreams {
      part += 1
      row = 0
    }
  }

  // MARK: Writing

  /// What is enough unless names are long. Memory that is not written to costs nothing.
  private var usualCapacity: Int {
    let rows = totals.requests.rows.count + totals.upstreams.rows.count + totals.workers.count
    return 64 * 1024 + rows * 8 * 1024
  }

  private func beginWriting(capacity: Int) {
    memory.deallocate()
    memory = .allocate(capacity: capacity)
    writer = MetricsWriter(ByteWriter(memory), format: format)
    stage = .writing
    part = 0
    row = 0
  }

  /// Writes one row of the section, and what stands before the first and behind the last one. When
  /// the memory is not enough, all is written once more into twice as much.
  private func writeRow() {
    let section = Self.sections[part]
    let count = count(section.rows)
    if row == 0 { writer.begin(section.family) }
    if row < count { section.write(self, row) }
    row += 1
    if row >= count {
      part += 1
      row = 0
    }
    let isLast = part == Self.sections.count
    if isLast { writer.finish() }
    if writer.bytes.overflowed { return beginWriting(capacity: 2 * memory.count) }
    if isLast { stage = .tidying }
  }

  private func count(_ rows: Section.Rows) -> Int {
    switch rows {
    case .whole: 1
    case .requests: totals.requests.rows.count
    case .workers: totals.workers.count
    case .upstreams: totals.upstreams.rows.count
    }
  }

  /// The labels of a row of requests.
  func labels(ofRequests row: Int) -> [MetricLabel] {
    if row == requestLabels.count {
      requestLabels.append(totals.requests.labels[row].metricLabels)
    }
    return requestLabels[row]
  }

  /// The label of a row of an upstream.
  func labels(ofUpstream row: Int) -> [MetricLabel] {
    if row == upstreamLabels.count {
      upstreamLabels.append([MetricLabel("upstream", totals.upstreams.labels[row])])
    }
    return upstreamLabels[row]
  }

  // MARK: Tidying

  /// Gives back the sums of some rows, and their labels: a slow client is not to keep them. It
  /// takes less than to write one row.
  private func tidyRows() {
    let requests = min(Self.tidiedRows, totals.requests.rows.count)
    totals.requests.removeLast(requests)
    requestLabels.removeLast(requests)
    let upstreams = min(Self.tidiedRows, totals.upstreams.rows.count)
    totals.upstreams.removeLast(upstreams)
    upstreamLabels.removeLast(upstreams)
    guard requests == 0 && upstreams == 0 else { return }
    totals = MetricTotals()
    stage = .complete
  }
}
