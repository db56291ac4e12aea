/// Rows by what they are labelled with, in the order in which they came.
struct LabelledRows<Label: Hashable & Sendable, Row: Sendable>: Sendable {
  private(set) var labels: [Label] = []
  private(set) var rows: [Row] = []
  private var indices: [Label: Int] = [:]

  /// Changes the row of a label; `new` is what it begins as.
  mutating func change(_ label: Label, new: @autoclosure () -> Row, _ body: (inout Row) -> Void) {
    if let index = indices[label] { return body(&rows[index]) }
    var row = new()
    body(&row)
    indices[label] = rows.count
    labels.append(label)
    rows.append(row)
  }

  /// Makes room for that many rows at once, so that no single one has to wait for it.
  mutating func reserve(_ count: Int) {
    guard count > rows.count else { return }
    labels.reserveCapacity(count)
    rows.reserveCapacity(count)
    indices.reserveCapacity(count)
  }

  /// Removes the last rows, of which there must be that many.
  mutating func removeLast(_ count: Int) {
    for label in labels.suffix(count) { indices[label] = nil }
    labels.removeLast(count)
    rows.removeLast(count)
  }

  /// The rows whose labels are among these.
  func only(_ kept: Set<Label>) -> LabelledRows {
    var result = LabelledRows()
    for (label, row) in zip(labels, rows) where kept.contains(label) {
      result.change(label, new: row) { _ in }
    }
    return result
  }
}
