/// How many requests ended when: at most 64 slots of equal width, a power of two seconds, which
/// doubles when what is counted no longer fits. Slots begin at multiples of their width, so two
/// series of one width can be compared, and the order in which moments come does not matter.
public struct TimeSeries: Sendable {
  private static var mostSlots: Int { 64 }
  /// The width of a slot is two to this power, in seconds.
  public private(set) var level: UInt32 = 0
  /// The number of the first slot, counted from 1970.
  public private(set) var first = 0
  /// Requests in each slot.
  public private(set) var counts: [UInt32] = []

  /// Nothing counted yet.
  public init() {}

  /// Counts a request that ended `seconds` after 1970.
  public mutating func add(_ seconds: UInt32) { add(Int(seconds >> level), 1) }

  /// Adds what another one has counted.
  public mutating func merge(_ other: TimeSeries) {
    var other = other
    coarsen(to: other.level)
    for (place, count) in other.counts.enumerated() where count > 0 {
      // It may become coarser meanwhile.
      add((other.first + place) >> Int(level - other.level), count)
    }
    other.counts = []
  }

  /// The counts with at most `width` slots between the ends of `whole`, which holds all of it.
  public func values(within whole: TimeSeries, width: Int) -> [UInt64] {
    guard !whole.counts.isEmpty, width > 0 else { return [] }
    var shift = 0
    var (start, end) = (whole.first, whole.first + whole.counts.count - 1)
    while end - start + 1 > width { (start, end, shift) = (start >> 1, end >> 1, shift + 1) }
    var values = [UInt64](repeating: 0, count: end - start + 1)
    for (place, count) in counts.enumerated() where count > 0 {
      let slot = (first + place) >> (Int(whole.level - level) + shift) - start
      values[slot] += UInt64(count)
    }
    return values
  }

  private mutating func add(_ slot: Int, _ count: UInt32) {
    var slot = slot
    while !makeRoom(for: slot) {
      coarsen(to: level + 1)
      slot >>= 1
    }
    let place = slot - first
    counts[place] = counts[place] > .max - count ? .max : counts[place] + count
  }

  private mutating func makeRoom(for slot: Int) -> Bool {
    if counts.isEmpty { first = slot }
    if slot >= first, slot < first + counts.count { return true }
    let (start, end) = (min(first, slot), max(first + counts.count, slot + 1))
    guard end - start <= TimeSeries.mostSlots else { return false }
    if start < first {
      counts.insert(contentsOf: repeatElement(0, count: first - start), at: 0)
      first = start
    }
    counts += repeatElement(0, count: end - first - counts.count)
    return true
  }

  private mutating func coarsen(to wanted: UInt32) {
    guard wanted > level else { return }
    let shift = Int(wanted - level)
    level = wanted
    guard !counts.isEmpty else { return }
    let start = first >> shift
    var merged = [UInt32](
      repeating: 0, count: (first + counts.count - 1) >> shift - start + 1)
    for (place, count) in counts.enumerated() {
      let slot = (first + place) >> shift - start
      merged[slot] = merged[slot] > .max - count ? .max : merged[slot] + count
    }
    (first, counts) = (start, merged)
  }
}
