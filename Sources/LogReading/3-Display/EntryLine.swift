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
    column(entry.text(entry.method, line), \.methodWidth, most: 8)
    column(entry.text(entry.host, line), \.hostWidth, most: EntryLine.widestHost)
    column(entry.text(entry.uri, line), \.uriWidth, most: EntryLine.widestURI)
    column(entry.text(entry.upstream, line), \.upstreamWidth, most: EntryLine.widestHost)
    text.append(safely: entry.text(entry.requestID, line), .faint)
    if entry.isEvent { text.append(entry.isSubrequest ? "  subrequest" : "  upgrade", .cyan) }
    for range in [entry.error, entry.termination] where !range.isEmpty {
      text.append("  ")
      text.append(safely: entry.text(range, line), .red)
    }
    text.append("\n")
  }

  private mutating func column(
    _ text: [UInt8], _ width: WritableKeyPath<EntryLine, Int>, most: Int
  ) {
    let value = text.isEmpty ? [UInt8(ascii: "-")] : text
    self[keyPath: width] = max(self[keyPath: width], min(value.count, most))
    self.text.append(safely: value, width: self[keyPath: width])
    self.text.append("  ")
  }
}
