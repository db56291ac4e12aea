/// Reasons as people read them.
public enum ReasonText {
  /// How they are shown.
  public struct Style: Sendable {
    /// The columns of the terminal; nil where lines have no end.
    public var width: Int?
    /// Whether they are coloured.
    public var isColoured: Bool

    /// The style given.
    public init(width: Int?, isColoured: Bool) {
      self.width = width
      self.isColoured = isColoured
    }
  }

  /// A reason: its word, and below it all that is known of it.
  public static func render(_ reason: Reason, _ style: Style) -> [UInt8] {
    var text = StyledText(isColoured: style.isColoured)
    text.append(reason.name, .bold)
    if !reason.condition.isEmpty { text.append("  with \(reason.condition)", .faint) }
    text.append("\n")
    append(reason, indent: 2, style.width, to: &text)
    return TextWrap.fold(text.bytes, width: style.width, indent: 2)
  }

  /// What is known of a reason but for its word.
  static func append(_ reason: Reason, indent: Int, _ width: Int?, to text: inout StyledText) {
    let parts = [
      ("what", reason.event), ("directives", reason.directives.joined(separator: ", ")),
      ("look at", reason.advice),
    ]
    for (title, sentence) in parts where !sentence.isEmpty {
      let room = width.map { max(20, $0 - indent - 12) }
      for (index, line) in TextWrap.lines(sentence, width: room).enumerated() {
        text.append(String(repeating: " ", count: indent))
        text.append(safely: (index == 0 ? title : "").utf8, .faint, width: 12)
        text.append(line + "\n")
      }
    }
  }

  /// Every word with what happened, one line each.
  public static func list(
    _ all: [(title: String, reasons: [Reason])], _ style: Style
  ) -> [UInt8] {
    var text = StyledText(isColoured: style.isColoured)
    for (number, (title, reasons)) in all.enumerated() {
      text.append("\(number == 0 ? "" : "\n")\(title)\n", .bold)
      let longest = reasons.map { $0.name.utf8.count }.max() ?? 0
      for reason in reasons {
        text.append("  ")
        text.append(safely: reason.name.utf8, width: min(longest + 2, (style.width ?? .max) - 2))
        let room = style.width.map { $0 - longest - 4 }
        if room ?? .max >= 8 {
          text.append(cropping: reason.event.utf8, .faint, to: room, keepsStart: true, isLast: true)
        }
        text.append("\n")
      }
    }
    return text.bytes
  }
}

extension Reason {
  /// One JSON object, and a line end.
  public var json: [UInt8] {
    var bytes: [UInt8] = Array("{\"name\":".utf8)
    SafeText.appendJSON(name.utf8, to: &bytes)
    let members = [("condition", condition), ("event", event), ("advice", advice)]
    for (title, value) in members where !value.isEmpty {
      bytes += ",\"\(title)\":".utf8
      SafeText.appendJSON(value.utf8, to: &bytes)
    }
    bytes += ",\"directives\":[".utf8
    for (index, directive) in directives.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      SafeText.appendJSON(directive.utf8, to: &bytes)
    }
    return bytes + "]}\n".utf8
  }
}
