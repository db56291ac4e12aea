/// Sentences of ours on a terminal.
public enum TextWrap {
  /// A text of ASCII in lines of at most `width` columns, broken at spaces only; one line when that
  /// is nil.
  public static func lines(_ text: String, width: Int?) -> [String] {
    guard let width else { return [text] }
    var lines = [""]
    for word in text.split(separator: " ") {
      let line = lines[lines.count - 1]
      if line.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if line.count + 1 + word.count <= width {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}

extension TextWrap {
  /// Text for a terminal, colours included, in lines of at most `width` columns: longer ones go on
  /// in the next one, behind `indent` spaces, if possible with the next word. As it is when `width`
  /// is nil.
  public static func fold(_ text: [UInt8], width: Int?, indent: Int) -> [UInt8] {
    guard let width, width > 1 else { return text }
    var folded: [UInt8] = []
    folded.reserveCapacity(text.count)
    var start = 0
    while start < text.count {
      let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
      var row = FoldedLine(width: width, indent: indent * 2 <= width ? indent : 0)
      row.append(text[start..<end])
      folded += row.bytes
      if end < text.count { folded.append(UInt8(ascii: "\n")) }
      start = end + 1
    }
    return folded
  }
}

/// A line of which the part that has no room goes into the next one.
private struct FoldedLine {
  private(set) var bytes: [UInt8] = []
  private let width: Int
  private let indent: Int
  private var column = 0
  /// Behind the last space of this row: where it is in `bytes`, and its column.
  private var wordStart: (place: Int, column: Int)?

  init(width: Int, indent: Int) {
    self.width = width
    self.indent = indent
  }

  mutating func append(_ line: ArraySlice<UInt8>) {
    var isColour = false
    for scalar in String(decoding: line, as: UTF8.self).unicodeScalars {
      if scalar == "\u{1B}" { isColour = true }
      if isColour {
        // A sequence of ours: it takes no column.
        isColour = scalar != "m"
      } else {
        place(scalar)
      }
      bytes += UTF8.encode(scalar)!
      if scalar == " ", !isColour, column > indent { wordStart = (bytes.count, column) }
    }
  }

  private mutating func place(_ scalar: Unicode.Scalar) {
    let columns = DisplayWidth.columns(of: scalar)
    if column + columns > width {
      let margin = [UInt8(ascii: "\n")] + repeatElement(UInt8(ascii: " "), count: indent)
      if let start = wordStart, column - start.column + indent < width {
        bytes.insert(contentsOf: margin, at: start.place)
        column = indent + column - start.column
      } else {
        bytes += margin
        column = indent
      }
      wordStart = nil
      if column + columns > width {
        bytes += margin
        column = indent
      }
    }
    column += columns
  }
}
