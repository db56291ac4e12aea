import Policy
import Testing

/// `expires`: what its values mean.
struct ExpiryTests {
  @Test(
    arguments: [
      ("off", .off), ("epoch", .epoch), ("max", .maximum), ("30d", .access(2_592_000)),
      ("-1", .access(-1)), ("+5m", .access(300)), ("0", .access(0)), ("1h 30m", .access(5_400)),
      ("1h30m", .access(5_400)), ("90", .access(90)), ("@15h30m", .daily(55_800)),
      ("@24h", .daily(86_400)), ("1M", .access(2_592_000)), ("@25h", nil), ("", nil), ("x", nil),
      ("1x", nil), ("1m1h", nil), ("+", nil), ("-", nil), ("@", nil), ("1ms", nil), ("5 5", nil),
      ("99999999999", .access(99_999_999_999)), ("9999999999999999999", nil),
      ("99999999999999999y", nil),
    ] as [(String, Expiry?)])
  func values(_ text: String, _ expected: Expiry?) {
    let bytes = Array(text.utf8)
    let value = Expiry(bytes.span)
    #expect(value == expected)
  }

  /// With `modified`, a time only.
  @Test(
    arguments: [
      ("1d", .modified(86_400)), ("-1d", .modified(-86_400)), ("epoch", nil), ("@3h", nil),
    ] as [(String, Expiry?)])
  func modified(_ text: String, _ expected: Expiry?) {
    let bytes = Array(text.utf8)
    let value = Expiry(bytes.span, isModified: true)
    #expect(value == expected)
  }

  @Test(
    arguments: [
      (.access(60), 1_060, 60), (.access(-60), 940, nil), (.access(0), 1_000, 0), (.epoch, 1, nil),
      (.maximum, 2_145_916_555, 315_360_000), (.modified(600), 1_100, 100),
      (.modified(100), 600, nil), (.daily(1_500), 1_500, 500), (.daily(900), 87_300, 86_300),
    ] as [(Expiry, Int64, Int64?)])
  func moments(_ value: Expiry, _ expires: Int64, _ age: Int64?) {
    let moment = value.moment(now: 1_000, utcOffset: 0, lastModified: 500)
    #expect(moment?.expires == expires)
    #expect(moment?.maximumAge == age)
  }

  /// The time of the day is the local one.
  @Test func localTime() {
    let moment = Expiry.daily(7_200).moment(now: 0, utcOffset: 3_600, lastModified: nil)
    #expect(moment?.expires == 3_600)
    #expect(moment?.maximumAge == 3_600)
    #expect(Expiry.off.moment(now: 0, utcOffset: 0, lastModified: nil) == nil)
  }
}
