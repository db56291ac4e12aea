import Basics

/// nginx's units: `10s`, `1h 30m`, `64k`. Nothing overflows: what is too large is no value.
enum Units {
  /// A length of time; without a unit in seconds. Several units follow each other from the longest
  /// to the shortest, as nginx demands.
  static func interval(_ text: String) -> Interval? {
    let units: [(name: String, milliseconds: UInt64)] = [
      ("y", 31_536_000_000), ("M", 2_592_000_000), ("w", 604_800_000), ("d", 86_400_000),
      ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]
    var rest = Substring(text)
    var next = 0
    var total: UInt64 = 0
    repeat {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard let count = UInt64(digits) else { return nil }
      rest = rest.dropFirst(digits.count)
      let name = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(name.count).drop { $0 == " " }
      let unit = name.isEmpty ? 6 : units.firstIndex { $0.name == name }
      // A number without a unit can only be the last.
      guard let unit, unit >= next, !name.isEmpty || rest.isEmpty else { return nil }
      let (part, partOverflow) = count.multipliedReportingOverflow(by: units[unit].milliseconds)
      let (sum, sumOverflow) = total.addingReportingOverflow(part)
      guard !partOverflow, !sumOverflow else { return nil }
      total = sum
      next = unit + 1
    } while !rest.isEmpty
    // Nanoseconds count 584 years in 64 bits.
    return total < UInt64.max / 1_000_000 ? .milliseconds(total) : nil
  }

  /// A number of bytes; `k`, `m` and `g` are 1024, 1024², 1024³.
  static func byteCount(_ text: String) -> UInt64? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let count = UInt64(digits) else { return nil }
    let factor: UInt64
    switch text.dropFirst(digits.count) {
    case "": factor = 1
    case "k", "K": factor = 1024
    case "m", "M": factor = 1024 * 1024
    case "g", "G": factor = 1024 * 1024 * 1024
    default: return nil
    }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: factor)
    return overflow || bytes > UInt64(Int64.max) ? nil : bytes
  }
}
