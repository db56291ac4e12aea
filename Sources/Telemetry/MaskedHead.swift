import Basics
import HTTP

/// A request's head for people to look at: without the secrets that it carries.
///
/// What is refused is often malformed, so this reads no fields. It looks for the names where a line
/// begins, after CR as well as LF, and masks up to the next LF, folded lines included: where the
/// value ends is then not a matter of opinion.
extension ByteWriter {
  /// The fields whose values never leave the process.
  private static var secretNames: InlineArray<4, StaticString> {
    ["authorization", "proxy-authorization", "cookie", "set-cookie"]
  }

  /// Appends `head` as the inside of a JSON string, each secret value as `***`. Stops when more
  /// than `limit` bytes would be written; false then.
  @discardableResult
  public mutating func appendMasked(head: Span<UInt8>, limit: Int) -> Bool {
    let end = count + limit
    var position = 0
    var isSecret = false
    while position < head.count {
      let next = ByteWriter.endOfLine(in: head, from: position)
      let line = head.extracting(position..<next)
      let isFolded = line[0] == UInt8(ascii: " ") || line[0] == UInt8(ascii: "\t")
      var value = 0
      if !(isSecret && isFolded) {
        let secret = ByteWriter.secretValue(in: line)
        isSecret = secret != nil
        value = secret ?? line.count
        guard appendWithin(end, line.extracting(0..<value)) else { return false }
      }
      position = next
      // A value may begin on the next line.
      let isShown = value == line.count && line[value &- 1] == UInt8(ascii: "\n")
      guard isSecret && !isShown else { continue }
      // A bare CR within the value does not end it.
      while position < head.count && head[position &- 1] != UInt8(ascii: "\n") { position &+= 1 }
      let hasEnd = head[position &- 1] == UInt8(ascii: "\n")
      // As many bytes as these have when they are escaped.
      let mask: StaticString = hasEnd ? "***\\u000D\\u000A" : "***"
      guard end &- count >= mask.utf8CodeUnitCount else { return false }
      append(mask)
    }
    return true
  }

  /// What follows the CR or LF that ends the line at `start`, or the last byte.
  private static func endOfLine(in head: Span<UInt8>, from start: Int) -> Int {
    var position = start
    while position < head.count {
      let byte = head[position]
      position &+= 1
      if byte == UInt8(ascii: "\n") { return position }
      guard byte == UInt8(ascii: "\r") else { continue }
      let isWhole = position < head.count && head[position] == UInt8(ascii: "\n")
      return isWhole ? position &+ 1 : position
    }
    return position
  }

  /// Where the value of a secret field begins in its line; nil in any other line.
  private static func secretValue(in line: Span<UInt8>) -> Int? {
    var start = 0
    while start < line.count && line[start] <= UInt8(ascii: " ") { start &+= 1 }
    let names = secretNames
    for index in names.indices {
      let end = start &+ names[index].utf8CodeUnitCount
      guard end < line.count, !isPartOfName(line[end]),
        FieldNameMatch.equalIgnoringCase(line.extracting(start..<end), names[index])
      else { continue }
      var value = end
      while value < line.count && isSeparator(line[value]) { value &+= 1 }
      return value
    }
    return nil
  }

  private static func isPartOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
    default: false
    }
  }

  private static func isSeparator(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ":") || byte <= UInt8(ascii: " ")
  }

  /// Appends bytes unless they might reach beyond `end`: what is not clean takes six.
  private mutating func appendWithin(_ end: Int, _ bytes: Span<UInt8>) -> Bool {
    let room = (end &- count) / 6
    append(bytes.extracting(0..<max(0, min(bytes.count, room))), as: .json)
    return bytes.count <= room
  }
}
