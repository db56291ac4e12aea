import Basics
import Telemetry

/// Times and durations as people read them.
public enum TimeText {
  /// `2026-11-22 23:49:17.240675`, in UTC.
  public static func date(_ microseconds: UInt64) -> String {
    // Safe: the writer does not leave the closure, and the text is far shorter.
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { memory in
      var writer = unsafe ByteWriter(memory)
      Timestamp(microseconds: microseconds).writeVerbose(into: &writer)
      return unsafe String(decoding: writer.written, as: UTF8.self)
    }
  }

  /// `0.183 ms`, `12.40 ms`, `1.250 s`: four digits, more for what takes longer than a quarter of
  /// an hour.
  public static func duration(_ microseconds: UInt64) -> String {
    switch microseconds {
    case ..<10_000: number(microseconds, per: 1_000, decimals: 3) + " ms"
    case ..<100_000: number(microseconds, per: 1_000, decimals: 2) + " ms"
    case ..<1_000_000: number(microseconds, per: 1_000, decimals: 1) + " ms"
    case ..<10_000_000: number(microseconds, per: 1_000_000, decimals: 3) + " s"
    case ..<100_000_000: number(microseconds, per: 1_000_000, decimals: 2) + " s"
    default: number(microseconds, per: 1_000_000, decimals: 1) + " s"
    }
  }

  /// A duration in seven characters at most, for tables: `0.18 ms`, `12.4 ms`, `1.25 s`, `2.5 h`.
  public static func short(_ microseconds: UInt64) -> String {
    switch microseconds {
    case ..<10_000: number(microseconds, per: 1_000, decimals: 2) + " ms"
    case ..<100_000: number(microseconds, per: 1_000, decimals: 1) + " ms"
    case ..<1_000_000: "\(microseconds / 1_000) ms"
    case ..<10_000_000: number(microseconds, per: 1_000_000, decimals: 2) + " s"
    case ..<100_000_000: number(microseconds, per: 1_000_000, decimals: 1) + " s"
    case ..<3_600_000_000: "\(microseconds / 1_000_000) s"
    case ..<36_000_000_000: number(microseconds / 360_000_000, per: 10, decimals: 1) + " h"
    default: "\(min(99_999, microseconds / 3_600_000_000)) h"
    }
  }

  /// Seconds with six decimals, as the JSON line has them.
  public static func seconds(_ microseconds: UInt64) -> String {
    number(microseconds, per: 1_000_000, decimals: 6)
  }

  /// `value / unit` with a fixed number of decimals, the rest cut off.
  static func number(_ value: UInt64, per unit: UInt64, decimals: Int) -> String {
    var fraction = String(value % unit)
    let digits = String(unit).count - 1
    fraction = String(repeating: "0", count: digits - fraction.count) + fraction
    return "\(value / unit)." + fraction.prefix(decimals)
  }
}
