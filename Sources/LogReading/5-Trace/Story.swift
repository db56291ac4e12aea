import Basics

/// A line that was found, with what is needed to put it into order and to show it; the whole record
/// when it belongs to one of several lines.
public struct FoundLine: Sendable {
  /// Which of the files it stands in.
  public var file: Int
  /// Where it begins in the unpacked content of the file.
  public var offset: UInt64
  /// The line without its line end; a record with the line ends between its lines.
  public var text: [UInt8]
  /// The ID by which it was found, whole, as the line has it but for escapes.
  public var id: [UInt8]
  /// True when that is all that was asked for, false when it only begins so.
  public var isExact: Bool
  /// True when the line says that it is an ID (`LineSearch.Hit`).
  public var isNamed: Bool
  /// Its time stamp; nil when the line has none.
  public var stamp: LogTime.Stamp?
  /// Of an access line of Waybill or nginx: what it says.
  public var entry: AccessEntry?

  /// The line given.
  public init(
    file: Int, offset: UInt64, text: [UInt8], id: [UInt8], isExact: Bool, isNamed: Bool = false,
    stamp: LogTime.Stamp? = nil, entry: AccessEntry? = nil
  ) {
    self.file = file
    self.offset = offset
    self.text = text
    self.id = id
    self.isExact = isExact
    self.isNamed = isNamed
    self.stamp = stamp
    self.entry = entry
  }

  /// Microseconds since 1970; nil when the line has no time stamp.
  public var time: UInt64? { stamp?.time }

  /// The lines of the record, without their ends.
  public var lines: [ArraySlice<UInt8>] {
    text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
      line.last == UInt8(ascii: "\r") ? line.dropLast() : line
    }
  }

  /// What the record says in one line, byte for byte in the same places: a JSON object over several
  /// lines is read as one; of other records that is the first line.
  public var summary: [UInt8] {
    guard text.first == UInt8(ascii: "{") || Continuation.isSpace(text.first ?? 0) else {
      return lines.first.map(Array.init) ?? []
    }
    return text.map { (0x09...0x0D).contains($0) ? UInt8(ascii: " ") : $0 }
  }
}

/// All lines about one request in the order of time.
public struct Story: Sendable {
  /// The lines.
  public let lines: [FoundLine]

  /// Puts `lines` in order, each one once. The lines of a file stay in the file's order as far as
  /// `StoryOrder` says; a line without a time stamp (the rest of a message, the format `simple`)
  /// follows the line before it in its file.
  public init(_ lines: [FoundLine]) {
    var unique: [FoundLine] = []
    for line in lines.sorted(by: { ($0.file, $0.offset) < ($1.file, $1.offset) }) {
      if let last = unique.last, last.file == line.file, last.offset == line.offset { continue }
      unique.append(line)
    }
    let places = StoryOrder.places(of: unique)
    // Both sorts are stable where the keys are equal: the second key is the order so far.
    let order = unique.indices.sorted { (places[$0], $0) < (places[$1], $1) }
    self.lines = order.map { unique[$0] }
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
