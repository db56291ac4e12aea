import Basics

/// Whether a client takes gzip, by its Accept-Encoding field, as nginx reads it: `gzip` must be
/// named, and not with a weight of 0.
public enum GzipAcceptance {
  /// True for a field with `value` that names gzip.
  public static func accepts(_ value: Span<UInt8>) -> Bool {
    var start = 0
    for index in 0...value.count {
      guard index == value.count || value[index] == ASCII.comma else { continue }
      if let weight = gzipWeight(value.extracting(start..<index)) { return weight }
      start = index + 1
    }
    return false
  }

  /// For a member of the list that is gzip, whether its weight is more than 0; nil for another one.
  private static func gzipWeight(_ member: Span<UInt8>) -> Bool? {
    var first = 0
    while first < member.count, ASCII.isBlank(member[first]) { first += 1 }
    var end = first
    while end < member.count, member[end] != ASCII.semicolon, !ASCII.isBlank(member[end]) {
      end += 1
    }
    guard FieldNameMatch.equalIgnoringCase(member.extracting(first..<end), "gzip") else {
      return nil
    }
    var digits = end
    while digits < member.count, member[digits] != ASCII.equals { digits += 1 }
    guard digits < member.count else { return true }
    for index in (digits + 1)..<max(digits + 1, member.count) {
      let byte = member[index]
      if byte > ASCII.zero, ASCII.isDigit(byte) { return true }
    }
    return false
  }
}
