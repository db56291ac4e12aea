/// Colours of a terminal (ECMA-48, "select graphic rendition").
public enum Style: String, Sendable {
  case plain = ""
  case faint = "2"
  case bold = "1"
  case red = "31"
  case green = "32"
  case yellow = "33"
  case cyan = "36"

  /// The colour of a status code.
  public init(status: UInt16) {
    switch status {
    case 500...: self = .red
    case 400...: self = .yellow
    case 300...: self = .cyan
    case 200...: self = .green
    default: self = .plain
    }
  }
}

/// Collects lines for stdout, coloured or not.
public struct StyledText {
  /// What was written so far.
  public var bytes: [UInt8] = []
  private let isColoured: Bool

  /// No text.
  public init(isColoured: Bool) { self.isColoured = isColoured }

  /// Appends our own text.
  public mutating func append(_ text: String, _ style: Style = .plain) {
    styled(style) { $0 += text.utf8 }
  }

  /// Appends somebody else's text, made safe, and spaces up to `width` characters.
  public mutating func append(
    safely text: some Collection<UInt8>, _ style: Style = .plain, width: Int = 0
  ) {
    var safe: [UInt8] = []
    SafeText.append(text, to: &safe)
    styled(style) { $0 += safe }
    let shown = safe.count { $0 & 0xC0 != 0x80 }
    if shown < width { bytes += repeatElement(UInt8(ascii: " "), count: width - shown) }
  }

  /// Appends text with spaces before it up to `width` characters.
  public mutating func append(right text: String, _ style: Style = .plain, width: Int) {
    let missing = width - text.utf8.count
    if missing > 0 { bytes += repeatElement(UInt8(ascii: " "), count: missing) }
    append(text, style)
  }

  private mutating func styled(_ style: Style, _ content: (inout [UInt8]) -> Void) {
    guard isColoured, style != .plain else { return content(&bytes) }
    bytes += "\u{1B}[\(style.rawValue)m".utf8
    content(&bytes)
    bytes += "\u{1B}[0m".utf8
  }
}
