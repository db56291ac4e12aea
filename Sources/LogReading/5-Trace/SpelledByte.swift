import Basics

/// A character of an ID as it stands in a line, where it may be escaped: `\/`, `\u002f`, `\x2f` and
/// `%2F` are a slash. Where a text was escaped twice, several backslashes stand for one.
struct SpelledByte {
  /// The character.
  let byte: UInt8
  /// How many bytes of the line it takes.
  let count: Int

  private init(_ byte: UInt8, _ count: Int) { (self.byte, self.count) = (byte, count) }

  /// The character that begins at `position`, which is in the text.
  init(_ text: Span<UInt8>, at position: Int) {
    self = SpelledByte.escape(text, at: position) ?? SpelledByte(text[position], 1)
  }

  /// The character that ends before `end`, which is not 0.
  init(_ text: Span<UInt8>, before end: Int) {
    for count in [2, 3, 4, 6] where count <= end {
      guard let found = SpelledByte.escape(text, at: end - count), found.count == count else {
        continue
      }
      var start = end - count
      let isPercent = text[start] == UInt8(ascii: "%")
      while !isPercent, start > 0, text[start - 1] == UInt8(ascii: "\\") { start -= 1 }
      self = SpelledByte(found.byte, end - start)
      return
    }
    self = SpelledByte(text[end - 1], 1)
  }

  /// The characters of a range, without escapes.
  static func plain(_ text: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
    var bytes: [UInt8] = []
    var position = range.lowerBound
    while position < range.upperBound {
      let next = SpelledByte(text, at: position)
      bytes.append(next.byte)
      position &+= next.count
    }
    return bytes
  }

  /// True when the letter or digit before `end` belongs to the escape of something that no ID has
  /// (`\n`, `%20`, `\u0022`), or to a colour of the terminal.
  static func endsForeignEscape(_ text: Span<UInt8>, before end: Int) -> Bool {
    guard end > 0, isWord(text[end - 1]) else { return false }
    let last = text[end - 1]
    if end > 1, text[end - 2] == UInt8(ascii: "\\"), "abefnrtv0".utf8.contains(last) { return true }
    for (count, digits) in [(3, 2), (4, 2), (6, 4)] where count <= end {
      let start = end - count
      guard hasMark(text, at: start, digits: digits, count: count),
        let value = hexadecimal(text, (end - digits)..<end)
      else { continue }
      return value > 0x7F || !isInID(UInt8(value))
    }
    return last == UInt8(ascii: "m") && endsColour(text, before: end - 1)
  }

  /// True for the characters that an ID may hold.
  static func isInID(_ byte: UInt8) -> Bool { isWord(byte) || "-_.:+/=@~".utf8.contains(byte) }

  /// True for letters and digits of ASCII.
  static func isWord(_ byte: UInt8) -> Bool {
    byte &- 0x30 <= 9 || (byte | 0x20) &- UInt8(ascii: "a") < 26
  }

  /// The escape of an ID's character that begins at `position`.
  private static func escape(_ text: Span<UInt8>, at position: Int) -> SpelledByte? {
    if text[position] == UInt8(ascii: "%") { return digits(text, position + 1, 2, from: position) }
    guard text[position] == UInt8(ascii: "\\") else { return nil }
    var place = position + 1
    while place < text.count, text[place] == UInt8(ascii: "\\") { place += 1 }
    guard place < text.count else { return nil }
    switch text[place] {
    case UInt8(ascii: "/"): return SpelledByte(text[place], place + 1 - position)
    case UInt8(ascii: "u"): return digits(text, place + 1, 4, from: position)
    case UInt8(ascii: "x"): return digits(text, place + 1, 2, from: position)
    default: return nil
    }
  }

  private static func digits(
    _ text: Span<UInt8>, _ start: Int, _ count: Int, from position: Int
  ) -> SpelledByte? {
    guard start + count <= text.count, let value = hexadecimal(text, start..<(start + count)),
      value < 0x80, isInID(UInt8(value))
    else { return nil }
    return SpelledByte(UInt8(value), start + count - position)
  }

  private static func hasMark(
    _ text: Span<UInt8>, at start: Int, digits: Int, count: Int
  ) -> Bool {
    if count == 3 { return text[start] == UInt8(ascii: "%") }
    let letter = digits == 4 ? UInt8(ascii: "u") : UInt8(ascii: "x")
    return text[start] == UInt8(ascii: "\\") && text[start + 1] == letter
  }

  private static func endsColour(_ text: Span<UInt8>, before end: Int) -> Bool {
    var start = end
    while start > 0, text[start - 1] &- 0x30 <= 9 || text[start - 1] == UInt8(ascii: ";") {
      start -= 1
    }
    return start > 1 && text[start - 1] == UInt8(ascii: "[") && text[start - 2] == 0x1B
  }

  private static func hexadecimal(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt32? {
    var value: UInt32 = 0
    for index in range {
      guard let digit = Self.hexadecimal(text[index]) else { return nil }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  /// The value of a hexadecimal digit.
  static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }
}
