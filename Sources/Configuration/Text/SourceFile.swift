/// The text of a conf file and the way back from an offset to a line: diagnostics point into it,
/// and `waybill -T` prints it.
public struct SourceFile: Sendable {
  /// The path as it was opened.
  public let path: String
  /// What the file holds.
  public let bytes: [UInt8]
  /// Offset of the first byte of each line.
  let lineStarts: [Int]

  /// What the file holds behind the byte order mark that some editors leave, which means nothing
  /// here.
  var text: ArraySlice<UInt8> { bytes[(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0)...] }

  /// The file at `path`, holding `bytes`.
  public init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
    var starts = [0]
    for index in bytes.indices where bytes[index] == 0x0A { starts.append(index + 1) }
    lineStarts = starts
  }

  /// Index of the line that `offset` lies in.
  func lineIndex(at offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }

  /// Offsets of a line's bytes without its line end.
  func lineOffsets(_ index: Int) -> Range<Int> {
    let start = lineStarts[index]
    var end = index + 1 < lineStarts.count ? lineStarts[index + 1] - 1 : bytes.count
    if end > start, bytes[end - 1] == 0x0D { end -= 1 }
    return start..<max(start, end)
  }
}

/// A piece of a conf file's text.
struct Place: Equatable {
  /// Index into the reporter's sources.
  var file: Int
  /// Offset of the first byte.
  var offset: Int
  /// Number of bytes; at least one column is marked even when it is 0.
  var count: Int

  /// Where something is missing behind this piece.
  var end: Place { Place(file: file, offset: offset + count, count: 0) }

  /// The part of the piece that begins `start` bytes into it.
  func part(from start: Int, count: Int) -> Place {
    Place(file: file, offset: offset + start, count: count)
  }
}
