import Basics

/// The words in which conditions are given on a command line.
public enum FilterWords {
  /// `404`, `5xx`, `500-599`, several with commas; nil when it is something else.
  public static func statuses(_ text: String) -> [ClosedRange<UInt16>]? {
    var ranges: [ClosedRange<UInt16>] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let range = statusRange(word) else { return nil }
      ranges.append(range)
    }
    return ranges
  }

  private static func statusRange(_ word: Substring) -> ClosedRange<UInt16>? {
    if word.count == 3, word.lowercased().hasSuffix("xx"), let hundreds = UInt16(word.prefix(1)) {
      return (hundreds * 100)...(hundreds * 100 + 99)
    }
    let ends = word.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0) }
    switch (ends.count, ends.first ?? nil, ends.last ?? nil) {
    case (1, let status?, _): return status...status
    case (2, let low?, let high?): return low <= high ? low...high : nil
    default: return nil
    }
  }

  /// nginx's units: `500ms`, `10s`, `1m`, `2h`, `1d`, and decimals; seconds without a unit. In
  /// microseconds; nil when it is something else.
  public static func duration(_ text: String) -> UInt64? {
    let units: [(name: String, microseconds: Double)] = [
      ("ms", 1e3), ("us", 1), ("s", 1e6), ("m", 60e6), ("h", 3_600e6), ("d", 86_400e6),
    ]
    let unit = units.first { text.hasSuffix($0.name) }
    let number = unit.map { text.dropLast($0.name.count) } ?? text[...]
    guard number.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
      let value = Double(number)
    else { return nil }
    return UInt64(exactly: (value * (unit?.microseconds ?? 1e6)).rounded())
  }

  /// A time stamp, or how long ago it was: `10m`.
  public static func moment(_ text: String, local: LocalTime) -> UInt64? {
    if let ago = duration(text), text.last.map({ !$0.isNumber }) ?? false {
      return local.now - min(local.now, ago)
    }
    return LogTime(local).read(Array(text.utf8).span, at: 0)
  }
}
