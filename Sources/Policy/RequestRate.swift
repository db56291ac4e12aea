/// How early the requests of one key come: nginx's leaky bucket of `limit_req`, in thousandths of
/// requests.
public struct RequestRate: Equatable, Sendable, BitwiseCopyable {
  /// Thousandths of requests that came before their time.
  public private(set) var excess: UInt64
  /// When a request was counted last, in milliseconds.
  public private(set) var countedAt: UInt64

  /// The state after the first request of a key, at `now` milliseconds.
  public init(firstAt now: UInt64) {
    excess = 0
    countedAt = now
  }

  /// Counts a request at `now` milliseconds, `rate` thousandths of requests being allowed a second.
  /// False when more than `burst` thousandths are too early with it: then it is not counted.
  public mutating func count(at now: UInt64, rate: UInt64, burst: UInt64) -> Bool {
    let elapsed = now > countedAt ? now - countedAt : 0
    let drained = RequestRate.drained(rate, elapsed)
    let filled = excess + 1000
    let new = filled > drained ? filled - drained : 0
    guard new <= burst else { return false }
    excess = new
    // Fractions of a millisecond would be lost else.
    if elapsed > 0 { countedAt = now }
    return true
  }

  /// Takes back a request that was counted and is not served after all.
  public mutating func takeBack() { excess = excess > 1000 ? excess - 1000 : 0 }

  /// True when nothing would be left to wait for at `now` milliseconds.
  public func isDrained(at now: UInt64, rate: UInt64) -> Bool {
    now > countedAt && RequestRate.drained(rate, now - countedAt) >= excess
  }

  /// How many milliseconds a request waits with that much excess, of which `undelayed` need not.
  public static func delay(excess: UInt64, undelayed: UInt64, rate: UInt64) -> UInt64 {
    guard excess > undelayed, rate > 0 else { return 0 }
    return (excess - undelayed) * 1000 / rate
  }

  private static func drained(_ rate: UInt64, _ elapsed: UInt64) -> UInt64 {
    let (product, overflows) = rate.multipliedReportingOverflow(by: elapsed)
    return overflows ? .max : product / 1000
  }
}
