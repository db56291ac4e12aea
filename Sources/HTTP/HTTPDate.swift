import Basics

/// Reading the three forms of a date that HTTP knows (RFC 9110 section 5.6.7): IMF-fixdate, RFC 850
/// and asctime. The weekday is not checked, as in nginx.
public enum HTTPDate {
  /// Seconds since 1970-01-01 UTC of a date, negative before; nil when the text is none.
  public static func seconds(_ text: Span<UInt8>) -> Int64? {
    var cursor = Cursor(position: 0)
    cursor.skipWeekday(text)
    if cursor.take(ASCII.comma, text) {
      cursor.skipSpaces(text)
      return afterComma(text, &cursor)
    }
    return asctime(text, &cursor)
  }

  /// `06 Nov 1994 08:49:37 GMT` or `06-Nov-94 08:49:37 GMT`.
  private static func afterComma(_ text: Span<UInt8>, _ cursor: inout Cursor) -> Int64? {
    guard let day = cursor.number(text, digits: 2) else { return nil }
    let isOld = cursor.take(UInt8(ascii: "-"), text)
    if !isOld, !cursor.take(ASCII.space, text) { return nil }
    guard let month = cursor.month(text), cursor.take(isOld ? 0x2D : ASCII.space, text) else {
      return nil
    }
    guard var year = cursor.number(text, digits: isOld ? 2 : 4) else { return nil }
    // Two digits: nginx takes 70 to 99 for the last century.
    if isOld { year += year < 70 ? 2000 : 1900 }
    guard cursor.take(ASCII.space, text), let time = cursor.time(text) else { return nil }
    return seconds(year: year, month: month, day: day, time: time)
  }

  /// `Nov  6 08:49:37 1994`
  private static func asctime(_ text: Span<UInt8>, _ cursor: inout Cursor) -> Int64? {
    cursor.skipSpaces(text)
    guard let month = cursor.month(text), cursor.take(ASCII.space, text) else { return nil }
    let isPadded = cursor.take(ASCII.space, text)
    guard let day = cursor.number(text, digits: isPadded ? 1 : 2), cursor.take(ASCII.space, text),
      let time = cursor.time(text), cursor.take(ASCII.space, text),
      let year = cursor.number(text, digits: 4)
    else { return nil }
    return seconds(year: year, month: month, day: day, time: time)
  }

  private static func seconds(year: Int, month: Int, day: Int, time: Int) -> Int64? {
    guard day >= 1, day <= CivilDate.dayCount(year: year, month: month) else { return nil }
    return Int64(CivilDate.daysSince1970(year: year, month: month, day: day)) * 86_400
      + Int64(time)
  }
}

extension CivilDate {
  /// Days from 1970-01-01 to a day, negative before; the reverse of `init(daysSince1970:)`.
  public static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
    // Years that start in March: a leap day is the last day of its year.
    let shifted = month > 2 ? year : year - 1
    let fromMarch = (month + 9) % 12
    let leapDays = shifted / 4 - shifted / 100 + shifted / 400
    return 365 * shifted + leapDays + (153 * fromMarch + 2) / 5 + day - 1 - 719_468
  }

  /// Days of a month, 1 to 12.
  static func dayCount(year: Int, month: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

/// A place in a text.
private struct Cursor {
  var position: Int

  /// Passes over one byte if it is the one asked for.
  mutating func take(_ byte: UInt8, _ text: Span<UInt8>) -> Bool {
    guard position < text.count, text[position] == byte else { return false }
    position += 1
    return true
  }

  mutating func skipSpaces(_ text: Span<UInt8>) {
    while take(ASCII.space, text) {}
  }

  /// Passes over letters up to a comma or a space.
  mutating func skipWeekday(_ text: Span<UInt8>) {
    while position < text.count, text[position] != ASCII.comma, text[position] != ASCII.space {
      position += 1
    }
  }

  /// A number of exactly so many digits.
  mutating func number(_ text: Span<UInt8>, digits: Int) -> Int? {
    guard position + digits <= text.count else { return nil }
    var value = 0
    for _ in 0..<digits {
      guard ASCII.isDigit(text[position]) else { return nil }
      value = value * 10 + Int(text[position] - 0x30)
      position += 1
    }
    return value
  }

  /// `08:49:37` as seconds of the day.
  mutating func time(_ text: Span<UInt8>) -> Int? {
    guard let hour = number(text, digits: 2), take(ASCII.colon, text),
      let minute = number(text, digits: 2), take(ASCII.colon, text),
      let second = number(text, digits: 2), hour < 24, minute < 60, second < 60
    else { return nil }
    return hour * 3_600 + minute * 60 + second
  }

  /// A month's name of three letters as its number.
  mutating func month(_ text: Span<UInt8>) -> Int? {
    let names: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"
    guard position + 3 <= text.count else { return nil }
    let name = text.extracting(position..<position + 3)
    for number in 0..<12 where HTTPDate.isEqual(name, names, from: number * 3) {
      position += 3
      return number + 1
    }
    return nil
  }
}

extension HTTPDate {
  /// True when three letters are those at `start` of `names`.
  fileprivate static func isEqual(
    _ name: Span<UInt8>, _ names: StaticString, from start: Int
  ) -> Bool {
    // Safe: `start + 3` is at most the literal's length.
    let letters = unsafe UnsafeBufferPointer(start: names.utf8Start + start, count: 3)
    for index in 0..<3 where unsafe letters[index] != name[index] { return false }
    return true
  }
}
