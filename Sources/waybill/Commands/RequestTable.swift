// Requests in progress as an aligned table.

import LogReading
import Platform

/// The table of `waybill requests`.
enum RequestTable {
  private struct Column {
    let title: String
    let most: Int
    var isNumber = false
    let text: (LineMembers) -> [UInt8]
  }

  private static var columns: [Column] {
    [
      Column(title: "AGE", most: 12, isNumber: true) { Array(TimeText.duration($0.age).utf8) },
      Column(title: "PHASE", most: 14) { $0.bytes("phase") },
      Column(title: "METHOD", most: 8) { $0.bytes("method") },
      Column(title: "HOST", most: 32) { $0.bytes("host") },
      Column(title: "URI", most: 48) { $0.bytes("uri") },
      Column(title: "CLIENT", most: 48) { $0.bytes("client") },
      Column(title: "UPSTREAM", most: 48) { $0.bytes("upstream") },
      Column(title: "IN", most: 20, isNumber: true) { bytes($0, "bytes_in") },
      Column(title: "OUT", most: 20, isNumber: true) { bytes($0, "bytes_out") },
      Column(title: "ID", most: 0) { id($0) },
    ]
  }

  /// The table; a sentence when there is nothing to show.
  static func render(_ rows: [LineMembers]) -> [UInt8] {
    guard !rows.isEmpty else { return Array("no requests in progress\n".utf8) }
    var text = StyledText(isColoured: TerminalOutput.isColoured)
    let columns = columns
    let cells = rows.map { row in columns.map { safe($0.text(row)) } }
    let widths = columns.indices.map { index in
      let widest = cells.map { $0[index].count }.max() ?? 0
      return max(columns[index].title.count, min(widest, columns[index].most))
    }
    write(columns.map { $0.title }, columns, widths, .faint, into: &text)
    for row in cells { write(row, columns, widths, .plain, into: &text) }
    return text.bytes
  }

  private static func write(
    _ cells: [String], _ columns: [Column], _ widths: [Int], _ style: Style,
    into text: inout StyledText
  ) {
    for (index, cell) in cells.enumerated() {
      if index > 0 { text.append("  ") }
      if index == cells.count - 1 {
        text.append(cell, style)
      } else if columns[index].isNumber {
        text.append(right: cell, style, width: widths[index])
      } else {
        text.append(safely: cell.utf8, style, width: widths[index])
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
