import Basics

/// The digits of a date and a time of day, each field packed into a word with its first digit in
/// the lowest byte, ready to be put together by shifts.
struct PackedDateTime: Sendable, BitwiseCopyable {
  /// The instant, in seconds after 1970-01-01.
  let seconds: UInt64
  /// Four digits.
  let year: UInt64
  /// Two digits, as all that follow.
  let month: UInt64
  let day: UInt64
  let hour: UInt64
  let minute: UInt64
  let second: UInt64
  /// 1 to 12.
  let monthNumber: UInt64

  /// The fields of the instant `seconds` after 1970-01-01, not after the year 9999.
  init(seconds: UInt64) {
    let days = seconds / 86_400
    let secondOfDay = seconds &- days &* 86_400
    let (year, month, day) = PackedDateTime.date(daysSince1970: days)
    let date = Digits.eight(year &* 10_000 &+ month &* 100 &+ day)
    let hour = secondOfDay / 3_600
    let minute = secondOfDay / 60 &- hour &* 60
    let second = secondOfDay % 60
    let time = Digits.eight(hour &* 10_000 &+ minute &* 100 &+ second)
    self.seconds = seconds
    self.year = date & 0xffff_ffff
    self.month = (date &>> 32) & 0xffff
    self.day = date &>> 48
    self.hour = (time &>> 16) & 0xffff
    self.minute = (time &>> 32) & 0xffff
    self.second = time &>> 48
    self.monthNumber = month
  }

  /// `2026-11-`: eight bytes.
  var yearMonth: UInt64 { year | 0x2d &<< 32 | month &<< 40 | 0x2d &<< 56 }

  /// `22T21:58`: eight bytes, with `separator` behind the day.
  func dayHourMinute(separator: UInt8) -> UInt64 {
    day | UInt64(separator) &<< 16 | hour &<< 24 | 0x3a &<< 40 | minute &<< 48
  }

  /// The month in English, three letters.
  var monthName: StaticString {
    switch monthNumber {
    case 1: "Jan"
    case 2: "Feb"
    case 3: "Mar"
    case 4: "Apr"
    case 5: "May"
    case 6: "Jun"
    case 7: "Jul"
    case 8: "Aug"
    case 9: "Sep"
    case 10: "Oct"
    case 11: "Nov"
    default: "Dec"
    }
  }

  /// The day of the week in English.
  var weekdayName: StaticString {
    // The first day of 1970 was a Thursday.
    switch seconds / 86_400 % 7 {
    case 0: "Thursday"
    case 1: "Friday"
    case 2: "Saturday"
    case 3: "Sunday"
    case 4: "Monday"
    case 5: "Tuesday"
    default: "Wednesday"
    }
  }

  /// Year, month and day of the Gregorian calendar.
  ///
  /// Years are counted from 1 March, so that the leap day is a year's last one and a month's first
  /// day follows from its number alone; 400 years have always 146,097 days.
  private static func date(
    daysSince1970 days: UInt64
  ) -> (year: UInt64, month: UInt64, day: UInt64) {
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    let shifted = days &+ 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted &- era &* 146_097
    let leapDays = dayOfEra / 1_460 &- dayOfEra / 36_524 &+ dayOfEra / 146_096
    let yearOfEra = (dayOfEra &- leapDays) / 365
    let dayOfYear = dayOfEra &- (365 &* yearOfEra &+ yearOfEra / 4 &- yearOfEra / 100)
    // 153 days make five months from March on.
    let monthFromMarch = (5 &* dayOfYear &+ 2) / 153
    let day = dayOfYear &- (153 &* monthFromMarch &+ 2) / 5 &+ 1
    let month = monthFromMarch < 10 ? monthFromMarch &+ 3 : monthFromMarch &- 9
    let year = era &* 400 &+ yearOfEra &+ (month <= 2 ? 1 : 0)
    return (year, month, day)
  }
}
