import Basics

/// The words in which moments and periods are given on a command line.
public enum TimeWords {
  /// The forms that `moment` takes, for a message.
  public static var forms: String {
    "how long ago, as 10m, 1h30m or \"10 min ago\"; a time of today, as 08:00; now, today or"
      + " yesterday, also with a time, as \"yesterday 08:00\"; or a time, as 2026-11-30,"
      + " \"2026-11-30 10:00\", 2026-11-30T10:00:00Z or @1795384716"
  }

  /// A time stamp, a date (its midnight), a time of today (`08:00`), `now`, `today` and `yesterday`
  /// (midnight, or the time that follows), `@` and seconds since 1970, or how long ago it was:
  /// `10m`, `1h30m`, `-1h`, `10 min ago`. What names no time zone is local time. Nil when it is
  /// something else, or lies before 1970.
  public static func moment(_ text: String, local: LocalTime) -> UInt64? {
    let words = text.split(separator: " ")
    switch words.first?.lowercased() {
    case nil: return nil
    case "now": return words.count == 1 ? local.now : nil
    case "today": return moment(on: 0, words.dropFirst(), local)
    case "yesterday": return moment(on: 1, words.dropFirst(), local)
    default: break
    }
    if text.hasPrefix("@") { return sinceEpoch(text.dropFirst()) }
    if let ago = ago(text) { return ago > local.now ? nil : local.now - ago }
    if let whole = LogTime(local).whole(Array(text.utf8).span) { return whole }
    return moment(on: 0, words[...], local)
  }

  /// A period: two moments with `..` between them, of which one may be missing; a day, which is all
  /// of it; or how much earlier than `present` it was, as `1d`. The second moment may be a time of
  /// the first one's day. Nil when it is something else, or ends before it begins.
  public static func period(
    _ text: String, before present: ClosedRange<UInt64>, local: LocalTime
  ) -> ClosedRange<UInt64>? {
    guard let dots = text.firstRange(of: "..") else { return wholePeriod(text, present, local) }
    let (first, second) = (text[..<dots.lowerBound], text[dots.upperBound...])
    let start = first.isEmpty ? 0 : moment(trimmed(first), local: local)
    guard let start, !first.isEmpty || !second.isEmpty else { return nil }
    let end: UInt64?
    if second.isEmpty {
      end = local.now
    } else if isClock(trimmed(second)), !first.isEmpty {
      end = moment(trimmed(second), onTheDayOf: start, local)
    } else {
      end = moment(trimmed(second), local: local)
    }
    guard let end, end > start else { return nil }
    return start...(end - 1)
  }

  private static func wholePeriod(
    _ text: String, _ present: ClosedRange<UInt64>, _ local: LocalTime
  ) -> ClosedRange<UInt64>? {
    if let earlier = ago(text), !text.hasSuffix("ago"), earlier > 0 {
      guard present.lowerBound >= earlier else { return nil }
      let end = min(present.upperBound, local.now)
      guard end >= present.lowerBound else { return nil }
      return (present.lowerBound - earlier)...(end - earlier)
    }
    let day = text.lowercased()
    let isDay = day == "today" || day == "yesterday" || day.count == 10
    guard isDay, let start = moment(text, local: local) else { return nil }
    return start...(midnight(after: start, local) - 1)
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }

  /// `10m`, `-1h`, `10 min ago`; a number alone is no span.
  private static func ago(_ text: String) -> UInt64? {
    let words = text.split(separator: " ")
    let isAgo = words.last == "ago"
    var span = isAgo ? words.dropLast().joined(separator: " ") : text
    if span.hasPrefix("-"), !isAgo { span.removeFirst() }
    guard let last = span.last, last.isLetter else { return nil }
    return FilterWords.duration(span)
  }

  private static func sinceEpoch(_ text: Substring) -> UInt64? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let isNumber = parts.allSatisfy { part in !part.isEmpty && part.allSatisfy(isDigit) }
    guard isNumber, parts.count <= 2, parts[0].count <= 12, let seconds = UInt64(parts[0]) else {
      return nil
    }
    let decimals = parts.count < 2 ? "" : parts[1].prefix(6)
    let padded = decimals + String(repeating: "0", count: 6 - decimals.count)
    return seconds * 1_000_000 + (UInt64(padded) ?? 0)
  }

  private static func isDigit(_ character: Character) -> Bool {
    character.isASCII && character.isNumber
  }

  private static func isClock(_ text: String) -> Bool {
    let digits = text.prefix(while: isDigit)
    return (1...2).contains(digits.count) && text.dropFirst(digits.count).first == ":"
  }

  // MARK: Days

  /// A time of the day, with a zone or without, of today or some days ago; midnight for no words.
  private static func moment(
    on daysAgo: Int64, _ words: ArraySlice<Substring>, _ local: LocalTime
  ) -> UInt64? {
    let clock = words.joined(separator: " ")
    let isUTC = ["Z", "z", "UTC", "GMT"].contains { clock.hasSuffix($0) }
    let shown = isUTC ? Int64(local.now / 1_000_000) : shownSeconds(local.now, local)
    let day = shown / 86_400 - daysAgo
    return clock.isEmpty ? seconds(of: day, local) : moment(clock, on: day, local)
  }

  private static func moment(
    _ clock: String, onTheDayOf start: UInt64, _ local: LocalTime
  ) -> UInt64? {
    moment(clock, on: shownSeconds(start, local) / 86_400, local)
  }

  /// The time of the day `clock` on a day, which is counted from 1970.
  private static func moment(_ clock: String, on day: Int64, _ local: LocalTime) -> UInt64? {
    guard day >= 0, isClock(clock) else { return nil }
    let hour = clock.prefix(while: isDigit)
    let text =
      TimeText.date(UInt64(day) * 86_400_000_000).prefix(10)
      + "T" + (hour.count == 1 ? "0" : "") + clock
    if hour == "24" { return clock == "24:00" ? seconds(of: day + 1, local) : nil }
    return LogTime(local).whole(Array(text.utf8).span)
  }

  /// What local clocks show at a moment, in seconds since 1970.
  private static func shownSeconds(_ moment: UInt64, _ local: LocalTime) -> Int64 {
    let seconds = Int64(moment / 1_000_000)
    // The offset is asked for by what the clocks show; twice, as that depends on it.
    return seconds + local.offset(seconds + local.offset(seconds))
  }

  /// When a day began on local clocks.
  private static func seconds(of day: Int64, _ local: LocalTime) -> UInt64 {
    let midnight = day * 86_400
    return UInt64(max(0, midnight - local.offset(midnight))) * 1_000_000
  }

  private static func midnight(after moment: UInt64, _ local: LocalTime) -> UInt64 {
    seconds(of: shownSeconds(moment, local) / 86_400 + 1, local)
  }
}
