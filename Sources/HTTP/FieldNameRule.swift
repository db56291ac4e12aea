/// Which fields of a client's are looked at, by their names: `ignore_invalid_headers`,
/// `underscores_in_headers`. All others are treated as if they had not come.
public enum FieldNameRule: UInt8, Sendable, BitwiseCopyable {
  /// Those of letters, digits and dashes.
  case plain
  /// Those, and underscores, which CGI-style backends can't tell from dashes.
  case underscores
  /// All names that are tokens (RFC 9110 section 5.1).
  case all

  /// True for a name that counts.
  public func accepts(_ name: Span<UInt8>) -> Bool {
    if self == .all { return true }
    for index in name.indices {
      let byte = name[index]
      if (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || byte == 0x2d { continue }
      if byte != 0x5f || self == .plain { return false }
    }
    return true
  }
}
