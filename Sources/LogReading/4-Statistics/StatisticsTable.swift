/// Rows of numbers with a name behind them, in as many columns as a terminal has.
struct StatisticsTable {
  struct Column {
    var title: String
    var rank = 0
    /// Cells stand to the left.
    var isText = false
  }

  struct Row {
    var cells: [String]
    var styles: [Int: Style] = [:]
    var name: [UInt8]
    /// A name of ours, which is no group's.
    var isOwn = false
  }

  private let columns: [Column]
  private var rows: [Row] = []
  private let nameTitle: String

  init(_ columns: [Column], nameTitle: String) {
    self.columns = columns
    self.nameTitle = nameTitle
  }

  mutating func append(_ row: Row) { rows.append(row) }

  func write(to text: inout StyledText, width: Int?) {
    let safe = rows.map { row in
      var name: [UInt8] = []
      SafeText.append(row.name.isEmpty ? [UInt8(ascii: "-")] : row.name, to: &name)
      return name
    }
    var measured = columns.enumerated().map { index, column in
      let cells = rows.map { $0.cells[index].unicodeScalars.count }
      return ColumnLayout.Column(
        natural: max(column.title.count, cells.max() ?? 0), rank: column.rank)
    }
    let longest = safe.map { DisplayWidth.columns(of: $0) }.max() ?? 0
    measured.append(
      ColumnLayout.Column(natural: max(longest, nameTitle.count), least: nameTitle.isEmpty ? 1 : 12)
    )
    let gap = width ?? .max < 100 ? 1 : 2
    let widths = ColumnLayout(measured, width: width, gap: gap).widths
    let nameWidth = width == nil ? nil : widths[columns.count]
    for (index, column) in columns.enumerated() {
      guard let width = widths[index] else { continue }
      write(column.title, .faint, column, width, gap, to: &text)
    }
    text.append("\(nameTitle)\n", .faint)
    for (row, name) in zip(rows, safe) {
      for (index, column) in columns.enumerated() {
        guard let width = widths[index] else { continue }
        write(row.cells[index], row.styles[index] ?? .plain, column, width, gap, to: &text)
      }
      text.append(cropping: name, row.isOwn ? .faint : .plain, to: nameWidth, isLast: true)
      text.append("\n")
    }
  }

  private func write(
    _ cell: String, _ style: Style, _ column: Column, _ width: Int, _ gap: Int,
    to text: inout StyledText
  ) {
    if column.isText {
      text.append(cell, style)
      text.append(String(repeating: " ", count: width - cell.unicodeScalars.count))
    } else {
      text.append(right: cell, style, width: width)
    }
    text.append(String(repeating: " ", count: gap))
  }
}
