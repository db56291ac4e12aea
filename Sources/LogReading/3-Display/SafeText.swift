import Basics

/// Text from logs for terminals: what somebody logged must not move the cursor, change colours, or
/// turn the direction of writing.
public enum SafeText {
  /// Appends `bytes` with everything that is not visible as `\xHH` or `\u{HHHH}`, and what is no
  /// UTF-8 as U+FFFD.
  public static func append(_ bytes: some Collection<UInt8>, to text: inout [UInt8]) {
    if bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
      text += bytes
      return
    }
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      if scalar.isInvisible {
        text += scalar.visibleEscape.utf8
      } else {
        text += UTF8.encode(scalar)!
      }
    }
  }

  /// The text made safe as `append` does it.
  public static func text(_ text: String) -> String {
    var bytes: [UInt8] = []
    append(text.utf8, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends a text of JSON as it is but for invisible characters beyond ASCII, which become
  /// `\uHHHH`: the same JSON, and one line for every reader. Bytes that are no UTF-8 stay.
  public static func append(json line: Span<UInt8>, to text: inout [UInt8]) {
    var start = 0
    while start < line.count {
      var end = start
      while end < line.count, line[end] < 0x80 { end += 1 }
      for position in start..<end { text.append(line[position]) }
      start = end
      while start < line.count, line[start] >= 0x80 { start = appendHigh(line, start, to: &text) }
    }
  }

  /// Appends the character beyond ASCII, or the stray byte, at `start`; returns what follows it.
  private static func appendHigh(
    _ line: Span<UInt8>, _ start: Int, to text: inout [UInt8]
  ) -> Int {
    let bytes = (start..<min(line.count, start + 4)).map { line[$0] }
    var iterator = bytes.makeIterator()
    var decoder = UTF8()
    guard case .scalarValue(let scalar) = decoder.decode(&iterator) else {
      text.append(line[start])
      return start + 1
    }
    let encoded = UTF8.encode(scalar)!
    if scalar.isInvisible { text += jsonEscape(scalar).utf8 } else { text += encoded }
    return start + encoded.count
  }

  /// The text as a JSON string, quotes included: always valid, whatever the bytes.
  public static func appendJSON(_ bytes: some Collection<UInt8>, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      switch scalar {
      case "\"", "\\":
        text.append(UInt8(ascii: "\\"))
        text += UTF8.encode(scalar)!
      case _ where scalar.isInvisible: text += jsonEscape(scalar).utf8
      default: text += UTF8.encode(scalar)!
      }
    }
    text.append(UInt8(ascii: "\""))
  }

  /// `\uHHHH`, or two of them for what lies above U+FFFF (RFC 8259 section 7).
  private static func jsonEscape(_ scalar: Unicode.Scalar) -> String {
    UTF16.encode(scalar)!.map { unit in
      let digits = String(unit, radix: 16, uppercase: true)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }.joined()
  }
}
