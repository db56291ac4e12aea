import Basics

/// The buckets of every histogram: one set of bounds for all, from what a fast backend on the same
/// machine takes to the usual timeout.
public enum HistogramBounds {
  /// Buckets, the one without a bound included.
  @inlinable public static var bucketCount: Int { 17 }

  /// The bucket that a time belongs to: the first one whose bound it does not exceed.
  @inlinable @inline(__always) public static func bucket(of time: Interval) -> Int {
    switch time.nanoseconds {
    case ...500_000: 0
    case ...1_000_000: 1
    case ...2_500_000: 2
    case ...5_000_000: 3
    case ...10_000_000: 4
    case ...25_000_000: 5
    case ...50_000_000: 6
    case ...100_000_000: 7
    case ...250_000_000: 8
    case ...500_000_000: 9
    case ...1_000_000_000: 10
    case ...2_500_000_000: 11
    case ...5_000_000_000: 12
    case ...10_000_000_000: 13
    case ...30_000_000_000: 14
    case ...60_000_000_000: 15
    default: 16
    }
  }

  /// The bound of a bucket in seconds, as `le` has it.
  static func name(of bucket: Int) -> StaticString {
    switch bucket {
    case 0: "0.0005"
    case 1: "0.001"
    case 2: "0.0025"
    case 3: "0.005"
    case 4: "0.01"
    case 5: "0.025"
    case 6: "0.05"
    case 7: "0.1"
    case 8: "0.25"
    case 9: "0.5"
    case 10: "1.0"
    case 11: "2.5"
    case 12: "5.0"
    case 13: "10.0"
    case 14: "30.0"
    case 15: "60.0"
    default: "+Inf"
    }
  }
}
