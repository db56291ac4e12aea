import Policy

/// Where lines of several files belong on one axis of time, in microseconds since 1970.
///
/// A file's own order is what happened, as its writer saw it: it outlives clocks that are set back
/// a little and threads that write late. Only where stamps go back by more than
/// `Limits.lateLineMicroseconds` the file was put together from several writers, or the clock was
/// set, and the stamps count again.
enum StoryOrder {
  /// The places of `lines`, which are ordered by file and offset. A line without a stamp has that
  /// of the last line before it in its file that has one; a file without any stamp comes last.
  static func places(of lines: [FoundLine]) -> [UInt64] {
    let ends = ends(of: lines)
    var places = [UInt64](repeating: .max, count: lines.count)
    var start = lines.startIndex
    while start < lines.endIndex {
      let rest = lines[start...]
      let end = rest.firstIndex { $0.file != lines[start].file } ?? lines.endIndex
      place(lines, start..<end, ends, &places)
      start = end
    }
    return places
  }

  /// The lines of one file. First each gets its earliest place, which is never before the line
  /// above; then, from the last line to the first, the latest one that its stamp and the line below
  /// allow.
  private static func place(
    _ lines: [FoundLine], _ range: Range<Int>, _ ends: [UInt64], _ places: inout [UInt64]
  ) {
    let stamped = range.filter { lines[$0].stamp != nil }
    var earliest: UInt64 = 0
    for index in stamped {
      guard let time = lines[index].time else { continue }
      let isLate = time < earliest && earliest - time <= Limits.lateLineMicroseconds
      earliest = isLate ? earliest : time
      places[index] = earliest
    }
    var below: UInt64 = .max
    for index in stamped.reversed() {
      guard let stamp = lines[index].stamp else { continue }
      // Where the file's order does not count, neither does the line below.
      if places[index] > below { below = .max }
      places[index] = max(places[index], min(below, latest(stamp, ends)))
      below = places[index]
    }
    var last = UInt64.max
    for index in range {
      if lines[index].stamp == nil { places[index] = last }
      last = places[index]
    }
  }

  /// When requests ended, by access lines with microseconds.
  private static func ends(of lines: [FoundLine]) -> [UInt64] {
    lines.filter { line in
      line.stamp?.precision == 1 && (line.entry.map { $0.status != 0 && !$0.isEvent } ?? false)
    }.compactMap(\.time).sorted()
  }

  /// A stamp that was cut to milliseconds or seconds, as Python's logging and most servers do, says
  /// the earliest time. The line is put as late as it can be: behind what Waybill wrote in that
  /// same millisecond on the way to the backend, but before the request's end.
  private static func latest(_ stamp: LogTime.Stamp, _ ends: [UInt64]) -> UInt64 {
    let latest = stamp.time + stamp.precision - 1
    guard let end = first(of: ends, after: stamp.time), end <= latest else { return latest }
    return end - 1
  }

  /// The first of `times`, which are in order, that is later.
  private static func first(of times: [UInt64], after time: UInt64) -> UInt64? {
    var range = times.startIndex..<times.endIndex
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      if times[middle] > time {
        range = range.lowerBound..<middle
      } else {
        range = (middle + 1)..<range.upperBound
      }
    }
    return range.lowerBound < times.endIndex ? times[range.lowerBound] : nil
  }
}
