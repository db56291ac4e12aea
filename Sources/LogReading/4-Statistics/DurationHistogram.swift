/// How many requests took how long: 64 classes for each doubling, so a percentile is right to 1.6
/// percent. It takes 256 bytes for each doubling between the shortest and the longest duration, 9
/// KiB at most, whatever the number of requests.
public struct DurationHistogram: Sendable {
  private static var classesPerDoubling: Int { 64 }
  private static var mostClasses: Int { 64 * 35 }
  /// The class of the first of `counts`; a multiple of `classesPerDoubling`.
  private var first = 0
  private var counts: [UInt32] = []
  /// Durations counted.
  public private(set) var count: UInt64 = 0
  /// The longest one, exactly.
  public private(set) var maximum: UInt64 = 0

  /// No durations yet.
  public init() {}

  /// Counts a duration in microseconds.
  public mutating func add(_ microseconds: UInt64) {
    let index = DurationHistogram.index(microseconds)
    if index < first || index >= first &+ counts.count { make(room: index) }
    if counts[index &- first] < .max { counts[index &- first] &+= 1 }
    count &+= 1
    if microseconds > maximum { maximum = microseconds }
  }

  /// Adds what another one has counted.
  public mutating func merge(_ other: DurationHistogram) {
    guard other.count > 0 else { return }
    make(room: other.first)
    make(room: other.first + other.counts.count - 1)
    for (place, added) in other.counts.enumerated() where added > 0 {
      let index = other.first + place - first
      let (sum, isOver) = counts[index].addingReportingOverflow(added)
      counts[index] = isOver ? .max : sum
    }
    count &+= other.count
    maximum = max(maximum, other.maximum)
  }

  /// The duration that `share` of all (0.99, say) do not exceed; 0 when there is none.
  public func percentile(_ share: Double) -> UInt64 {
    let wanted = UInt64((Double(count) * share).rounded(.up))
    var seen: UInt64 = 0
    for index in counts.indices {
      seen += UInt64(counts[index])
      if seen >= wanted, seen > 0 {
        return min(maximum, DurationHistogram.largest(in: first + index))
      }
    }
    return maximum
  }

  /// How many are longer than `microseconds`, by their classes: what is in the same class is not.
  public func count(above microseconds: UInt64) -> UInt64 {
    let start = max(0, DurationHistogram.index(microseconds) + 1 - first)
    guard start < counts.count else { return 0 }
    return counts[start...].reduce(0) { $0 + UInt64($1) }
  }

  /// Makes `counts` reach to a class.
  @inline(never) private mutating func make(room index: Int) {
    let size = DurationHistogram.classesPerDoubling
    let start = index / size * size
    if counts.isEmpty { first = start }
    if start < first {
      counts.insert(contentsOf: repeatElement(0, count: first - start), at: 0)
      first = start
    }
    let missing = start + size - first - counts.count
    if missing > 0 { counts += repeatElement(0, count: missing) }
  }

  /// Classes of width 1 up to 128, then of 2, 4 and so on; the last one takes all that is longer.
  private static func index(_ value: UInt64) -> Int {
    guard value >= 128 else { return Int(value) }
    let shift = 57 - value.leadingZeroBitCount
    return min(mostClasses - 1, shift * classesPerDoubling + Int(value >> UInt64(shift)))
  }

  private static func largest(in index: Int) -> UInt64 {
    guard index >= 128 else { return UInt64(index) }
    let shift = index / classesPerDoubling - 1
    let leading = UInt64(index - shift * classesPerDoubling)
    return (leading + 1) << UInt64(shift) - 1
  }
}
