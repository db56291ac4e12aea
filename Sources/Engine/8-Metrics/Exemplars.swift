// Exemplars: one request of each bucket, whose ID leads from a slow bucket to its log line.

import Basics
import HTTP
import Platform
import Policy
import Telemetry

extension CounterRow {
  private func exemplarRow(_ bucket: Int) -> CounterRow {
    precondition(bucket < HistogramBounds.bucketCount, "exemplarRow: no such bucket")
    return advanced(by: RequestCells.exemplars + bucket * ExemplarCells.count)
  }

  /// True when the exemplar of a bucket is to make room for a request that ends at `time`, in
  /// microseconds: a new one every second is enough, and costs nothing.
  @inline(__always) func isExemplarStale(_ bucket: Int, at time: UInt64) -> Bool {
    let cell = RequestCells.exemplars + bucket * ExemplarCells.count + ExemplarCells.time
    // A clock that was set back makes it stale, too.
    return time &- self[cell] >= Limits.exemplarAge.microseconds
  }

  /// Keeps a request as the exemplar of a bucket.
  @inline(never) func keepExemplar(_ bucket: Int, _ record: borrowing ExchangeRecord) {
    let count = record.requestID.count
    guard count > 0, count <= ExemplarSnapshot.longestID else { return }
    let row = exemplarRow(bucket)
    row.change(ExemplarCells.version) {
      row[ExemplarCells.value] = record.duration.nanoseconds
      row[ExemplarCells.time] = record.endTime
      row[ExemplarCells.idByteCount] = UInt64(count)
      let id = record.requestID.span
      var word: UInt64 = 0
      for index in 0..<count {
        word |= UInt64(id[index]) &<< UInt64(index % 8 * 8)
        guard index % 8 == 7 || index == count - 1 else { continue }
        row[ExemplarCells.id + index / 8] = word
        word = 0
      }
    }
  }

  /// The exemplar of a bucket, if there is one; nil, too, in the moment that it is replaced.
  func exemplar(_ bucket: Int) -> ExemplarSnapshot? {
    let row = exemplarRow(bucket)
    let found = row.read(ExemplarCells.version) {
      let count = min(Int(row[ExemplarCells.idByteCount]), ExemplarSnapshot.longestID)
      let id = (0..<count).map { index in
        let word = row[ExemplarCells.id + index / 8]
        return UInt8(truncatingIfNeeded: word &>> UInt64(index % 8 * 8))
      }
      return ExemplarSnapshot(
        requestID: id, value: row[ExemplarCells.value], time: row[ExemplarCells.time])
    }
    return found
  }
}
