import Basics

/// The host of a text that may be `host`, `host:port`, `[address]` or `[address]:port`.
public enum HostPart {
  /// Where the host lies in `text`: without the port, without brackets, and without the dot that
  /// may end a name. An IPv6 address without brackets has no port. Nothing is checked.
  public static func find(in text: Span<UInt8>) -> ByteRange {
    if !text.isEmpty && text[0] == ASCII.leftBracket {
      var end = 1
      while end < text.count && text[end] != ASCII.rightBracket { end &+= 1 }
      if end < text.count { return ByteRange(start: 1, count: end &- 1) }
    }
    var end = text.count
    var colons = 0
    for index in text.indices where text[index] == ASCII.colon {
      colons &+= 1
      if colons == 1 { end = index }
    }
    if colons > 1 { end = text.count }
    if end > 1 && text[end &- 1] == ASCII.dot { end &-= 1 }
    return ByteRange(start: 0, count: end)
  }
}
