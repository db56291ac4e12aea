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

  /// A time stamp, or how long ago it was: `10m`, `10m ago`.
  public static func moment(_ text: String, local: LocalTime) -> UInt64? {
    let words = text.split(separator: " ")
    let span = words.last == "ago" ? words.dropLast().joined() : text
    if let ago = duration(span), span.last.map({ !$0.isNumber }) ?? false {
      return local.now - min(local.now, ago)
    }
    return LogTime(local).read(Array(text.utf8).span, at: 0)
  }
}
