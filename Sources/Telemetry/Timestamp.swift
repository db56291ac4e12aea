import Basics

/// A wall-clock time in the notations of logs, by arithmetic alone: no locale, no time-zone data.
///
/// Years run from 1970 to 9999; a time outside is moved to the nearest end.
public struct Timestamp: Equatable, Sendable, BitwiseCopyable {
  /// Microseconds since 1970-01-01 UTC.
  public let microseconds: UInt64
  /// Seconds that the local time is ahead of UTC.
  public let utcOffset: Int32

  /// The last microsecond of the year 9999.
  private static var latest: UInt64 { 253_402_300_799_999_999 }

  /// The time `microseconds` after 1970-01-01 UTC, for notations in UTC or `utcOffset` ahead of it.
  public init(microseconds: UInt64, utcOffset: Int32 = 0) {
    self.microseconds = min(microseconds, Timestamp.latest)
    self.utcOffset = utcOffset
  }

  /// Writes `2026-11-22T21:58:36.123456Z` (RFC 3339 section 5.6), in UTC.
  public func writeRFC3339(into writer: inout ByteWriter) {
    var date = PackedDateTime(seconds: microseconds / 1_000_000)
    writeRFC3339(reusing: &date, into: &writer)
  }

  /// Does the same with a date that was made for an earlier line, if it is of the same second.
  func writeRFC3339(reusing date: inout PackedDateTime, into writer: inout ByteWriter) {
    let seconds = microseconds / 1_000_000
    if date.seconds != seconds { date = PackedDateTime(seconds: seconds) }
    writeUniversal(date, separator: UInt8(ascii: "T"), into: &writer)
    writer.append(UInt8(ascii: "Z"))
  }

  /// Writes `2026-11-22 21:58:36.123456`, in UTC: what the verbose format and the error log have.
  public func writeVerbose(into writer: inout ByteWriter) {
    writeUniversal(
      PackedDateTime(seconds: microseconds / 1_000_000), separator: UInt8(ascii: " "),
      into: &writer)
  }

  /// Writes `22/Nov/2026:21:58:36 +0100`: `$time_local`.
  public func writeLocal(into writer: inout ByteWriter) {
    let fields = PackedDateTime(seconds: localSeconds)
    writer.append(word: fields.day | slash &<< 16, count: 3)
    writer.append(fields.monthName)
    writer.append(UInt8(ascii: "/"))
    let yearHour: UInt64 = fields.year | colon &<< 32 | fields.hour &<< 40
    let minuteSecond: UInt64 = fields.minute | colon &<< 16 | fields.second &<< 24
    writer.append(word: yearHour | colon &<< 56, count: 8)
    writer.append(word: minuteSecond, count: 5)
    writer.append(UInt8(ascii: " "))
    writeOffset(hasColon: false, into: &writer)
  }

  /// Writes `Nov  2 21:58:36`, in local time: RFC 3164 section 4.1.2.
  public func writeSyslog(into writer: inout ByteWriter) {
    let fields = PackedDateTime(seconds: localSeconds)
    writer.append(fields.monthName)
    // A day of one digit has a space before it, where others have a zero.
    let day = fields.day & 0xff == 0x30 ? fields.day &- 0x10 : fields.day
    writer.append(word: 0x20 | day &<< 8 | 0x20 &<< 24, count: 4)
    let time: UInt64 = fields.hour | colon &<< 16 | fields.minute &<< 24
    writer.append(word: time | colon &<< 40 | fields.second &<< 48, count: 8)
  }

  /// Writes `2026-11-22T21:58:36+01:00`: `$time_iso8601`.
  public func writeISO8601(into writer: inout ByteWriter) {
    let fields = PackedDateTime(seconds: localSeconds)
    writer.append(word: fields.yearMonth, count: 8)
    writer.append(word: fields.dayHourMinute(separator: UInt8(ascii: "T")), count: 8)
    writer.append(word: colon | fields.second &<< 8, count: 3)
    writeOffset(hasColon: true, into: &writer)
  }

  /// Writes `Sunday, 22-Nov-2026 21:58:36 GMT`: `$date_gmt`, and with `isLocal` the same in local
  /// time, `$date_local`. Zones but UTC are known by their offset only: `+0100`.
  public func writeDate(isLocal: Bool, into writer: inout ByteWriter) {
    let fields = PackedDateTime(seconds: isLocal ? localSeconds : microseconds / 1_000_000)
    writer.append(fields.weekdayName)
    writer.append(", ")
    writer.append(word: fields.day | dash &<< 16, count: 3)
    writer.append(fields.monthName)
    writer.append(word: dash | fields.year &<< 8 | 0x20 &<< 40, count: 6)
    let time: UInt64 = fields.hour | colon &<< 16 | fields.minute &<< 24
    writer.append(word: time | colon &<< 40 | fields.second &<< 48, count: 8)
    if isLocal && utcOffset != 0 {
      writer.append(UInt8(ascii: " "))
      writeOffset(hasColon: false, into: &writer)
    } else {
      writer.append(isLocal ? " UTC" : " GMT")
    }
  }

  /// Writes `1795384716.123`, seconds since 1970 with milliseconds: `$msec`.
  public func writeMilliseconds(into writer: inout ByteWriter) {
    writer.append(microsecondsAsMilliseconds: microseconds)
  }

  /// Date and time with microseconds in UTC, `separator` between them. `fields` is this second's
  /// date.
  private func writeUniversal(
    _ fields: PackedDateTime, separator: UInt8, into writer: inout ByteWriter
  ) {
    let fraction = Digits.eight(microseconds &- fields.seconds &* 1_000_000) &>> 16
    writer.append(word: fields.yearMonth, count: 8)
    writer.append(word: fields.dayHourMinute(separator: separator), count: 8)
    let second: UInt64 = colon | fields.second &<< 8 | point &<< 24
    writer.append(word: second | fraction &<< 32, count: 8)
    writer.append(word: fraction &>> 32, count: 2)
  }

  /// Writes `+0100` or `+01:00`.
  private func writeOffset(hasColon: Bool, into writer: inout ByteWriter) {
    let minutes = UInt64(utcOffset.magnitude / 60)
    writer.append(utcOffset < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
    let digits = Digits.eight(minutes / 60 &* 100 &+ minutes % 60) &>> 32
    writer.append(word: digits, count: 2)
    if hasColon { writer.append(UInt8(ascii: ":")) }
    writer.append(word: digits &>> 16, count: 2)
  }

  /// Seconds since 1970 in local time.
  private var localSeconds: UInt64 {
    let seconds = Int64(microseconds / 1_000_000) + Int64(utcOffset)
    return UInt64(min(max(seconds, 0), Int64(Timestamp.latest / 1_000_000)))
  }
}

private var colon: UInt64 { 0x3a }
private var dash: UInt64 { 0x2d }
private var slash: UInt64 { 0x2f }
private var point: UInt64 { 0x2e }
