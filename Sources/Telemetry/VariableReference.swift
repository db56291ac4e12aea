/// A `$name` or `${name}` found in a text.
struct VariableReference {
  /// UTF-8 offset of the `$`.
  let start: Int
  /// Offset of what follows the reference.
  let end: Int
  /// The name in lowercase.
  let name: String
  /// The number of `$1` to `$9`; nil for names.
  let group: UInt8?

  /// Reads the reference whose `$` stands at `start`.
  init(in text: [UInt8], at start: Int) throws(TemplateError) {
    let hasBraces = start + 1 < text.count && text[start + 1] == UInt8(ascii: "{")
    let nameStart = start + (hasBraces ? 2 : 1)
    var end = nameStart
    while end < text.count && VariableReference.isNameByte(text[end]) { end += 1 }
    let first = nameStart < text.count ? text[nameStart] : 0
    if !hasBraces, first.isDigit, first != UInt8(ascii: "0") {
      // One digit alone, as in nginx: a second one is text.
      end = nameStart + 1
      group = first - UInt8(ascii: "0")
    } else {
      group = nil
    }
    let name = String(decoding: text[nameStart..<end], as: UTF8.self).lowercased()
    self.start = start
    self.name = name
    let isClosed = !hasBraces || (end < text.count && text[end] == UInt8(ascii: "}"))
    self.end = end + (hasBraces ? 1 : 0)
    guard isClosed else { throw error("the closing \"}\" of \"${\(name)\" is missing") }
    guard !name.isEmpty else { throw error("a variable's name must follow \"$\"") }
    guard group != nil || !first.isDigit else {
      let written = hasBraces ? "${\(name)}" : "$\(name)"
      throw error("\"\(written)\" is not a capture: captures are $1 to $9")
    }
  }

  /// An error at this reference.
  func error(_ message: String) -> TemplateError {
    TemplateError(offset: start, name: name, message: message)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    byte.isDigit || byte == UInt8(ascii: "_")
      || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
}
