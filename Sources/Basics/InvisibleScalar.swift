extension Unicode.Scalar {
  /// True for what readers of a text obey instead of showing it: controls of ASCII and ISO 8859-1
  /// (U+0080 to U+009F), line and paragraph separators, marks that turn the direction of writing,
  /// and other characters without a shape (general categories Cc, Cf, Zl, Zp and Cs).
  ///
  /// Every text from outside that is not cut down to ASCII is judged by this, whoever it is for.
  public var isInvisible: Bool {
    switch value {
    case 0x20...0x7E, 0xAE...0x2FF, 0x3000...0xD7FF: return false
    default: break
    }
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: return true
    default: return false
    }
  }

  /// `\xHH` or `\u{hhhh}`: how people are shown an invisible character.
  public var visibleEscape: String {
    guard value < 0x80 else { return "\\u{" + String(value, radix: 16) + "}" }
    return (value < 0x10 ? "\\x0" : "\\x") + String(value, radix: 16, uppercase: true)
  }
}
