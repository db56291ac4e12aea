import Basics

/// An access line as a person reads it: time, status, duration, method, host, URI, upstream, ID,
/// and what went wrong, in columns that widen as longer values come.
public struct EntryLine {
  private var text: StyledText
  private var methodWidth = 4
  private var hostWidth = 12
  private var uriWidth = 16
  private var upstreamWidth = 14

  /// Wider columns would push all others off the screen; what is longer is shown whole.
  private static let widestHost = 32
  private static let widestURI = 60

  /// No line yet.
  public init(isColoured: Bool) { text = StyledText(isColoured: isColoured) }

  /// The bytes of the lines written so far, which are then forgotten.
  public mutating func take() -> [UInt8] {
    defer { text.bytes.removeAll(keepingCapacity: true) }
    return text.bytes
  }

  /// Bytes that wait to be taken.
  public var pending: Int { text.bytes.count }

  /// Writes an entry of `line`.
  public mutating func write(_ entry: AccessEntry, _ line: Span<UInt8>, time: UInt64?) {
    text.append(time.map { String(TimeText.date($0).dropLast(3)) } ?? "(no time)", .faint)
    let status = entry.status == 0 ? "---" : "\(entry.status)"
    text.append("  \(status)", Style(status: entry.status))
    let isTimed = entry.duration != AccessEntry.unknownTime
    text.append(right: isTimed ? TimeText.duration(entry.duration) : "-", width: 10)
    text.append("  ")
    column(line, entry.method, \.methodWidth, most: 8, entry.escape)
    column(line, entry.host, \.hostWidth, most: EntryLine.widestHost, entry.escape)
    column(line, entry.uri, \.uriWidth, most: EntryLine.widestURI, entry.escape)
    column(line, entry.upstream, \.upstreamWidth, most: EntryLine.widestHost, entry.escape)
    text.append(safely: bytes(line, entry.requestID, entry.escape), .faint)
    if entry.isEvent { text.append(entry.isSubrequest ? "  subrequest" : "  upgrade", .cyan) }
    for range in [entry.error, entry.termination] where !range.isEmpty {
      text.append("  ")
      text.append(safely: bytes(line, range, entry.escape), .red)
    }
    text.append("\n")
  }

  private mutating func column(
    _ line: Span<UInt8>, _ range: ByteRange, _ width: WritableKeyPath<EntryLine, Int>,
    most: Int, _ escape: AccessEntry.Escape
  ) {
    let value = range.isEmpty ? [UInt8(ascii: "-")] : bytes(line, range, escape)
    self[keyPath: width] = max(self[keyPath: width], min(value.count, most))
    text.append(safely: value, width: self[keyPath: width])
    text.append("  ")
  }

  /// A value as it was before a JSON string was made of it, but for what stands for bytes that
  /// can't be shown.
  private func bytes(
    _ line: Span<UInt8>, _ range: ByteRange, _ escape: AccessEntry.Escape
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    var position = Int(range.start)
    let end = range.offsets.upperBound
    while position < end {
      if escape == .json, line[position] == UInt8(ascii: "\\"), position + 1 < end,
        [UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/")].contains(line[position + 1])
      {
        position += 1
      }
      bytes.append(line[position])
      position += 1
    }
    return bytes
  }
}
