import Basics

/// Whether a client takes a content coding, by its Accept-Encoding field, as nginx reads it: the
/// coding must be named, and not with a weight of 0. `*` names none.
public enum CodingAcceptance {
  /// True for a field with `value` that names `coding`, which is in lowercase.
  public static func accepts(_ value: Span<UInt8>, _ coding: StaticString) -> Bool {
    let count = coding.utf8CodeUnitCount
    var start = 0
    while start + count <= value.count {
      let isFirst =
        start == 0 || value[start - 1] == ASCII.comma || value[start - 1] == ASCII.space
      if isFirst,
        FieldNameMatch.equalIgnoringCase(value.extracting(start..<(start + count)), coding)
      {
        let rest = value.extracting((start + count)..<value.count)
        // Of a name that only begins so, another one may follow.
        if let isAccepted = judge(rest) { return isAccepted }
      }
      start += 1
    }
    return false
  }

  /// What follows the coding's name; nil when that goes on.
  private static func judge(_ rest: Span<UInt8>) -> Bool? {
    var index = 0
    while index < rest.count, rest[index] == ASCII.space { index += 1 }
    guard index < rest.count, rest[index] != ASCII.comma else { return true }
    guard rest[index] == ASCII.semicolon else { return nil }
    index += 1
    while index < rest.count, rest[index] == ASCII.space { index += 1 }
    guard index < rest.count else { return true }
    guard rest[index] | 0x20 == UInt8(ascii: "q"), index + 2 < rest.count,
      rest[index + 1] == ASCII.equals
    else { return false }
    return isMoreThanNothing(rest.extracting((index + 2)..<rest.count))
  }

  /// True for a weight from 0.001 to 1.
  private static func isMoreThanNothing(_ text: Span<UInt8>) -> Bool {
    guard text[0] == ASCII.zero || text[0] == ASCII.zero + 1 else { return false }
    let whole = text[0] - ASCII.zero
    guard text.count > 1, text[1] != ASCII.comma, text[1] != ASCII.space else { return whole > 0 }
    guard text[1] == UInt8(ascii: ".") else { return false }
    var sum = Int(whole) * 100
    var digits = 0
    var index = 2
    while index < text.count, text[index] != ASCII.comma, text[index] != ASCII.space {
      guard ASCII.isDigit(text[index]) else { return false }
      sum += Int(text[index] - ASCII.zero)
      digits += 1
      index += 1
    }
    return sum > 0 && sum <= 100 && digits <= 3
  }
}
