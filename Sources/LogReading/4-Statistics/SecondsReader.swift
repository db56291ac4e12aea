import Basics

/// Reads the whole seconds of time stamps of which one is like the other: what a date comes to is
/// computed once for all lines of a day.
struct SecondsReader: Sendable {
  /// What stands before and behind the clock in the last stamp that was read in full.
  private var before: [UInt8] = []
  private var behind: [UInt8] = []
  private var midnight: UInt64 = 0

  /// Seconds since 1970 at which a request ended; 0 when its line does not say it.
  mutating func seconds(
    _ entry: AccessEntry, _ line: Span<UInt8>, _ time: borrowing LogTime
  ) -> UInt32 {
    let stamp = line.extracting(entry.time.offsets)
    guard !stamp.isEmpty else { return 0 }
    guard let (clock, end) = SecondsReader.places(stamp),
      let seconds = SecondsReader.clock(stamp, at: clock)
    else { return SecondsReader.whole(time.read(line, at: Int(entry.time.start))) }
    if isKnown(stamp, clock, end) { return SecondsReader.cut(midnight + UInt64(seconds)) }
    let moment = time.read(line, at: Int(entry.time.start)).map { $0 / 1_000_000 }
    guard let moment, moment >= UInt64(seconds) else { return 0 }
    before = (0..<clock).map { stamp[$0] }
    behind = (end..<stamp.count).map { stamp[$0] }
    midnight = moment - UInt64(seconds)
    return SecondsReader.cut(moment)
  }

  /// Where the clock begins, and where the zone does, in a stamp with one: `2026-11-22T` and what
  /// follows with a Z, and nginx's.
  private static func places(_ stamp: Span<UInt8>) -> (clock: Int, zone: Int)? {
    guard stamp.count >= 20 else { return nil }
    let isRFC = stamp[10] == UInt8(ascii: "T") && stamp[stamp.count - 1] == UInt8(ascii: "Z")
    if isRFC { return (11, stamp.count - 1) }
    let isCommon = stamp.count == 26 && stamp[2] == UInt8(ascii: "/")
    return isCommon && stamp[20] == UInt8(ascii: " ") ? (12, 20) : nil
  }

  private static func clock(_ stamp: Span<UInt8>, at place: Int) -> Int? {
    @inline(__always) func pair(_ place: Int) -> Int? {
      let (tens, ones) = (stamp[place] &- 0x30, stamp[place &+ 1] &- 0x30)
      return tens <= 9 && ones <= 9 ? Int(tens) * 10 + Int(ones) : nil
    }
    guard let hour = pair(place), let minute = pair(place + 3), let second = pair(place + 6),
      hour < 24, minute < 60, second < 60
    else { return nil }
    return hour * 3600 + minute * 60 + second
  }

  private func isKnown(_ stamp: Span<UInt8>, _ clock: Int, _ end: Int) -> Bool {
    guard before.count == clock, behind.count == stamp.count - end else { return false }
    for place in before.indices where before[place] != stamp[place] { return false }
    for place in behind.indices where behind[place] != stamp[end + place] { return false }
    return true
  }

  private static func whole(_ moment: UInt64?) -> UInt32 { cut((moment ?? 0) / 1_000_000) }

  private static func cut(_ seconds: UInt64) -> UInt32 { UInt32(clamping: seconds) }
}
