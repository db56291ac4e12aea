import Basics
import Telemetry

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

  /// Those that an answer can have; nothing else would ever fit.
  private static func statusRange(_ word: Substring) -> ClosedRange<UInt16>? {
    guard let range = anyRange(word), range.lowerBound >= 100, range.upperBound <= 999 else {
      return nil
    }
    return range
  }

  private static func anyRange(_ word: Substring) -> ClosedRange<UInt16>? {
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

  /// A token of RFC 9110, which any method is, in capitals; nil when it is something else.
  public static func method(_ text: String) -> [UInt8]? {
    let word = Array(text.uppercased().utf8)
    let marks = Array("!#$%&'*+-.^_`|~".utf8)
    let isToken = word.allSatisfy { byte in
      byte &- 0x30 <= 9 || byte &- UInt8(ascii: "A") < 26 || marks.contains(byte)
    }
    return isToken && !word.isEmpty ? word : nil
  }

  /// A host as a request may name it, in small letters; nil for what is no host.
  public static func host(_ text: String) -> [UInt8]? {
    let host = Array(text.lowercased().utf8)
    let isHost = host.allSatisfy { $0 > 0x20 && $0 != 0x7F && !"/?#@\\\"".utf8.contains($0) }
    return isHost && !host.isEmpty ? host : nil
  }

  /// A pattern that a request's target may fit; nil for one that begins as no target does.
  public static func path(_ text: String) -> Glob? {
    let isPath = text.hasPrefix("/") || text.hasPrefix("*") || text.hasPrefix("?")
    return isPath || text.contains("://") ? Glob(text) : nil
  }

  /// The name of an error type, or `any`; nil for what no line says.
  public static func error(_ text: String) -> [UInt8]? {
    let isKnown = ErrorType.allCases.contains { $0 != .none && "\($0.name)" == text }
    return isKnown || text == "any" ? Array(text.utf8) : nil
  }

  /// The names that `error` knows beside `any`.
  public static var errorNames: String {
    ErrorType.allCases.filter { $0 != .none }.map { "\($0.name)" }.joined(separator: ", ")
  }

  /// nginx's units: `500ms`, `10s`, `1m`, `2h`, `1d`, `1w`, and decimals, several of them one after
  /// the other (`1h30m`, `1h 30m`), or words (`10 min`, `2 hours`); seconds for a number alone. In
  /// microseconds; nil when it is something else.
  public static func duration(_ text: String) -> UInt64? {
    if let seconds = number(text[...]) { return microseconds(seconds, 1e6) }
    var rest = text[...]
    var sum: UInt64 = 0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      let behind = rest[digits.endIndex...].drop { $0 == " " }
      let unit = behind.prefix { $0.isASCII && $0.isLetter }
      guard let value = number(digits), let length = units[String(unit)],
        let part = microseconds(value, length)
      else { return nil }
      let (added, overflows) = sum.addingReportingOverflow(part)
      if overflows { return nil }
      sum = added
      rest = behind[unit.endIndex...].drop { $0 == " " }
    }
    return text.isEmpty ? nil : sum
  }

  private static let units: [String: Double] = {
    let names: [(Double, [String])] = [
      (1, ["us"]), (1e3, ["ms"]), (1e6, ["s", "sec", "secs", "second", "seconds"]),
      (60e6, ["m", "min", "mins", "minute", "minutes"]),
      (3_600e6, ["h", "hr", "hrs", "hour", "hours"]), (86_400e6, ["d", "day", "days"]),
      (604_800e6, ["w", "week", "weeks"]),
    ]
    return Dictionary(
      uniqueKeysWithValues: names.flatMap { length, names in names.map { ($0, length) } })
  }()

  private static func number(_ text: Substring) -> Double? {
    text.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") } ? Double(text) : nil
  }

  private static func microseconds(_ value: Double, _ unit: Double) -> UInt64? {
    UInt64(exactly: (value * unit).rounded())
  }
}
