import Basics

/// A line that was found, with what is needed to put it into order and to show it.
public struct FoundLine: Sendable {
  /// Which of the files it stands in.
  public var file: Int
  /// Where it begins in the unpacked content of the file.
  public var offset: UInt64
  /// The line without its line end.
  public var text: [UInt8]
  /// The ID by which it was found, whole, as the line has it but for escapes.
  public var id: [UInt8]
  /// True when that is all that was asked for, false when it only begins so.
  public var isExact: Bool
  /// True when the line says that it is an ID (`LineSearch.Hit`).
  public var isNamed: Bool
  /// Microseconds since 1970; nil when the line has no time stamp.
  public var time: UInt64?
  /// Where it belongs in time: for a line without a stamp that is the place of the last line before
  /// it in its file that has one; 0 when there is none.
  var place: UInt64 = 0
  /// Of an access line of Waybill or nginx: what it says.
  public var entry: AccessEntry?

  /// The line given.
  public init(
    file: Int, offset: UInt64, text: [UInt8], id: [UInt8], isExact: Bool, isNamed: Bool = false,
    time: UInt64? = nil, entry: AccessEntry? = nil
  ) {
    self.file = file
    self.offset = offset
    self.text = text
    self.id = id
    self.isExact = isExact
    self.isNamed = isNamed
    self.time = time
    self.entry = entry
  }
}

/// All lines about one request in the order of time.
public struct Story: Sendable {
  /// The lines.
  public let lines: [FoundLine]

  /// Puts `lines` in order, each one once. A line without a time stamp (the rest of a message, the
  /// format `simple`) follows the line before it in its file.
  public init(_ lines: [FoundLine]) {
    let ends = Story.ends(of: lines)
    var placed: [FoundLine] = []
    var file = -1
    var place: UInt64 = 0
    for line in lines.sorted(by: { ($0.file, $0.offset) < ($1.file, $1.offset) }) {
      if let last = placed.last, last.file == line.file, last.offset == line.offset { continue }
      if line.file != file { (file, place) = (line.file, 0) }
      place = line.time.map { Story.place(of: $0, ends) } ?? place
      placed.append(line)
      placed[placed.count - 1].place = place
    }
    self.lines = placed.sorted {
      let (one, other) = ($0.order, $1.order)
      return one != other ? one < other : ($0.file, $0.offset) < ($1.file, $1.offset)
    }
  }

  /// When requests ended, by access lines with microseconds.
  private static func ends(of lines: [FoundLine]) -> [UInt64] {
    lines.filter { $0.entry.map { $0.status != 0 && !$0.isEvent } ?? false }
      .compactMap(\.time).filter { precision(of: $0) == 1 }.sorted()
  }

  /// A stamp that was cut to milliseconds or seconds, as Python's logging and most servers do, says
  /// the earliest time. The line is put as late as it can be: behind what Waybill wrote in that
  /// same millisecond on the way to the backend, but before the request's end.
  private static func place(of time: UInt64, _ ends: [UInt64]) -> UInt64 {
    let latest = time + precision(of: time) - 1
    guard let end = ends.first(where: { $0 > time }), end <= latest else { return latest }
    return end - 1
  }

  private static func precision(of time: UInt64) -> UInt64 {
    time % 1_000_000 == 0 ? 1_000_000 : time % 1_000 == 0 ? 1_000 : 1
  }

  /// The IDs of the request under other names: a client's ID leads to the one that Waybill made,
  /// and that to the one that the backend made for itself.
  public static func otherIDs(in lines: [FoundLine]) -> Set<[UInt8]> {
    var ids: Set<[UInt8]> = []
    for line in lines {
      guard let entry = line.entry else { continue }
      for range in [entry.requestID, entry.upstreamRequestID] {
        let id = Array(line.text[range.offsets])
        // A short one would be found everywhere.
        if id.count >= shortestLink, id != line.id { ids.insert(id) }
      }
    }
    return ids
  }

  private static var shortestLink: Int { 8 }
}

extension FoundLine {
  /// A file whose lines have no time at all comes last.
  fileprivate var order: UInt64 { place == 0 ? .max : place }
}
