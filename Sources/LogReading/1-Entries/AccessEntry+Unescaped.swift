import Basics

extension AccessEntry {
  /// True when a value holds an escape of JSON.
  func hasEscape(_ range: Range<Int>, _ line: Span<UInt8>) -> Bool {
    escape == .json
      && line.extracting(range).index(of: UInt8(ascii: "\\"), from: 0) < range.count
  }

  /// A value of `line` as it was before a JSON string was made of it, but for what stands for bytes
  /// and characters that can't be shown: they stay as they are written.
  func text(_ range: ByteRange, _ line: Span<UInt8>) -> [UInt8] {
    guard hasEscape(range.offsets, line) else { return range.offsets.map { line[$0] } }
    var bytes: [UInt8] = []
    var position = range.offsets.lowerBound
    let end = range.offsets.upperBound
    while position < end {
      if let (text, count) = AccessEntry.character(line, position..<end) {
        bytes += text
        position += count
      } else {
        bytes.append(line[position])
        position += 1
      }
    }
    return bytes
  }

  /// The character that an escape at the beginning of `range` stands for, and the escape's length.
  private static func character(
    _ line: Span<UInt8>, _ range: Range<Int>
  ) -> (text: [UInt8], count: Int)? {
    let start = range.lowerBound
    guard range.count > 1, line[start] == UInt8(ascii: "\\") else { return nil }
    let code = line[start + 1]
    if "\"\\/".utf8.contains(code) { return ([code], 2) }
    guard let unit = codeUnit(line, range) else { return nil }
    if UTF16.isLeadSurrogate(unit) {
      guard let second = codeUnit(line, (start + 6)..<max(start + 6, range.upperBound)),
        UTF16.isTrailSurrogate(second)
      else { return nil }
      let value = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
      return Unicode.Scalar(value).map { (Array(UTF8.encode($0)!), 12) }
    }
    guard let scalar = Unicode.Scalar(UInt32(unit)), !scalar.isInvisible,
      // Waybill writes a byte that is no UTF-8 so.
      !(0x80...0xFF).contains(unit)
    else { return nil }
    return (Array(UTF8.encode(scalar)!), 6)
  }

  /// The number of `\uHHHH` at the beginning of `range`.
  private static func codeUnit(_ line: Span<UInt8>, _ range: Range<Int>) -> UInt16? {
    guard range.count >= 6, line.has("\\u", at: range.lowerBound) else { return nil }
    var value: UInt16 = 0
    for place in (range.lowerBound + 2)..<(range.lowerBound + 6) {
      guard let digit = SpelledByte.hexadecimal(line[place]) else { return nil }
      value = value << 4 | UInt16(digit)
    }
    return value
  }
}
