// The time for what is not the proxy's engine, which has `Kernel` for it.

import Basics
import CLinux
import Glibc

/// The clock on the wall, and the zone that it shows.
public enum MachineTime {
  /// Microseconds since 1970-01-01 UTC.
  public static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1_000
  }

  /// Time that only ever goes on, for waiting.
  public static var monotonic: Instant { Instant(nanoseconds: clinux_monotonic_nanoseconds()) }

  /// Seconds that local time is ahead of UTC when the local clocks show `seconds` since 1970. In
  /// the hour that comes twice the system chooses.
  public static func offset(atLocal seconds: Int64) -> Int64 {
    var moment = time_t(seconds)
    var parts = tm()
    gmtime_r(&moment, &parts)
    parts.tm_isdst = -1
    return seconds - Int64(mktime(&parts))
  }

  /// Milliseconds on a clock that nobody sets.
  public static var milliseconds: Int { Int(monotonic.nanoseconds / 1_000_000) }

  /// Waits.
  public static func sleep(milliseconds: Int) { usleep(UInt32(milliseconds) * 1_000) }
}
