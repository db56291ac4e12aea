import Basics
import Telemetry
import Testing

@Suite struct TimestampTests {
  /// Seconds since 1970 and their date by an independent calendar (GNU date).
  static let instants: [(seconds: UInt64, date: String, time: String)] = [
    (0, "1970-01-01", "00:00:00"), (86_399, "1970-01-01", "23:59:59"),
    (86_400, "1970-01-02", "00:00:00"), (951_782_399, "2000-02-28", "23:59:59"),
    (951_782_400, "2000-02-29", "00:00:00"), (951_868_800, "2000-03-01", "00:00:00"),
    (1_709_164_800, "2024-02-29", "00:00:00"), (1_735_689_599, "2024-12-31", "23:59:59"),
    (1_795_384_716, "2026-11-22", "21:58:36"), (4_107_542_399, "2100-02-28", "23:59:59"),
    (4_107_542_400, "2100-03-01", "00:00:00"), (253_402_300_799, "9999-12-31", "23:59:59"),
  ]

  @Test(arguments: TimestampTests.instants)
  func universal(_ instant: (seconds: UInt64, date: String, time: String)) {
    let timestamp = Timestamp(microseconds: instant.seconds * 1_000_000 + 1_234)
    #expect(text { timestamp.writeRFC3339(into: &$0) } == "\(instant.date)T\(instant.time).001234Z")
    #expect(text { timestamp.writeVerbose(into: &$0) } == "\(instant.date) \(instant.time).001234")
    #expect(text { timestamp.writeISO8601(into: &$0) } == "\(instant.date)T\(instant.time)+00:00")
    #expect(text { timestamp.writeMilliseconds(into: &$0) } == "\(instant.seconds).001")
  }

  /// Each day of 500 years follows the one before, counted by the rules of the calendar.
  @Test func everyDay() {
    var (year, month, day) = (1970, 1, 1)
    for number in 0..<UInt64(500 * 366) {
      let expected = pad(year, 4) + "-" + pad(month, 2) + "-" + pad(day, 2)
      let timestamp = Timestamp(microseconds: number * 86_400_000_000)
      #expect(text { timestamp.writeVerbose(into: &$0) }.hasPrefix(expected))
      day += 1
      if day > days(in: month, of: year) { (month, day) = (month + 1, 1) }
      if month > 12 { (year, month) = (year + 1, 1) }
    }
  }

  @Test(
    arguments: [
      (0, "22/Nov/2026:21:58:36 +0000", "2026-11-22T21:58:36+00:00"),
      (3_600, "22/Nov/2026:22:58:36 +0100", "2026-11-22T22:58:36+01:00"),
      (20_700, "23/Nov/2026:03:43:36 +0545", "2026-11-23T03:43:36+05:45"),
      (-12_600, "22/Nov/2026:18:28:36 -0330", "2026-11-22T18:28:36-03:30"),
    ] as [(Int32, String, String)])
  func local(_ offset: Int32, _ local: String, _ iso: String) {
    let timestamp = Timestamp(microseconds: 1_795_384_716_999_999, utcOffset: offset)
    #expect(text { timestamp.writeLocal(into: &$0) } == local)
    #expect(text { timestamp.writeISO8601(into: &$0) } == iso)
  }

  @Test func monthNames() {
    let names = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(separator: " ")
    for (index, name) in names.enumerated() {
      // The 15th of each month of 1970 lies in the month's middle, wherever that begins.
      let timestamp = Timestamp(microseconds: UInt64(index * 30 + 15) * 86_400_000_000)
      #expect(text { timestamp.writeLocal(into: &$0) }.dropFirst(3).prefix(3) == name)
    }
  }

  /// Times that no four-digit year holds, and local times before 1970, stay at the ends.
  @Test func outsideOfRange() {
    let late = Timestamp(microseconds: .max, utcOffset: 3_600)
    #expect(text { late.writeRFC3339(into: &$0) } == "9999-12-31T23:59:59.999999Z")
    #expect(text { late.writeLocal(into: &$0) } == "31/Dec/9999:23:59:59 +0100")
    let early = Timestamp(microseconds: 0, utcOffset: -3_600)
    #expect(text { early.writeISO8601(into: &$0) } == "1970-01-01T00:00:00-01:00")
  }

  private func text(_ body: (inout ByteWriter) -> Void) -> String { string(collect(body)) }

  private func pad(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: width - digits.count) + digits
  }

  private func days(in month: Int, of year: Int) -> Int {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
  }
}
