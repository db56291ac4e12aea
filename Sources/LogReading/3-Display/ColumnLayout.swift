/// Which columns of a table a terminal has room for, and how wide they are.
public struct ColumnLayout: Sendable {
  /// What is known of a column.
  public struct Column: Sendable {
    /// Columns of the terminal that the longest of its values takes.
    public var natural: Int
    /// As narrow as it may become; the same as `natural` when it can't be cropped.
    public var least: Int
    /// The column with the highest rank is left out first; one with rank 0 never.
    public var rank: Int

    /// The column given.
    public init(natural: Int, least: Int? = nil, rank: Int = 0) {
      self.natural = natural
      self.least = min(natural, least ?? natural)
      self.rank = rank
    }
  }

  /// The width of each; nil for one that is left out.
  public let widths: [Int?]

  /// Fits columns with `gap` between them into `width`; as wide as they want to be when that is
  /// nil. What can be cropped gives way first, the widest first; then columns are left out.
  public init(_ columns: [Column], width: Int?, gap: Int = 2) {
    guard let width else {
      widths = columns.map(\.natural)
      return
    }
    var shown = Set(columns.indices)
    func sum(_ size: (Column) -> Int) -> Int {
      shown.reduce(gap * (shown.count - 1)) { $0 + size(columns[$1]) }
    }
    while sum(\.least) > width {
      let last = shown.filter { columns[$0].rank > 0 }.max {
        (columns[$0].rank, $0) < (columns[$1].rank, $1)
      }
      guard let last else { break }
      shown.remove(last)
    }
    var sizes = columns.map(\.natural)
    var excess = sum(\.natural) - width
    while excess > 0 {
      let widest = shown.filter { sizes[$0] > columns[$0].least }.max {
        (sizes[$0], $0) < (sizes[$1], $1)
      }
      guard let widest else { break }
      sizes[widest] -= 1
      excess -= 1
    }
    // Even the last ones may have no room on a terminal that is narrower than any.
    widths = columns.indices.map { shown.contains($0) ? sizes[$0] : nil }
  }
}
