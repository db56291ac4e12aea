// What the process has counted, whichever workers did. Counting takes no lock (`WorkerMetrics`);
// the one here is for the rare moments when workers begin, have ended, or somebody asks.

import Plan
import Platform
import Telemetry

/// All counters of the process.
///
/// A plan's workers count into a generation of their own. Where labels are the same their numbers
/// are added, those of generations that are over included, so that no counter ever goes back.
public final class Metrics: Sendable {
  struct Content: Sendable {
    /// The newest one is last.
    var running: [MetricsGeneration] = []
    /// What the generations that are over have counted.
    var past = MetricTotals()
  }

  let version: String
  /// In microseconds since 1970-01-01 UTC.
  let startTime: UInt64
  private let content = Guarded(Content())
  /// Held by whoever makes a new content. That may take as long as there are labels, and workers
  /// that ask meanwhile get the old one.
  private let changing = Guarded(())

  /// No counters yet, of a process of that version that began then (in microseconds since
  /// 1970-01-01 UTC).
  public init(version: String, startTime: UInt64) {
    self.version = version
    self.startTime = startTime
  }

  /// Counters for the workers of a plan. What is under labels that no running plan has any more is
  /// forgotten.
  public func begin(_ plan: Plan, workers: Int, generation number: Int = 1) -> MetricsGeneration {
    let generation = MetricsGeneration(plan, workers: workers, number: number)
    change { content in
      content.running.append(generation)
      content.past.keepOnly(content.running)
    }
    return generation
  }

  /// Says that all workers of a generation have ended. Its counters live on, its gauges don't.
  public func end(_ generation: MetricsGeneration) {
    change { content in
      guard content.running.contains(where: { $0 === generation }) else { return }
      content.running = content.running.filter { $0 !== generation }
      content.past.add(generation, isOver: true)
      content.past.keepOnly(content.running)
    }
  }

  /// Replaces the content by a changed copy. The lock that workers take is held for the exchange
  /// alone, and not while the old content is given back.
  private func change(_ body: (inout Content) -> Void) {
    changing.withLock { _ in
      var next = content.current
      body(&next)
      _ = content.withLock { content in
        let old = content
        content = next
        return old
      }
    }
  }

  /// What each worker counts that is no matter of requests' labels, by its number.
  func workerTotals() -> [[UInt64]] {
    let content = content.current
    var totals = content.past
    for generation in content.running { totals.addWorkers(generation, isOver: false) }
    return totals.workers
  }

  /// The page in a format, to be composed in steps.
  func begin(_ format: MetricsFormat) -> MetricsPage {
    MetricsPage(self, content.current, format)
  }

  /// The page in a format, composed at once: for those who keep nobody waiting. Its size is bound
  /// by the plan: by its servers, its upstreams and its workers.
  public func page(_ format: MetricsFormat) -> [UInt8] {
    let page = begin(format)
    var rows = Int.max
    let isComplete = page.carryOn(rows: &rows)
    precondition(isComplete, "a page of metrics has more rows than there are numbers")
    return Array(page.bytes)
  }
}

/// Where a worker counts, and where it finds what all have counted.
public struct MetricsShare: Sendable {
  let metrics: Metrics
  let generation: MetricsGeneration

  /// The counters given.
  public init(_ metrics: Metrics, _ generation: MetricsGeneration) {
    self.metrics = metrics
    self.generation = generation
  }

  /// Says that all workers that count here have ended.
  public func end() { metrics.end(generation) }

  /// Counters for the only worker of a plan that nobody else asks about.
  static func alone(_ plan: Plan, worker: Int) -> MetricsShare {
    let metrics = Metrics(version: "", startTime: 0)
    return MetricsShare(metrics, metrics.begin(plan, workers: worker + 1))
  }
}
