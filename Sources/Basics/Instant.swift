/// A point on the monotonic clock. Pure code never reads a clock: instants come in as arguments.
public struct Instant: Comparable, Hashable, Sendable, BitwiseCopyable {
  /// Nanoseconds since an arbitrary start, the same for all workers of a process.
  public var nanoseconds: UInt64

  /// The instant `nanoseconds` after the clock's start.
  @inlinable public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// An instant that never comes.
  @inlinable public static var never: Instant { Instant(nanoseconds: .max) }

  /// The instant `interval` later; `never` when the interval is endless.
  @inlinable public static func + (instant: Instant, interval: Interval) -> Instant {
    let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(interval.nanoseconds)
    return Instant(nanoseconds: overflow ? .max : sum)
  }

  /// The time from `earlier` to `later`; zero when they are in the wrong order.
  @inlinable public static func - (later: Instant, earlier: Instant) -> Interval {
    Interval(
      nanoseconds: later.nanoseconds >= earlier.nanoseconds
        ? later.nanoseconds &- earlier.nanoseconds : 0)
  }

  /// Order in time.
  @inlinable public static func < (left: Instant, right: Instant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}

/// A length of time.
public struct Interval: Comparable, Hashable, Sendable, BitwiseCopyable {
  /// Its nanoseconds.
  public var nanoseconds: UInt64

  /// A length of `nanoseconds`.
  @inlinable public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// A length of `count` milliseconds.
  @inlinable public static func milliseconds(_ count: UInt64) -> Interval {
    Interval(nanoseconds: count &* 1_000_000)
  }

  /// A length of `count` seconds.
  @inlinable public static func seconds(_ count: UInt64) -> Interval {
    Interval(nanoseconds: count &* 1_000_000_000)
  }

  /// A length of time that never ends: a timeout that is switched off, a measurement never made.
  @inlinable public static var endless: Interval { Interval(nanoseconds: .max) }

  /// Whole microseconds in it.
  @inlinable public var microseconds: UInt64 { nanoseconds / 1_000 }

  /// Order by length.
  @inlinable public static func < (left: Interval, right: Interval) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}
