import Basics

/// Finds a value by its name where the names are the client's: arguments, cookies, fields.
///
/// Names from a template are in lowercase; what the client sent is compared without regard to case,
/// as nginx does.
enum NamedValue {
  /// Where the value of the first argument `name` lies in a query; nil when there is none. As it
  /// came, not decoded.
  static func argument(_ name: Span<UInt8>, in query: Span<UInt8>) -> ByteRange? {
    find(name, in: query, separator: UInt8(ascii: "&"), skipsSpace: false)
  }

  /// Where the value of the first cookie `name` lies in a Cookie field's value (RFC 6265 section
  /// 4.2).
  static func cookie(_ name: Span<UInt8>, in value: Span<UInt8>) -> ByteRange? {
    find(name, in: value, separator: UInt8(ascii: ";"), skipsSpace: true)
  }

  /// True when `fieldName` is what `$http_NAME` means: lowercase, dashes as underscores.
  static func isField(_ fieldName: Span<UInt8>, named name: Span<UInt8>) -> Bool {
    guard fieldName.count == name.count else { return false }
    for index in name.indices {
      let byte = fieldName[index]
      let folded = byte == UInt8(ascii: "-") ? UInt8(ascii: "_") : lowercase(byte)
      if folded != name[index] { return false }
    }
    return true
  }

  /// The lowercase letter of an ASCII capital; any other byte itself.
  @inline(__always) static func lowercase(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
  }

  private static func find(
    _ name: Span<UInt8>, in list: Span<UInt8>, separator: UInt8, skipsSpace: Bool
  ) -> ByteRange? {
    var start = 0
    while start < list.count {
      var end = start
      while end < list.count && list[end] != separator { end += 1 }
      if skipsSpace { while start < end && list[start] == UInt8(ascii: " ") { start += 1 } }
      let valueStart = start + name.count + 1
      if valueStart <= end && list[valueStart - 1] == UInt8(ascii: "="),
        isEqual(list.extracting(start..<(valueStart - 1)), name)
      {
        return ByteRange(start: valueStart, count: end - valueStart)
      }
      start = end + 1
    }
    return nil
  }

  private static func isEqual(_ bytes: Span<UInt8>, _ name: Span<UInt8>) -> Bool {
    for index in name.indices where lowercase(bytes[index]) != name[index] { return false }
    return true
  }
}
