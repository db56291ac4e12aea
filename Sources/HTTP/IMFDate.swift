import Basics

/// Dates as HTTP writes them: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
public enum IMFDate {
  /// Bytes in every date.
  public static var byteCount: Int { 29 }

  /// The last second that four digits of a year can name: 9999-12-31 23:59:59.
  private static var lastSecond: UInt64 { 253_402_300_799 }

  /// Appends the date of a Unix time; one beyond the year 9999 is written as its last second.
  public static func write(secondsSince1970: UInt64, into writer: inout ByteWriter) {
    let seconds = min(secondsSince1970, lastSecond)
    let day = Int(seconds / 86_400)
    let second = seconds % 86_400
    let date = CivilDate(daysSince1970: day)
    writer.append(weekday(day))
    writer.append(decimal: UInt64(date.day), width: 2)
    writer.append(month(date.month))
    writer.append(decimal: UInt64(date.year), width: 4)
    writer.append(ASCII.space)
    writer.append(decimal: second / 3_600, width: 2)
    writer.append(ASCII.colon)
    writer.append(decimal: second / 60 % 60, width: 2)
    writer.append(ASCII.colon)
    writer.append(decimal: second % 60, width: 2)
    writer.append(" GMT")
  }

  /// 1970-01-01 was a Thursday.
  private static func weekday(_ daysSince1970: Int) -> StaticString {
    switch daysSince1970 % 7 {
    case 0: "Thu, "
    case 1: "Fri, "
    case 2: "Sat, "
    case 3: "Sun, "
    case 4: "Mon, "
    case 5: "Tue, "
    default: "Wed, "
    }
  }

  private static func month(_ number: Int) -> StaticString {
    switch number {
    case 1: " Jan "
    case 2: " Feb "
    case 3: " Mar "
    case 4: " Apr "
    case 5: " May "
    case 6: " Jun "
    case 7: " Jul "
    case 8: " Aug "
    case 9: " Sep "
    case 10: " Oct "
    case 11: " Nov "
    default: " Dec "
    }
  }
}

/// A day of the Gregorian calendar.
public struct CivilDate: Equatable, Sendable, BitwiseCopyable {
  /// The year, 1970 or later.
  public let year: Int
  /// 1 to 12.
  public let month: Int
  /// 1 to 31.
  public let day: Int

  /// The day that many days behind 1970-01-01.
  ///
  /// Counts in years that start in March, so that a leap day is the last day of its year, and in
  /// cycles of 400 years, which all have 146,097 days.
  public init(daysSince1970 days: Int) {
    let sinceMarchOfYear0 = days + 719_468
    let cycle = sinceMarchOfYear0 / 146_097
    let dayOfCycle = sinceMarchOfYear0 % 146_097
    let leapDays = dayOfCycle / 1_460 - dayOfCycle / 36_524 + dayOfCycle / 146_096
    let yearOfCycle = (dayOfCycle - leapDays) / 365
    let dayOfYear = dayOfCycle - (yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100)
    // Months from March on repeat 31, 30, 31, 30, 31 days: 153 in five.
    let monthFromMarch = (dayOfYear * 5 + 2) / 153
    day = dayOfYear - (monthFromMarch * 153 + 2) / 5 + 1
    month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    year = cycle * 400 + yearOfCycle + (month <= 2 ? 1 : 0)
  }
}
