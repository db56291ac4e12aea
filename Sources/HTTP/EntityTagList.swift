import Basics

/// If-Match and If-None-Match (RFC 9110 section 13.1).
public enum EntityTagList {
  /// True when the field's `value` is `*` or has `tag` as a member. A weak comparison, as of
  /// If-None-Match, looks past `W/` on both sides.
  public static func contains(_ tag: Span<UInt8>, in value: Span<UInt8>, isWeak: Bool) -> Bool {
    if value.count == 1, value[0] == ASCII.asterisk { return true }
    guard !tag.isEmpty else { return false }
    let wanted = isWeak && isWeakTag(tag, at: 0) ? tag.extracting(2..<tag.count) : tag
    var start = 0
    while start < value.count {
      if isWeak, isWeakTag(value, at: start) { start += 2 }
      let end = start + wanted.count
      if end <= value.count, isEqual(value.extracting(start..<end), wanted),
        isMemberEnd(value, at: end)
      {
        return true
      }
      while start < value.count, value[start] != ASCII.comma { start += 1 }
      while start < value.count, value[start] == ASCII.comma || ASCII.isBlank(value[start]) {
        start += 1
      }
    }
    return false
  }

  private static func isWeakTag(_ text: Span<UInt8>, at start: Int) -> Bool {
    text.count - start > 2 && text[start] == UInt8(ascii: "W") && text[start + 1] == ASCII.slash
  }

  private static func isMemberEnd(_ value: Span<UInt8>, at end: Int) -> Bool {
    var index = end
    while index < value.count, ASCII.isBlank(value[index]) { index += 1 }
    return index == value.count || value[index] == ASCII.comma
  }

  /// True for the same bytes.
  public static func isEqual(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
    guard one.count == other.count else { return false }
    for index in one.indices where one[index] != other[index] { return false }
    return true
  }
}
