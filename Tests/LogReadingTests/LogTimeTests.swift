import LogReading
import Testing

@Suite struct LogTimeTests {
  /// An hour ahead of UTC, on 2026-11-23 00:00 UTC.
  static let time = LogTime(LocalTime(now: 1_795_392_000_000_000) { _ in 3600 })
  static let evening: UInt64 = 1_795_391_358_000_000  // 2026-11-22 23:49:18 UTC

  private func find(_ line: String) -> UInt64? {
    LogTimeTests.time.find(in: Array(line.utf8).span)
  }

  private func journalTime(_ text: String) -> UInt64? {
    LogTime.ofJournal(before: Array(text.utf8).span)
  }

  @Test(
    arguments: [
      ("2026-11-22T23:49:18Z", 0), ("2026-11-22T23:49:18.386294Z x", 386_294),
      ("2026-11-23T01:49:18.5+02:00", 500_000), ("2026-11-22 21:49:18-0200", 0),
      ("2026-11-23T00:49:18+01 x", 0), ("2026-11-22 20:49:18.5-03", 500_000),
      ("2026-11-23 00:49:18 -12 sold", 0), ("2026-11-23T00:49:18+25:00", 0),
      ("2026-11-23T00:49:18+01:60", 0), ("2026-11-23T00:49:18+01:", 0),
      ("INFO 2026-11-22 23:49:18.386294 access", 386_294),
      ("INFO 2026-11-23 00:49:18,386 django_app [req-1]", 386_000),
      ("INFO 2026-11-23 00:49:18,386 zones [req-1] x", 386_000),
      ("2026-11-23 00:49:18 UTC_offsets x", 0), ("2026-11-23 00:49:18 -20260 sold", 0),
      ("2026-11-22 23:49:18,386 UTC: x", 386_000), ("2026-11-22 23:49:18z", 0),
      ("I, [2026-11-23T00:49:18.386294 #7]  INFO -- : [req-1] x", 386_294),
      ("[2026-11-23 00:49:18,386: INFO/MainProcess] Task", 386_000),
      ("[2026-11-22 23:49:18 +0000] [7] [INFO] Booting", 0),
      ("2026/11/23 00:49:18 [error] 7#7: *1 connect() failed", 0),
      ("127.0.0.1 - - [22/Nov/2026:23:49:18 +0000] \"GET /", 0),
      ("127.0.0.1 - - [23/Nov/2026:00:49:18] \"GET /", 0),
      ("[22-Nov-2026 23:49:18 UTC] PHP Fatal error:  x", 0),
      ("[23-Nov-2026 00:49:18 Europe/Berlin] PHP Warning:  x", 0),
      ("23-Nov-2026 00:49:18.386 SEVERE [http-1] x", 386_000),
      ("E1123 00:49:18.386294    7 server.go:12] x", 386_294),
      ("\u{1B}[32m2026-11-23 00:49:18,386\u{1B}[0m x", 386_000),
      ("\u{1B}[1;31mERROR\u{1B}[0m \u{1B}[2m2026-11-22T23:49:18Z\u{1B}[0m x", 0),
      ("2026/11/23 00:49:18.386294 main.go:12: x", 386_294),
      ("[Mon Nov 23 00:49:18.386294 2026] [core:error] x", 386_294),
      ("2026-11-23 00:49:18.3862945 +01:00 [ERR] x", 386_294),
      ("Nov 23 00:49:18 host waybill[7]: x", 0), ("Nov  2 00:49:18 h x", -1_814_400_000_000),
      ("1795391358.386 /x", 386_000), ("1795391358386 /x", 386_000),
      ("{\"a\":1,\"ts\":1795391358.386294}", 386_294),
      ("{\"msg\":\"2020-01-01 00:00:00\",\"timestamp\":\"2026-11-22T23:49:18Z\"}", 0),
      ("{\"__REALTIME_TIMESTAMP\":\"1795391358386294\"}", 386_294),
    ] as [(String, Int64)])
  func finds(line: String, offset: Int64) throws {
    let found = try #require(find(line))
    #expect(Int64(found) - Int64(LogTimeTests.evening) == offset)
  }

  @Test(arguments: [
    "", "2", "no time", "2026-13-22T23:49:18Z", "2026-02-29 00:00:00", "2026-11-22T24:00:00Z",
    "0000-00-00 00:00:00", "GET /1795391358 x", "Foo 22 23:49:18",
  ])
  func findsNothing(line: String) {
    #expect(find(line) == nil)
  }

  /// How long a time a stamp may stand for, by its decimals, whichever digits they are.
  @Test(
    arguments: [
      ("2026-11-22T23:49:18Z", 1_000_000), ("2026-11-22 23:49:18.000000", 1),
      ("2026-11-22 23:49:18,000 x", 1_000), ("2026-11-22 23:49:18.1 x", 100_000),
      ("2026-11-22T23:49:18.123456789Z", 1), ("[22/Nov/2026:23:49:18 +0000]", 1_000_000),
      ("Nov 22 23:49:18 h x", 1_000_000), ("1795391358 x", 1_000_000), ("1795391358.000 x", 1_000),
      ("1795391358000 x", 1_000), ("1795391358000000 x", 1), ("1795391358000000000 x", 1),
      ("{\"ts\":1795391358.000000}", 1), ("{\"time\":\"2026-11-22T23:49:18.00Z\"}", 10_000),
    ] as [(String, UInt64)])
  func precision(line: String, precision: UInt64) {
    #expect(LogTimeTests.time.stamp(in: Array(line.utf8).span)?.precision == precision)
  }

  /// December's lines, read in January.
  @Test func lastYear() {
    let january = LogTime(LocalTime(now: 1_798_761_600_000_000) { _ in 0 })
    let found = january.find(in: Array("Dec 31 23:00:00 x".utf8).span)
    #expect(found == 1_798_758_000_000_000)
  }

  @Test func journalRecords() {
    let record = "a=1\n\n__REALTIME_TIMESTAMP=1795391358386294\n_PID=1\n"
    #expect(journalTime(record) == LogTimeTests.evening + 386_294)
    #expect(journalTime(record + "\nb=2\n") == nil)
  }
}
