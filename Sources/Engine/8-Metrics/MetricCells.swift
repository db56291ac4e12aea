// Where each number stands in a row of counters. Sums over workers are taken number by number, so
// this is also the layout of what a page is written from.

import Policy
import Telemetry

/// A histogram: its buckets, then the sum of all that was measured.
enum HistogramCells {
  static var sum: Int { HistogramBounds.bucketCount }
  static var count: Int { HistogramBounds.bucketCount + 1 }
}

/// What a worker counts for itself. Counters first, then gauges, which end with their worker.
enum WorkerCells {
  /// One for each source of an ID.
  static var idSources: Int { 0 }
  static var idSourceCount: Int { 6 }
  /// One for each error type and party that ended the request.
  static var errors: Int { idSources + idSourceCount }
  static var errorTypeCount: Int { 27 }
  static var partyCount: Int { 5 }
  static var accepted: Int { errors + errorTypeCount * partyCount }
  static var refused: Int { accepted + 1 }
  static var acceptPauses: Int { accepted + 2 }
  static var handshakesDone: Int { accepted + 3 }
  static var handshakesFailed: Int { accepted + 4 }
  static var droppedLines: Int { accepted + 5 }
  static var unbufferedRequests: Int { accepted + 6 }
  static var unbufferedResponses: Int { accepted + 7 }
  static var turns: Int { accepted + 8 }
  static var counterCount: Int { turns + HistogramCells.count }
  static var clients: Int { counterCount }
  static var idleClients: Int { counterCount + 1 }
  static var exchanges: Int { counterCount + 2 }
  static var count: Int { counterCount + 3 }
}

/// What is counted of the requests of one server and upstream.
enum RequestCells {
  /// One for each class of status: 1xx to 5xx, and 0 for all others.
  static var statusClasses: Int { 0 }
  static var statusClassCount: Int { 6 }
  static var bytesIn: Int { statusClassCount }
  static var bytesOut: Int { statusClassCount + 1 }
  static var durations: Int { statusClassCount + 2 }
  static var counterCount: Int { durations + HistogramCells.count }
  /// One exemplar for each bucket of the durations.
  static var exemplars: Int { counterCount }
  static var count: Int { exemplars + HistogramBounds.bucketCount * ExemplarCells.count }
}

/// A request that stands for others: see `CounterRow.change`.
enum ExemplarCells {
  static var version: Int { 0 }
  static var value: Int { 1 }
  static var time: Int { 2 }
  static var idByteCount: Int { 3 }
  static var id: Int { 4 }
  static var idWordCount: Int { (ExemplarSnapshot.longestID + 7) / 8 }
  static var count: Int { id + idWordCount }
}

/// What is counted of one upstream.
enum UpstreamCells {
  static var tries: Int { 0 }
  static var retries: Int { 1 }
  static var suspensions: Int { 2 }
  static var opened: Int { 3 }
  /// One for each error type.
  static var failedTries: Int { 4 }
  static var connects: Int { failedTries + WorkerCells.errorTypeCount }
  static var firstBytes: Int { connects + HistogramCells.count }
  static var counterCount: Int { firstBytes + HistogramCells.count }
  static var connections: Int { counterCount }
  static var idle: Int { counterCount + 1 }
  static var count: Int { counterCount + 2 }
}
