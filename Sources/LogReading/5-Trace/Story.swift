import Basics

/// A line that was found, with what is needed to put it into order and to show it.
public struct FoundLine: Sendable {
  /// Which of the files it stands in.
  public var file: Int
  /// Where it begins in the unpacked content of the file.
  public var offset: UInt64
  /// The line without its line end.
  public var text: [UInt8]
  /// The ID by which it was found, whole.
  public var id: [UInt8]
  /// True when that is all that was asked for, false when it only begins so.
  public var isExact: Bool
  /// Microseconds since 1970; nil when the line has no time stamp.
  public var time: UInt64?
  /// The time of the last line before it in its file that has one; 0 when there is none.
  var placeTime: UInt64 = 0
  /// Of an access line of Waybill or nginx: what it says.
  public var entry: AccessEntry?

  /// The line given.
  public init(
    file: Int, offset: UInt64, text: [UInt8], id: [UInt8], isExact: Bool, time: UInt64? = nil,
    entry: AccessEntry? = nil
  ) {
    self.file = file
    self.offset = offset
    self.text = text
    self.id = id
    self.isExact = isExact
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
    var dated: [FoundLine] = []
    var file = -1
    var time: UInt64 = 0
    for line in lines.sorted(by: { ($0.file, $0.offset) < ($1.file, $1.offset) }) {
      if let last = dated.last, last.file == line.file, last.offset == line.offset { continue }
      if line.file != file { (file, time) = (line.file, 0) }
      time = line.time ?? time
      dated.append(line)
      dated[dated.count - 1].placeTime = time
    }
    // A file whose lines have no time at all comes last.
    self.lines = dated.sorted {
      let (one, other) = ($0.order, $1.order)
      return one != other ? one < other : ($0.file, $0.offset) < ($1.file, $1.offset)
    }
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
  fileprivate var order: UInt64 { time ?? (placeTime == 0 ? .max : placeTime) }
}
