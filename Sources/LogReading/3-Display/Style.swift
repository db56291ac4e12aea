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
    pad(DisplayWidth.columns(of: safe), to: width)
  }

  /// Appends somebody else's text, made safe, in exactly `width` columns of a terminal, cropped as
  /// `DisplayWidth` does it; whole, and without spaces behind it, when that is nil.
  public mutating func append(
    cropping text: some Collection<UInt8>, _ style: Style = .plain, to width: Int?,
    keepsStart: Bool = false, isLast: Bool = false
  ) {
    var safe: [UInt8] = []
    SafeText.append(text, to: &safe)
    if let width { safe = DisplayWidth.crop(safe, to: width, keepsStart: keepsStart) }
    styled(style) { $0 += safe }
    if let width, !isLast { pad(DisplayWidth.columns(of: safe), to: width) }
  }

  private mutating func pad(_ shown: Int, to width: Int) {
    if shown < width { bytes += repeatElement(UInt8(ascii: " "), count: width - shown) }
  }

  /// Appends text with spaces before it up to `width` characters.
  public mutating func append(right text: String, _ style: Style = .plain, width: Int) {
    let missing = width - text.unicodeScalars.count
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
