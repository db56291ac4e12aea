/// How many requests took how long: 64 classes for each doubling, so a percentile is right to 1.6
/// percent, in a few kilobytes whatever the number of requests.
public struct DurationHistogram: Sendable {
  private static var classesPerDoubling: Int { 64 }
  private var counts = [UInt64](repeating: 0, count: 64 * 35)
  /// Durations counted.
  public private(set) var count: UInt64 = 0
  /// The longest one, exactly.
  public private(set) var maximum: UInt64 = 0

  /// No durations yet.
  public init() {}

  /// Counts a duration in microseconds.
  public mutating func add(_ microseconds: UInt64) {
    counts[DurationHistogram.index(microseconds)] &+= 1
    count &+= 1
    maximum = max(maximum, microseconds)
  }

  /// Adds what another one has counted.
  public mutating func merge(_ other: DurationHistogram) {
    for index in counts.indices { counts[index] &+= other.counts[index] }
    count &+= other.count
    maximum = max(maximum, other.maximum)
  }

  /// The duration that `share` of all (0.99, say) do not exceed; 0 when there is none.
  public func percentile(_ share: Double) -> UInt64 {
    let wanted = UInt64((Double(count) * share).rounded(.up))
    var seen: UInt64 = 0
    for index in counts.indices {
      seen += counts[index]
      if seen >= wanted, seen > 0 { return min(maximum, DurationHistogram.largest(in: index)) }
    }
    return maximum
  }

  /// Classes of width 1 up to 128, then of 2, 4 and so on; the last one takes all that is longer.
  private static func index(_ value: UInt64) -> Int {
    guard value >= 128 else { return Int(value) }
    let shift = 57 - value.leadingZeroBitCount
    return min(64 * 35 - 1, shift * classesPerDoubling + Int(value >> UInt64(shift)))
  }

  private static func largest(in index: Int) -> UInt64 {
    guard index >= 128 else { return UInt64(index) }
    let shift = index / classesPerDoubling - 1
    let leading = UInt64(index - shift * classesPerDoubling)
    return (leading + 1) << UInt64(shift) - 1
  }
}
