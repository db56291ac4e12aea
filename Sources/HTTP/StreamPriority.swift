import Basics

/// What a client says of the order in which it wants responses (RFC 9218 section 4).
public struct StreamPriority: Equatable, Sendable, BitwiseCopyable {
  /// From 0, the most urgent, to 7.
  public var urgency: UInt8 = 3
  /// The response is of use before it is complete: it may share the connection with others of its
  /// urgency.
  public var isIncremental = true

  /// That of a request which says nothing. RFC 9218 takes it for one whose response is wanted
  /// whole; without a word of the client's, no response should wait for another one to end.
  public init() {}

  /// That of a `Priority` field's value. What is not known in it is skipped; what is not valid says
  /// nothing.
  public init(parsing value: Span<UInt8>) {
    self.init()
    isIncremental = false
    var start = 0
    while start < value.count {
      let end = StreamPriority.memberEnd(value, from: start)
      take(value.extracting(start..<end))
      start = end + 1
    }
  }

  /// True of the name of the field.
  @inlinable public static func isField(_ name: Span<UInt8>) -> Bool {
    name.count == 8 && FieldNameMatch.equalIgnoringCase(name, "priority")
  }

  /// Where the member of the dictionary that begins at `start` ends: at the next comma that stands
  /// in no string.
  private static func memberEnd(_ value: Span<UInt8>, from start: Int) -> Int {
    var isQuoted = false
    var index = start
    while index < value.count {
      let byte = value[index]
      if isQuoted && byte == UInt8(ascii: "\\") {
        index += 1
      } else if byte == UInt8(ascii: "\"") {
        isQuoted.toggle()
      } else if byte == UInt8(ascii: ",") && !isQuoted {
        return index
      }
      index += 1
    }
    return value.count
  }

  private mutating func take(_ member: Span<UInt8>) {
    var first = 0
    while first < member.count, isSpace(member[first]) { first += 1 }
    var end = first
    // Parameters mean nothing here.
    while end < member.count, member[end] != UInt8(ascii: ";") { end += 1 }
    while end > first, isSpace(member[end - 1]) { end -= 1 }
    let text = member.extracting(first..<end)
    guard text.count > 0 else { return }
    let hasValue = text.count > 1 && text[1] == UInt8(ascii: "=")
    switch text[0] {
    case UInt8(ascii: "u") where hasValue && text.count == 3:
      if (0x30...0x37).contains(text[2]) { urgency = text[2] - 0x30 }
    case UInt8(ascii: "i") where text.count == 1: isIncremental = true
    case UInt8(ascii: "i") where hasValue && text.count == 4 && text[2] == UInt8(ascii: "?"):
      if text[3] == 0x30 || text[3] == 0x31 { isIncremental = text[3] == 0x31 }
    default: break
    }
  }

  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
