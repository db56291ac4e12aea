/// Rows by the name of their group, within bounded memory whatever names clients invent.
///
/// When there is no room for another name, the rarest ones are given up: what was counted for them
/// goes to `others`, or, for paths, into `*` in their place.
public struct GroupTable: Sendable {
  /// What the names are.
  public let grouping: Grouping
  private var index: GroupIndex
  private var rows: [PeriodRows] = []
  private var free: [Int] = []
  private let mostRows: Int
  /// Rows that names had when they were given up for want of room.
  private var others = PeriodRows()
  /// True once a name was given up.
  public private(set) var isCut = false
  /// Of how many segments at one place the last lack of room has let stay.
  private var keptSegments = PathIndex.mostDifferent
  /// Changes when the number of a row may have come to mean another one.
  private(set) var generation = 0

  init(_ grouping: Grouping, mostRows: Int) {
    self.grouping = grouping
    self.mostRows = mostRows
    index = grouping == .path ? .paths(PathIndex()) : .names([:])
  }

  /// The number of the row of that name.
  mutating func row(of name: ArraySlice<UInt8>) -> Int {
    if let row = find(name) { return row }
    if rows.count - free.count >= mostRows || index.isFull(for: mostRows) { makeRoom() }
    let row = free.popLast() ?? rows.count
    if row == rows.count { rows.append(PeriodRows()) }
    switch index {
    case .names(var names):
      index = .none
      names[Array(name)] = row
      index = .names(names)
    case .paths(var paths):
      index = .none
      paths.insert(name, row: row)
      index = .paths(paths)
    case .none: break
    }
    return row
  }

  /// Counts a request in a row.
  mutating func add(_ record: BlockSummary.Record, to row: Int) { rows[row].add(record) }

  private func find(_ name: ArraySlice<UInt8>) -> Int? {
    switch index {
    case .names(let names): names[Array(name)]
    case .paths(let paths): paths.row(of: name)
    case .none: nil
    }
  }

  /// Gives up the rarer half of the names.
  private mutating func makeRoom() {
    generation += 1
    isCut = true
    switch index {
    case .names(let names):
      let order = sorted(names.map { ($0, $1) })
      for (_, row) in order.dropFirst(mostRows / 2) { giveUp(row, to: nil) }
      index = .names(
        Dictionary(uniqueKeysWithValues: order.prefix(mostRows / 2).map { ($0.name, $0.row) }))
    case .paths(var paths):
      index = .none
      // Fewer and fewer are kept at each place until there is room.
      keptSegments = min(PathIndex.mostDifferent, keptSegments * 2 + 1)
      while true {
        for move in paths.fold(rows.map(PathIndex.Weight.init), .keeping(keptSegments)) {
          giveUp(move.from, to: move.to)
        }
        let isEnough = rows.count - free.count <= mostRows / 2 && !paths.isFull(for: mostRows / 2)
        if isEnough || keptSegments == 0 { break }
        keptSegments /= 2
      }
      index = .paths(paths)
    case .none: break
    }
  }

  private mutating func giveUp(_ row: Int, to other: Int?) {
    if let other { rows[other].merge(rows[row]) } else { others.merge(rows[row]) }
    rows[row] = PeriodRows()
    free.append(row)
  }

  /// The frequent ones first.
  private func sorted(_ names: [(name: [UInt8], row: Int)]) -> [(name: [UInt8], row: Int)] {
    let weights = rows.map(\.weight)
    return names.sorted { one, other in
      let (weight, otherWeight) = (weights[one.row], weights[other.row])
      return weight != otherWeight
        ? weight > otherWeight : one.name.lexicographicallyPrecedes(other.name)
    }
  }
}

/// From names to the numbers of their rows.
private enum GroupIndex: Sendable {
  case names([[UInt8]: Int])
  case paths(PathIndex)
  /// While one of the others is changed, so that it is not copied.
  case none

  func isFull(for mostRows: Int) -> Bool {
    if case .paths(let paths) = self { paths.isFull(for: mostRows) } else { false }
  }
}

extension GroupTable {
  /// A row that is shown.
  public struct Row: Sendable {
    /// The group; empty when lines do not say it.
    public var name: [UInt8]
    /// The period asked for.
    public var present: RowStatistics
    /// The period that it is compared with.
    public var reference: RowStatistics
  }

  /// All rows, the one with the most requests first, paths folded by how many differ; and the sum
  /// of those that were given up.
  public var shown: (rows: [Row], others: Row) {
    var table = self
    var named: [(name: [UInt8], row: Int)] = []
    switch table.index {
    case .names(let names): named = names.map { ($0, $1) }
    case .paths(var paths):
      for move in paths.fold(table.rows.map(PathIndex.Weight.init), .heavy) {
        table.giveUp(move.from, to: move.to)
      }
      named = paths.all
    case .none: break
    }
    let rows = table.sorted(named.filter { table.rows[$0.row].weight > 0 })
    let rest = Row(name: [], present: others.present, reference: others.reference)
    return (
      rows.map {
        let row = table.rows[$0.row]
        return Row(name: $0.name, present: row.present, reference: row.reference)
      }, rest
    )
  }
}
