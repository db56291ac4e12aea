import LogReading
import Policy
import Testing

@Suite struct FilterTests {
  private static let time = LogTime(LocalTime(now: 1_795_392_000_000_000) { _ in 0 })

  private func accepts(_ line: String, _ change: (inout EntryFilter) -> Void) -> Bool {
    var filter = EntryFilter()
    change(&filter)
    let bytes = Array(line.utf8)
    return EntryReader().entry(bytes.span).map {
      filter.accepts($0, bytes.span, FilterTests.time)
    } ?? false
  }

  private func network(_ text: String) -> Network? { Network(parsing: Array(text.utf8).span) }

  private func matches(_ pattern: String, _ text: String) -> Bool {
    Glob(pattern).matches(Array(text.utf8).span)
  }

  @Test func eachConditionAcceptsAndRefuses() {
    let line = Lines.retried
    #expect(accepts(line) { _ in })
    #expect(accepts(line) { $0.statuses = [500...599] })
    #expect(!accepts(line) { $0.statuses = [200...299, 404...404] })
    #expect(accepts(line) { $0.minimumDuration = 2000 })
    #expect(!accepts(line) { $0.minimumDuration = 2001 })
    #expect(accepts(line) { $0.method = Array("GET".utf8) })
    #expect(!accepts(line) { $0.method = Array("GE".utf8) })
    #expect(accepts(line) { $0.error = Array("any".utf8) })
    #expect(accepts(line) { $0.error = Array("http_protocol_error".utf8) })
    #expect(!accepts(line) { $0.error = Array("connection_refused".utf8) })
    #expect(!accepts(Lines.json) { $0.error = Array("any".utf8) })
    #expect(accepts(line) { $0.client = network("127.0.0.0/8") })
    #expect(!accepts(line) { $0.client = network("10.0.0.0/8") })
    #expect(accepts(line) { $0.since = 1_795_391_358_386_294 })
    #expect(!accepts(line) { $0.since = 1_795_391_358_386_295 })
    #expect(!accepts(line) { $0.until = 1_795_391_358_386_293 })
  }

  @Test func idsAndHosts() {
    #expect(accepts(Lines.retried) { $0.id = WantedID(Array("two-tries".utf8)) })
    #expect(accepts(Lines.retried) { $0.id = WantedID(Array("two-trie".utf8)) })
    #expect(!accepts(Lines.retried) { $0.id = WantedID(Array("two-tri".utf8)) })
    #expect(accepts(Lines.json) { $0.host = Array("127.0.0.1".utf8) })
    #expect(accepts(Lines.json) { $0.host = Array("127.0.0.1:8080".utf8) })
    #expect(!accepts(Lines.json) { $0.host = Array("127.0.0".utf8) })
  }

  @Test(
    arguments: [
      ("order/7=a", #"order\/7\u003da"#, true), ("order/7=a", "order%2F7%3Da", true),
      ("order/7=a", #"order\x2f7=a"#, true), ("order/7=a", #"order\/7=ab"#, true),
      ("order/7", #"order\/8"#, false), ("order/7", #"order\/7=a"#, false),
      ("order/7", "order/7", true), ("order/7", "order", false), ("a", "", false),
      ("0192f0c1-aaaa-7bbb-8ccc-0123456789ab", "0192F0C1AAAA7BBB8CCC0123456789AB", true),
      ("0192f0c1aaaa7bbb8ccc0123456789ab", "0192f0c1-aaaa-7bbb-8ccc-0123456789ab", true),
      ("0192f0c1-aaaa-7bbb-8ccc-0123456789ab", "0192f0c1-aaaa-7bbb-8ccc-01234567", true),
      ("0192f0c1-aaaa-7bbb-8ccc-0123456789ab", "0192f0c1-aaaa-7bbb-8ccc-01234568", false),
      ("0192f0c1-aaaa-7bbb", "0192f0c1-aaaa-7bbb-8ccc-0123456789ab", true),
      ("0192F0C1", "0192f0c1-aaaa-7bbb-8ccc-0123456789ab", true),
    ])
  func spellingsOfAnID(wanted: String, field: String, fits: Bool) {
    #expect(WantedID(Array(wanted.utf8)).isOrBegins(Array(field.utf8).span) == fits)
  }

  @Test(
    arguments: [
      ("*", "", true), ("", "", true), ("", "a", false), ("/api/*", "/api/", true),
      ("/api/*", "/api", false), ("*.js", "/a/b.js", true), ("/?/x", "/a/x", true),
      ("/?/x", "//x", false), ("*a*b*", "xaxbx", true), ("*a*b", "xaxbx", false),
      ("/a.c", "/abc", false), ("[ab]", "a", false),
    ])
  func globs(pattern: String, text: String, fits: Bool) {
    #expect(matches(pattern, text) == fits)
  }

  @Test func words() {
    #expect(FilterWords.statuses("404") == [404...404])
    #expect(FilterWords.statuses("5xx,404,500-503") == [500...599, 404...404, 500...503])
    for wrong in ["", "x", "5x", "503-500", "1-2-3", "404,", "-1", "0", "99", "1000", "0xx"] {
      #expect(FilterWords.statuses(wrong) == nil, "\(wrong)")
    }
    #expect(FilterWords.duration("500ms") == 500_000 && FilterWords.duration("2") == 2_000_000)
    #expect(FilterWords.duration("1.5s") == 1_500_000)
    #expect(FilterWords.duration("1h") == 3_600_000_000)
    for wrong in ["", "ms", "-1s", "1y", "1e3s", "1h30", "h1", "1h-30m", "nan", "1.2.3s"] {
      #expect(FilterWords.duration(wrong) == nil, "\(wrong)")
    }
    let local = LocalTime(now: 1_795_392_000_000_000) { _ in 0 }
    #expect(TimeWords.moment("10m", local: local) == 1_795_391_400_000_000)
    #expect(TimeWords.moment("2026-11-22T23:50:00Z", local: local) == 1_795_391_400_000_000)
    #expect(TimeWords.moment("10m ago", local: local) == 1_795_391_400_000_000)
    #expect(TimeWords.moment("ago", local: local) == nil)
    #expect(FilterWords.error("any") != nil && FilterWords.error("connection_refused") != nil)
    #expect(FilterWords.error("bogus") == nil && FilterWords.error("") == nil)
    #expect(FilterWords.method("post") == Array("POST".utf8))
    #expect(FilterWords.method("GET /") == nil && FilterWords.method("") == nil)
    #expect(FilterWords.host("A.test:80") == Array("a.test:80".utf8))
    #expect(FilterWords.host("http://a") == nil && FilterWords.host("") == nil)
    #expect(FilterWords.path("/x*") != nil && FilterWords.path("*.js") != nil)
    #expect(FilterWords.path("x") == nil && FilterWords.path("") == nil)
  }

  @Test func durationsOfSeveralParts() {
    #expect(FilterWords.duration("1h30m") == 5_400_000_000)
    #expect(FilterWords.duration("1h 30m") == 5_400_000_000)
    #expect(FilterWords.duration("1d2h3m4s5ms") == 93_784_005_000)
    #expect(FilterWords.duration("1w") == 604_800_000_000)
    #expect(FilterWords.duration("99999999999999999999d") == nil)
  }

  /// An hour ahead of UTC, on 2026-11-23 00:00 UTC, which is 01:00 on the clocks.
  @Test(
    arguments: [
      ("now", 0), ("today", -3_600), ("yesterday", -90_000), ("2026-11-23", -3_600),
      ("2026/11/22", -90_000), ("1h30m", -5_400), ("1h 30m ago", -5_400), ("10m  ago", -600),
      ("2026-11-22T23:50Z", -600), ("2026-11-23T00:50+01:00", -600), ("2026-11-23 00:50", -600),
      ("2026-11-23 00:50:00", -600), ("2026-11-22T23:50:00-00:00", -600), ("1795391400", -600),
      ("2026-11-23T00:50:00+01", -600), ("22/Nov/2026:23:50:00 +0000", -600),
      ("2026-11-22T23:50:00+25:00", nil), ("2026-11-22T23:50:00+01:60", nil), ("today x", nil),
      ("2026-11-22T23:50:00Zx", nil), ("2026-11-22x", nil), ("2026-11", nil), ("tomorrow", nil),
      ("00:50", -600), ("0:50", -600), ("00:50:30", -570), ("00:50Z", 3_000), ("today 00:50", -600),
      ("yesterday 08:00", -61_200), ("Yesterday 24:00", -3_600), ("10 min ago", -600),
      ("2 hours 30 minutes ago", -9_000), ("2h30m", -9_000), ("-1h", -3_600), ("@1795391400", -600),
      ("@1795391400.5", -599.5), ("2026-11-22T23:12", -6_480), ("2026-11-22 23:12:05", -6_475),
      ("2026-11-22 22:12:05 UTC", -6_475), ("2026-11-22T23:12+01:00", -6_480),
      ("25:00", nil), ("00:60", nil), ("@", nil), ("@x", nil), ("@1.2.3", nil), ("now 08:00", nil),
      ("yesterday 8", nil), ("10 fortnights ago", nil), ("-1", nil), ("99999999w", nil),
      ("2026-02-30", nil), ("2026-11-22T24:00Z", nil), ("10", nil), ("", nil), ("ago", nil),
    ] as [(String, Double?)])
  func moments(text: String, seconds: Double?) {
    let now: Int64 = 1_795_392_000_000_000
    let local = LocalTime(now: UInt64(now)) { _ in 3600 }
    let moment = TimeWords.moment(text, local: local).map { Int64($0) - now }
    #expect(moment == seconds.map { Int64($0 * 1_000_000) })
  }

  /// Of the same clocks; the period asked for is from midnight on.
  @Test(
    arguments: [
      ("yesterday 08:00..12:00", -61_200, -46_800), ("yesterday..today", -90_000, -3_600),
      ("yesterday", -90_000, -3_600), ("2026-11-22", -90_000, -3_600), ("today", -3_600, 82_800),
      ("1d", -90_000, -86_400), ("2h..1h", -7_200, -3_600),
      ("2 hours ago .. 1h ago", -7_200, -3_600),
      ("2h..", -7_200, 0), ("..2h", nil, -7_200),
    ] as [(String, Double?, Double)])
  func periods(text: String, start: Double?, end: Double) throws {
    let now: UInt64 = 1_795_392_000_000_000
    let local = LocalTime(now: now) { _ in 3600 }
    let present = (now - 3_600_000_000)...UInt64.max
    let period = try #require(TimeWords.period(text, before: present, local: local))
    let first = start.map { Int64(now) + Int64($0 * 1e6) } ?? 0
    #expect(Int64(period.lowerBound) == first)
    // A period does not reach into what follows; one that was is as long as the present one.
    let last = Int64(now) + Int64(end * 1e6)
    #expect(Int64(period.upperBound) == (text == "1d" ? last : last - 1))
  }

  @Test(arguments: ["", "..", "x", "x..y", "1h..2h", "today..yesterday", "1d ago", "0d"])
  func noPeriods(text: String) {
    let local = LocalTime(now: 1_795_392_000_000_000) { _ in 3600 }
    #expect(TimeWords.period(text, before: 0...UInt64.max, local: local) == nil)
  }

  @Test func rotatedNames() {
    let named = [
      "b/access.log", "b/access.log.10.gz", "b/access.log.2", "other.log", "b/access.log.1",
    ]
    #expect(
      RotatedName.ordered(named) == [
        "b/access.log.10.gz", "b/access.log.2", "b/access.log.1", "b/access.log", "other.log",
      ])
    #expect(
      RotatedName.ordered(["a.log", "a.log-20261122", "a.log-20261121.gz"])
        == ["a.log-20261121.gz", "a.log-20261122", "a.log"])
    #expect(
      RotatedName.ordered(["a.log", "a.log.1", "a.log.3.bz2", "a.log.2.zst", "a.log.10.xz"])
        == ["a.log.10.xz", "a.log.3.bz2", "a.log.2.zst", "a.log.1", "a.log"])
    #expect(RotatedName("a.log.1").base == "a.log" && !RotatedName("1").isRotated)
  }
}
