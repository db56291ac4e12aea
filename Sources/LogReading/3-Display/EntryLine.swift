import Basics

/// An access line as a person reads it: time, status, duration, method, host, URI, upstream, ID,
/// and what went wrong, in columns that widen as longer values come. On a terminal they widen as
/// far as it has room; then long values are cropped, and what says least is left out.
public struct EntryLine {
  private var text: StyledText
  private let width: Int?
  /// The widths that the values so far would like to have.
  private var natural = Natural()
  private var layout: [Int?] = []

  private struct Natural: Equatable {
    var duration = 8
    var method = 4
    var host = 12
    var uri = 16
    var upstream = 14
    var id = 9
    var event = 0
    var error = 0
    var termination = 0
  }

  /// Wider columns would push all others off the screen; what is longer is shown whole where lines
  /// have no end.
  private static let widestHost = 32
  private static let widestURI = 60

  /// The values of one line, made safe.
  private struct Values {
    var duration = ""
    var method: [UInt8] = []
    var host: [UInt8] = []
    var uri: [UInt8] = []
    var upstream: [UInt8] = []
    var id: [UInt8] = []
    var event = ""
    var error: [UInt8] = []
    var termination: [UInt8] = []
  }

  /// No line yet. Lines are as long as they want to be when `width` is nil.
  public init(isColoured: Bool, width: Int? = nil) {
    text = StyledText(isColoured: isColoured)
    self.width = width
  }

  /// The bytes of the lines written so far, which are then forgotten.
  public mutating func take() -> [UInt8] {
    defer { text.bytes.removeAll(keepingCapacity: true) }
    return text.bytes
  }

  /// Bytes that wait to be taken.
  public var pending: Int { text.bytes.count }

  /// Writes an entry of `line`.
  public mutating func write(_ entry: AccessEntry, _ line: Span<UInt8>, time: UInt64?) {
    let values = values(entry, line)
    widen(for: values)
    writeTime(time)
    let status = entry.status == 0 ? "---" : "\(entry.status)"
    text.append("  \(status)", Style(status: entry.status))
    if let width = layout[2] {
      text.append("  ")
      text.append(right: values.duration, width: width)
    }
    column(3, values.method)
    column(4, values.host)
    column(5, values.uri)
    column(6, values.upstream)
    let hasMore = !values.event.isEmpty || !values.error.isEmpty || !values.termination.isEmpty
    column(7, values.id, .faint, keepsStart: true, isLast: width == nil || !hasMore)
    writeOutcome(values)
    text.append("\n")
  }

  private func values(_ entry: AccessEntry, _ line: Span<UInt8>) -> Values {
    func value(_ range: ByteRange, orDash: Bool = true) -> [UInt8] {
      var safe: [UInt8] = []
      SafeText.append(entry.text(range, line), to: &safe)
      return safe.isEmpty && orDash ? [UInt8(ascii: "-")] : safe
    }
    let isTimed = entry.duration != AccessEntry.unknownTime
    return Values(
      duration: isTimed ? TimeText.duration(entry.duration) : "-", method: value(entry.method),
      host: value(entry.host), uri: value(entry.uri), upstream: value(entry.upstream),
      id: value(entry.requestID, orDash: false),
      event: entry.isEvent ? (entry.isSubrequest ? "subrequest" : "upgrade") : "",
      error: value(entry.error, orDash: false), termination: value(entry.termination, orDash: false)
    )
  }

  private mutating func widen(for values: Values) {
    let before = natural
    func most(_ present: Int, _ value: [UInt8], _ most: Int) -> Int {
      max(present, min(DisplayWidth.columns(of: value), most))
    }
    natural.duration = max(natural.duration, values.duration.utf8.count)
    natural.method = most(natural.method, values.method, 8)
    natural.host = most(natural.host, values.host, EntryLine.widestHost)
    let widestURI = width.map { max(EntryLine.widestURI, $0 / 2) } ?? EntryLine.widestURI
    natural.uri = most(natural.uri, values.uri, widestURI)
    natural.upstream = most(natural.upstream, values.upstream, EntryLine.widestHost)
    natural.id = most(natural.id, values.id, 64)
    natural.event = max(natural.event, values.event.utf8.count)
    natural.error = most(natural.error, values.error, 64)
    natural.termination = most(natural.termination, values.termination, 64)
    if layout.isEmpty || before != natural { layout = fitted() }
  }

  /// Where there is no room for all, what an ID leads to anyway goes first.
  private func fitted() -> [Int?] {
    typealias Column = ColumnLayout.Column
    func optional(_ width: Int, rank: Int) -> Column {
      // The gap before a column that nothing stands in counts, too.
      Column(natural: width, rank: width == 0 ? 9 : rank)
    }
    return ColumnLayout(
      [
        Column(natural: timeWidth), Column(natural: 3), Column(natural: natural.duration, rank: 3),
        Column(natural: natural.method, least: 4, rank: 4),
        Column(natural: natural.host, least: 10, rank: 6),
        Column(natural: natural.uri, least: 12),
        Column(natural: natural.upstream, least: 12, rank: 7),
        Column(natural: natural.id, least: 9), optional(natural.event, rank: 5),
        optional(natural.error, rank: 2), optional(natural.termination, rank: 8),
      ], width: width
    ).widths
  }

  /// `2026-11-22 23:49:18.411` where there is room for it, else without the year and what is finer
  /// than a second, or without the date.
  private var timeWidth: Int {
    switch width ?? .max {
    case ..<56: 8
    case ..<120: 14
    default: 23
    }
  }

  private mutating func writeTime(_ time: UInt64?) {
    guard let time else {
      let note = timeWidth < 9 ? "(none)" : "(no time)"
      return text.append(safely: note.utf8, .faint, width: width == nil ? 0 : timeWidth)
    }
    let date = TimeText.date(time).dropLast(3)
    switch timeWidth {
    case 8: text.append(String(date.dropFirst(11).prefix(8)), .faint)
    case 14: text.append(String(date.dropFirst(5).prefix(14)), .faint)
    default: text.append(String(date), .faint)
    }
  }

  private mutating func column(
    _ index: Int, _ value: [UInt8], _ style: Style = .plain, keepsStart: Bool = false,
    isLast: Bool = false
  ) {
    guard let wanted = layout[index] else { return }
    text.append("  ")
    guard width == nil else {
      return text.append(
        cropping: value, style, to: wanted, keepsStart: keepsStart, isLast: isLast)
    }
    text.append(safely: value, style, width: isLast ? 0 : wanted)
  }

  private mutating func writeOutcome(_ values: Values) {
    guard width != nil else {
      if !values.event.isEmpty { text.append("  \(values.event)", .cyan) }
      for value in [values.error, values.termination] where !value.isEmpty {
        text.append("  ")
        text.append(safely: value, .red)
      }
      return
    }
    let columns: [(Int, [UInt8], Style)] = [
      (8, Array(values.event.utf8), .cyan), (9, values.error, .red), (10, values.termination, .red),
    ]
    let last = columns.lastIndex { layout[$0.0] != nil && !$0.1.isEmpty } ?? -1
    for (place, (index, value, style)) in columns.enumerated() where place <= last {
      if layout[index] ?? 0 > 0 { column(index, value, style, isLast: place == last) }
    }
  }
}
