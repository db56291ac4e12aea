/// A histogram at one moment.
public struct HistogramSnapshot: Sendable {
  /// Measurements in each bucket alone, by `HistogramBounds`.
  public var buckets: [UInt64]
  /// All measurements together, in nanoseconds.
  public var sum: UInt64
  /// One request of each bucket that had one, if they are kept.
  public var exemplars: [ExemplarSnapshot?]

  /// The histogram given.
  public init(buckets: [UInt64], sum: UInt64, exemplars: [ExemplarSnapshot?] = []) {
    precondition(buckets.count == HistogramBounds.bucketCount, "HistogramSnapshot: other buckets")
    self.buckets = buckets
    self.sum = sum
    self.exemplars = exemplars
  }
}

/// A request that stands for others like it: the way from a number to a log line.
public struct ExemplarSnapshot: Equatable, Sendable {
  /// Its ID.
  public var requestID: [UInt8]
  /// What was measured, in nanoseconds.
  public var value: UInt64
  /// When it ended, in microseconds since 1970-01-01 UTC.
  public var time: UInt64

  /// OpenMetrics allows 128 characters for the name (`request_id`) and the value of an exemplar's
  /// label. A longer ID is left out: a part of it would find nothing.
  @inlinable public static var longestID: Int { 128 - 10 }

  /// The request given.
  public init(requestID: [UInt8], value: UInt64, time: UInt64) {
    self.requestID = requestID
    self.value = value
    self.time = time
  }
}
