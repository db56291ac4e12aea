/// Rows over time: one for each interval in which a request ended, the newest ones when there are
/// too many.
public struct IntervalTable: Sendable {
  /// Rows that are kept: a week of five minutes each.
  public static var mostRows: Int { 2048 }

  /// The width of an interval in seconds; each begins at a multiple of it since 1970, UTC.
  public let width: UInt32
  private var rows: [UInt32: RowStatistics] = [:]
  /// What ended before the first interval that is kept.
  public private(set) var earlier = RowStatistics()
  /// Requests without a time.
  public private(set) var timeless: UInt64 = 0
  /// The interval that was counted in last: the next request is mostly in the same.
  private var current: (slot: UInt32, row: RowStatistics)?
  /// Intervals before this one are counted as `earlier`.
  private var start: UInt32 = 0

  init(width: UInt32) { self.width = width }

  mutating func add(_ record: BlockSummary.Record) {
    guard record.seconds > 0 else {
      timeless &+= 1
      return
    }
    let slot = record.seconds / width
    if current?.slot != slot { change(to: slot) }
    if current == nil { earlier.add(record) } else { current!.row.add(record) }
  }

  /// The rows in the order of time, each with the second at which it begins.
  public var all: [(start: UInt64, row: RowStatistics)] {
    var rows = rows
    if let current { rows[current.slot] = current.row }
    return rows.sorted { $0.key < $1.key }.map { (UInt64($0.key) * UInt64(width), $0.value) }
  }

  private mutating func change(to slot: UInt32) {
    if let current { rows[current.slot] = current.row }
    current = nil
    guard slot >= start else { return }
    if rows[slot] == nil, rows.count >= IntervalTable.mostRows {
      makeRoom()
      guard slot >= start else { return }
    }
    current = (slot, rows.removeValue(forKey: slot) ?? RowStatistics())
  }

  /// Gives up the earliest eighth.
  private mutating func makeRoom() {
    let order = rows.keys.sorted()
    for slot in order.prefix(IntervalTable.mostRows / 8) {
      if let row = rows.removeValue(forKey: slot) { earlier.merge(row) }
      start = slot + 1
    }
  }
}
