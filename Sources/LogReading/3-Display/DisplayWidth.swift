import Basics

/// How many columns of a terminal texts take.
public enum DisplayWidth {
  /// The columns that a character takes: none for a mark on the one before it, two for those of
  /// Chinese, Japanese, Korean and most pictures (UAX #11), one for all others.
  public static func columns(of scalar: Unicode.Scalar) -> Int {
    if scalar.value < 0x300 { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return 0
    default: break
    }
    // Vowels and final consonants of Korean that join the letter before them.
    if (0x1160...0x11FF).contains(scalar.value) { return 0 }
    return isWide(scalar) ? 2 : 1
  }

  /// The columns that a text takes which `SafeText` has made safe.
  public static func columns(of text: some Collection<UInt8>) -> Int {
    if text.allSatisfy({ $0 < 0x80 }) { return text.count }
    return String(decoding: text, as: UTF8.self).unicodeScalars.reduce(0) { $0 + columns(of: $1) }
  }

  /// A text that `SafeText` has made safe in at most `width` columns: if it is longer, `…` stands
  /// for what is left out in the middle, or at the end if `keepsStart`.
  public static func crop(
    _ text: [UInt8], to width: Int, keepsStart: Bool = false
  ) -> [UInt8] {
    guard columns(of: text) > width else { return text }
    guard width > 1 else { return width == 1 ? Array("…".utf8) : [] }
    let scalars = Array(String(decoding: text, as: UTF8.self).unicodeScalars)
    // The end of a path says more than its middle.
    let room = width - 1
    let tail = keepsStart ? 0 : room * 3 / 5
    var (start, used) = (0, 0)
    while start < scalars.count, used + columns(of: scalars[start]) <= room - tail {
      used += columns(of: scalars[start])
      start += 1
    }
    var (end, behind) = (scalars.count, 0)
    while end > start, behind + columns(of: scalars[end - 1]) <= tail {
      behind += columns(of: scalars[end - 1])
      end -= 1
    }
    // A mark belongs to the character before it.
    while end < scalars.count, columns(of: scalars[end]) == 0 { end += 1 }
    var view = String.UnicodeScalarView(scalars[..<start])
    view.append("…")
    view.append(contentsOf: scalars[end...])
    return Array(String(view).utf8)
  }

  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F,
      0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
      0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF, 0x1F200...0x1F265, 0x20000...0x3FFFD:
      true
    default: scalar.properties.isEmojiPresentation
    }
  }
}
