// Requests in progress as an aligned table.

import LogReading
import Platform

/// The table of `waybill requests`.
enum RequestTable {
  private struct Column {
    let title: String
    let most: Int
    /// As narrow as a terminal may make it.
    var least: Int?
    /// The highest is left out first where there is no room.
    var rank = 0
    var isNumber = false
    let text: (LineMembers) -> [UInt8]
  }

  private static var columns: [Column] {
    [
      Column(title: "AGE", most: 12, isNumber: true) { Array(TimeText.duration($0.age).utf8) },
      Column(title: "PHASE", most: 14, rank: 1) { $0.bytes("phase") },
      Column(title: "METHOD", most: 8, rank: 4) { $0.bytes("method") },
      Column(title: "HOST", most: 32, least: 10, rank: 5) { $0.bytes("host") },
      Column(title: "URI", most: 48, least: 10) { $0.bytes("uri") },
      Column(title: "CLIENT", most: 48, least: 12, rank: 3) { $0.bytes("client") },
      Column(title: "UPSTREAM", most: 48, least: 12, rank: 2) { $0.bytes("upstream") },
      Column(title: "IN", most: 20, rank: 6, isNumber: true) { bytes($0, "bytes_in") },
      Column(title: "OUT", most: 20, rank: 7, isNumber: true) { bytes($0, "bytes_out") },
      Column(title: "ID", most: 255, least: 9) { id($0) },
    ]
  }

  /// The table, in at most `width` columns; a sentence when there is nothing to show.
  static func render(
    _ rows: [LineMembers], width: Int? = TerminalOutput.columns
  ) -> [UInt8] {
    guard !rows.isEmpty else { return Array("no requests in progress\n".utf8) }
    var text = StyledText(isColoured: TerminalOutput.isColoured)
    let columns = columns
    let cells = rows.map { row in columns.map { safe($0.text(row)) } }
    let measured = columns.indices.map { index in
      let widest = cells.map { DisplayWidth.columns(of: Array($0[index].utf8)) }.max() ?? 0
      let natural = max(columns[index].title.count, min(widest, columns[index].most))
      return ColumnLayout.Column(
        natural: natural, least: columns[index].least, rank: columns[index].rank)
    }
    let widths = ColumnLayout(measured, width: width).widths
    let isWhole = width == nil
    write(columns.map { $0.title }, columns, widths, .faint, isWhole, into: &text)
    for row in cells { write(row, columns, widths, .plain, isWhole, into: &text) }
    return text.bytes
  }

  private static func write(
    _ cells: [String], _ columns: [Column], _ widths: [Int?], _ style: Style, _ isWhole: Bool,
    into text: inout StyledText
  ) {
    for (index, cell) in cells.enumerated() {
      guard let width = widths[index] else { continue }
      if index > 0 { text.append("  ") }
      let isLast = index == cells.count - 1
      if columns[index].isNumber {
        text.append(right: cell, style, width: width)
      } else if isWhole {
        text.append(safely: cell.utf8, style, width: isLast ? 0 : width)
      } else {
        text.append(cropping: cell.utf8, style, to: width, keepsStart: isLast, isLast: isLast)
      }
    }
    text.append("\n")
  }

  private static func safe(_ bytes: [UInt8]) -> String {
    bytes.isEmpty ? "-" : shown(String(decoding: bytes, as: UTF8.self))
  }

  private static func bytes(_ row: LineMembers, _ name: String) -> [UInt8] {
    row.number(name).map { Array(String($0).utf8) } ?? []
  }

  /// The ID, or how else the request can be named.
  private static func id(_ row: LineMembers) -> [UInt8] {
    let id = row.bytes("request_id")
    return id.isEmpty ? Array("*\(row.number("connection") ?? 0)".utf8) : id
  }
}
