import Basics

/// Walks the members of a JSON object in a line, one after the other, without making anything of
/// them. Lines are often cut or foreign: it stops at the first byte that it does not expect.
struct JSONMembers {
  /// What a value is.
  enum Kind {
    /// The range is what stands between the quotes, still escaped.
    case string
    /// A number or `true`, `false`, `null`.
    case word
    /// An object or array, brackets included.
    case nested
  }

  /// The present member's name, without quotes and still escaped.
  private(set) var name = 0..<0
  private(set) var value = 0..<0
  private(set) var kind = Kind.word
  /// True once the object's closing brace has been met.
  private(set) var isComplete = false
  private var position: Int

  /// Before the first member of the object whose brace stands at `start`.
  init(at start: Int) { position = start &+ 1 }

  /// Goes to the next member; false when there is none, or no well-formed one.
  mutating func next(in line: Span<UInt8>) -> Bool {
    skipSpace(line)
    guard position < line.count else { return false }
    if line[position] == UInt8(ascii: "}") {
      isComplete = true
      return false
    }
    if line[position] == UInt8(ascii: ",") {
      position &+= 1
      skipSpace(line)
    }
    guard position < line.count, line[position] == UInt8(ascii: "\""),
      let nameEnd = JSONMembers.endOfString(line, from: position &+ 1)
    else { return false }
    name = (position &+ 1)..<nameEnd
    position = nameEnd &+ 1
    skipSpace(line)
    guard position < line.count, line[position] == UInt8(ascii: ":") else { return false }
    position &+= 1
    skipSpace(line)
    return position < line.count && readValue(line)
  }

  private mutating func readValue(_ line: Span<UInt8>) -> Bool {
    let start = position
    switch line[start] {
    case UInt8(ascii: "\""):
      guard let end = JSONMembers.endOfString(line, from: start &+ 1) else { return false }
      value = (start &+ 1)..<end
      kind = .string
      position = end &+ 1
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      guard let end = JSONMembers.endOfNested(line, from: start) else { return false }
      value = start..<end
      kind = .nested
      position = end
    default:
      var end = start
      while end < line.count, !JSONMembers.endsWord(line[end]) { end &+= 1 }
      value = start..<end
      kind = .word
      position = end
      // A word that ends with the line was cut: nobody knows what followed.
      return end > start && end < line.count
    }
    return true
  }

  @inline(__always) private mutating func skipSpace(_ line: Span<UInt8>) {
    while position < line.count, line[position] == UInt8(ascii: " ") { position &+= 1 }
  }

  @inline(__always) private static func endsWord(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
      || byte == UInt8(ascii: " ")
  }

  /// The closing quote of the string that begins at `start`.
  @inline(__always) static func endOfString(_ line: Span<UInt8>, from start: Int) -> Int? {
    var position = start
    while true {
      position = line.index(
        ofEither: UInt8(ascii: "\""), UInt8(ascii: "\\"), from: min(position, line.count))
      guard position < line.count else { return nil }
      if line[position] == UInt8(ascii: "\"") { return position }
      position &+= 2
    }
  }

  /// What follows the bracket that closes the one at `start`.
  private static func endOfNested(_ line: Span<UInt8>, from start: Int) -> Int? {
    var depth = 0
    var position = start
    while position < line.count {
      switch line[position] {
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth &+= 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth &-= 1
      case UInt8(ascii: "\""):
        guard let end = endOfString(line, from: position &+ 1) else { return nil }
        position = end
      default: break
      }
      position &+= 1
      if depth == 0 { return position }
    }
    return nil
  }
}
