import Basics

/// Makes one name of the paths that differ in an ID only: `/api/orders/*` of `/api/orders/4711`.
///
/// What is taken for an ID is decided for each segment of the path by itself: numbers, UUIDs,
/// hexadecimal numbers, long words with digits in them, and numbers at the end of a word; a number
/// behind a single letter (`v1`) is none. `PathIndex` folds what is left by how many differ.
public enum PathFolding {
  /// Segments that are told apart; what follows them is `...`.
  static var mostSegments: Int { 8 }
  /// A longer segment is nobody's route.
  static var longestSegment: Int { 64 }
  /// What stands for all that differs.
  static var star: UInt8 { UInt8(ascii: "*") }

  /// The folded path of a target, for example of `/a/7?q`.
  public static func fold(_ target: [UInt8]) -> [UInt8] {
    var name: [UInt8] = []
    append(target.span, 0..<target.count, to: &name)
    return name
  }

  static func append(_ entry: AccessEntry, _ line: Span<UInt8>, to name: inout [UInt8]) {
    let range = entry.uri.offsets
    guard entry.hasEscape(range, line) else { return append(line, range, to: &name) }
    let text = entry.text(entry.uri, line)
    append(text.span, 0..<text.count, to: &name)
  }

  private static func append(
    _ text: Span<UInt8>, _ range: Range<Int>, to name: inout [UInt8]
  ) {
    var position = path(text, range)
    var segments = 0
    while position < range.upperBound, text[position] == UInt8(ascii: "/") {
      guard segments < mostSegments else {
        name += "/...".utf8
        return
      }
      segments += 1
      let start = position + 1
      var hasDigit = false
      position = start
      while position < range.upperBound {
        let byte = text[position]
        if byte == UInt8(ascii: "/") || byte == UInt8(ascii: "?") { break }
        if byte &- 0x30 <= 9 { hasDigit = true }
        position += 1
      }
      name.append(UInt8(ascii: "/"))
      appendSegment(text, start..<position, hasDigit, to: &name)
    }
    // `*`, an authority, or nothing that is a target.
    if segments == 0 { for place in range.prefix(longestSegment) { name.append(text[place]) } }
  }

  /// Where the path begins: behind scheme and authority if the target has them.
  private static func path(_ text: Span<UInt8>, _ range: Range<Int>) -> Int {
    guard let first = range.first, text[first] != UInt8(ascii: "/") else { return range.lowerBound }
    var colon = first
    while colon < range.upperBound, text[colon] != UInt8(ascii: ":") { colon += 1 }
    guard colon + 3 <= range.upperBound, text.has("://", at: colon) else { return first }
    var slash = colon + 3
    while slash < range.upperBound, text[slash] != UInt8(ascii: "/") { slash += 1 }
    return slash < range.upperBound ? slash : first
  }

  private static func appendSegment(
    _ text: Span<UInt8>, _ segment: Range<Int>, _ hasDigit: Bool, to name: inout [UInt8]
  ) {
    if segment.count > longestSegment {
      name.append(star)
      return
    }
    guard hasDigit else {
      for place in segment { name.append(text[place]) }
      return
    }
    let start = name.count
    if isUUID(text, segment) {
      name.append(star)
      return
    }
    var position = segment.lowerBound
    while position < segment.upperBound {
      if text[position] == UInt8(ascii: "%"), position + 3 <= segment.upperBound {
        for place in position..<(position + 3) { name.append(text[place]) }
        position += 3
        continue
      }
      let word = Word(text, from: position, to: segment.upperBound)
      if word.range.isEmpty {
        name.append(text[position])
        position += 1
        continue
      }
      position = word.range.upperBound
      for place in word.kept { name.append(text[place]) }
      if word.kept.count < word.range.count { appendStar(to: &name, from: start) }
    }
  }

  /// `2026-11-30` is one star, not three.
  private static func appendStar(to name: inout [UInt8], from start: Int) {
    if name.count >= start + 2, name[name.count - 2] == star,
      "-_.:~,+".utf8.contains(name[name.count - 1])
    {
      name.removeLast()
    } else {
      name.append(star)
    }
  }

  private static func isUUID(_ text: Span<UInt8>, _ segment: Range<Int>) -> Bool {
    guard segment.count == 36, text[segment.lowerBound + 8] == UInt8(ascii: "-") else {
      return false
    }
    for place in segment {
      let number = place - segment.lowerBound
      let isDash = number == 8 || number == 13 || number == 18 || number == 23
      guard isDash ? text[place] == UInt8(ascii: "-") : Word.isHexadecimal(text[place]) else {
        return false
      }
    }
    return true
  }
}

/// Letters and digits between two other characters.
private struct Word {
  let range: Range<Int>
  /// What is no ID of it: all, a beginning, or nothing.
  let kept: Range<Int>

  /// The word that begins at `start`; empty when there is none.
  init(_ text: Span<UInt8>, from start: Int, to end: Int) {
    var position = start
    var (digits, capitals, small, others) = (0, 0, 0, 0)
    /// Digits at the end, so far.
    var trailing = 0
    while position < end {
      let byte = text[position]
      if byte &- 0x30 <= 9 {
        (digits, trailing) = (digits + 1, trailing + 1)
      } else if byte &- UInt8(ascii: "A") < 26 {
        (capitals, trailing) = (capitals + 1, 0)
      } else if byte &- UInt8(ascii: "a") < 26 {
        (small, trailing) = (small + 1, 0)
      } else {
        break
      }
      if !Word.isHexadecimal(byte) { others += 1 }
      position += 1
    }
    range = start..<position
    let letters = capitals + small
    let isHexadecimal = others == 0 && range.count >= 7 && digits >= (range.count > 7 ? 1 : 2)
    let isMixed = range.count >= 10 && digits > 0 && capitals > 0 && small > 0
    if letters == 0 || isHexadecimal || isMixed || (range.count >= 16 && digits >= 3) {
      kept = start..<start
    } else if letters >= 2, trailing >= 2, trailing == digits {
      kept = start..<(position - trailing)
    } else {
      kept = range
    }
  }

  static func isHexadecimal(_ byte: UInt8) -> Bool {
    byte &- 0x30 <= 9 || (byte | 0x20) &- UInt8(ascii: "a") < 6
  }
}
