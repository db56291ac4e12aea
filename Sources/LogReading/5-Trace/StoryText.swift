import Basics
import Policy

/// A story as people read it: a heading, one line for each log line with the gap to the one before,
/// tries and phases below the access line that tells of them.
public struct StoryText {
  private var text: StyledText
  private let names: [String]
  private let nameWidth: Int
  /// The lines are of several days.
  private let showsDates: Bool
  private let isFull: Bool
  private let width: Int?
  /// What else is in a row needs 34 columns.
  private var barWidth: Int { max(5, min(40, (width ?? .max) - 34)) }

  private init(_ story: Story, names: [String], isColoured: Bool, isFull: Bool, width: Int?) {
    text = StyledText(isColoured: isColoured)
    self.isFull = isFull
    self.width = width
    let short = StoryText.short(names)
    self.names = short
    let days = Set(story.lines.compactMap(\.time).map { $0 / 86_400_000_000 })
    showsDates = days.count > 1
    nameWidth = min(24, Set(story.lines.map(\.file)).map { short[$0].utf8.count }.max() ?? 0)
  }

  /// The text of a story whose lines come from the files `names`. Records of many lines are folded
  /// to their first and last ones unless it `isFull`. Lines that are longer than `width` columns
  /// go on in the next one.
  public static func render(
    _ story: Story, id: [UInt8], names: [String], isColoured: Bool, isFull: Bool = false,
    width: Int? = nil
  ) -> [UInt8] {
    var writer = StoryText(
      story, names: names, isColoured: isColoured, isFull: isFull, width: width)
    writer.heading(story, id)
    var previous: UInt64?
    for line in story.lines {
      writer.write(line, previous)
      previous = line.time ?? previous
    }
    return TextWrap.fold(writer.text.bytes, width: writer.width, indent: 6)
  }

  private mutating func heading(_ story: Story, _ id: [UInt8]) {
    text.append("Request ", .bold)
    text.append(safely: id, .bold)
    let files = Set(story.lines.map(\.file)).count
    let count = story.lines.count
    text.append(": \(count) line\(count == 1 ? "" : "s") in \(files) log\(files == 1 ? "" : "s")")
    let times = story.lines.compactMap(\.time)
    if let first = times.min(), let last = times.max() {
      text.append(", \(TimeText.date(first).prefix(10)) UTC")
      if last > first { text.append(", \(TimeText.duration(last - first)) from first to last") }
    }
    text.append("\n")
    let form = IDForm(id)
    let spellings = Set(story.lines.map(\.id)).filter { $0 != id && form.includes(IDForm($0)) }
    for spelling in spellings.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      text.append("also written as ", .faint)
      text.append(safely: spelling)
      text.append("\n")
    }
    text.append("\n")
  }

  private mutating func write(_ line: FoundLine, _ previous: UInt64?) {
    let date = line.time.map { TimeText.date($0).dropFirst(showsDates ? 0 : 11) } ?? "(no time)"
    text.append(safely: date.utf8, .faint, width: showsDates ? 27 : 16)
    let gap = previous.flatMap { before in
      line.time.map { "+" + TimeText.duration($0 > before ? $0 - before : 0) }
    }
    text.append(right: gap ?? "", .faint, width: 11)
    text.append("  ")
    text.append(safely: names[line.file].utf8, .cyan, width: nameWidth)
    text.append("  ")
    if let entry = line.entry, entry.status != 0 {
      write(entry, line)
    } else {
      let lines = line.lines
      write(lines.first ?? [])
      write(rest: lines.dropFirst())
    }
  }

  /// A record's lines below its first one, indented as they are.
  private mutating func write(rest lines: ArraySlice<ArraySlice<UInt8>>) {
    let (first, last) = Limits.shownRecordLines
    let isFolded = !isFull && lines.count > first + last + 1
    for line in isFolded ? lines.prefix(first) : lines { write(indented: line) }
    guard isFolded else { return }
    indent()
    text.append("… \(lines.count - first - last) lines; --full shows them\n", .faint)
    for line in lines.suffix(last) { write(indented: line) }
  }

  private mutating func write(indented line: ArraySlice<UInt8>) {
    indent()
    // A tab is a control character, and no line needs it but for its margin.
    let content = line.drop { Continuation.isSpace($0) }
    for byte in line[..<content.startIndex] {
      text.append(byte == UInt8(ascii: "\t") ? "    " : " ")
    }
    write(content)
  }

  /// The end of a row.
  private mutating func write(_ line: ArraySlice<UInt8>) {
    text.append(safely: line.prefix(StoryText.shownBytes))
    if line.count > StoryText.shownBytes { text.append(" …", .faint) }
    text.append("\n")
  }

  /// More of a line is no story; the file has it.
  private static var shownBytes: Int { 4096 }

  private mutating func write(_ entry: AccessEntry, _ line: FoundLine) {
    let summary = line.summary
    func value(_ range: ByteRange) -> [UInt8] { entry.text(range, summary.span) }
    text.append("\(entry.status) ", Style(status: entry.status))
    if entry.method.isEmpty { text.append("(no request)") }
    text.append(safely: value(entry.method))
    text.append(" ")
    text.append(safely: value(entry.host))
    text.append(safely: value(entry.uri))
    for (name, range) in [("from", entry.client), ("via", entry.upstream)] where !range.isEmpty {
      text.append(" \(name) ", .faint)
      text.append(safely: value(range))
    }
    if entry.duration != AccessEntry.unknownTime {
      text.append(" in ", .faint)
      text.append(TimeText.duration(entry.duration))
    }
    for range in [entry.error, entry.termination] where !range.isEmpty {
      text.append(" ")
      text.append(safely: value(range), .red)
    }
    text.append("\n")
    writeReason(entry, summary)
    writeOtherIDs(entry, summary)
    let tries = RequestTry.all(entry, summary.span)
    write(tries)
    if let phases = RequestPhases(entry, summary.span, tries: tries) { write(phases) }
  }

  /// What the error and the termination mean.
  private mutating func writeReason(_ entry: AccessEntry, _ line: [UInt8]) {
    func word(_ range: ByteRange) -> String {
      String(decoding: entry.text(range, line.span), as: UTF8.self)
    }
    let reason = Reason.of(
      error: word(entry.error), termination: word(entry.termination), status: entry.status)
    if let reason { ReasonText.append(reason, indent: 6, width, to: &text) }
  }

  private mutating func writeOtherIDs(_ entry: AccessEntry, _ line: [UInt8]) {
    let names = [
      ("the client's ID", entry.clientRequestID), ("the backend's ID", entry.upstreamRequestID),
    ]
    for (name, range) in names where !range.isEmpty {
      indent()
      text.append("\(name): ", .faint)
      text.append(safely: entry.text(range, line.span))
      text.append("\n")
    }
  }

  private mutating func write(_ tries: [RequestTry]) {
    for (index, one) in tries.enumerated() {
      indent()
      text.append("try \(index + 1)  ", .faint)
      text.append(safely: one.address, width: 22)
      text.append(right: TimeText.duration(one.microseconds), width: 10)
      text.append("  ")
      let isStatus = one.outcome.first.map { (0x30...0x39).contains($0) } ?? false
      text.append(safely: one.outcome, isStatus ? .plain : .red)
      text.append("\n")
    }
  }

  private mutating func write(_ phases: RequestPhases) {
    for phase in phases.phases {
      let columns = phases.columns(of: phase, width: barWidth)
      indent()
      text.append(safely: phase.name.utf8, .faint, width: 14)
      text.append(right: TimeText.duration(phase.length), width: 10)
      text.append("  |")
      text.append(String(repeating: " ", count: columns.lowerBound))
      text.append(String(repeating: "#", count: columns.count), .green)
      text.append(String(repeating: " ", count: barWidth - columns.upperBound))
      text.append("|\n")
    }
  }

  private mutating func indent() { text.append(String(repeating: " ", count: 6)) }

  /// The paths without the folder, where that still tells them apart.
  private static func short(_ paths: [String]) -> [String] {
    let names = paths.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
    return zip(paths, names).map { path, name in
      names.count { $0 == name } > 1 ? path : name
    }
  }
}

extension Story {
  /// One JSON object for each line, for other programs.
  public func json(names: [String]) -> [UInt8] {
    var bytes: [UInt8] = []
    var previous: UInt64?
    for line in lines {
      bytes += "{".utf8
      if let time = line.time {
        let date = TimeText.date(time).split(separator: " ")
        bytes += "\"time\":\"\(date[0])T\(date[1])Z\",".utf8
        if let before = previous {
          bytes += "\"gap\":\(TimeText.seconds(time > before ? time - before : 0)),".utf8
        }
        previous = time
      }
      bytes += "\"file\":".utf8
      SafeText.appendJSON(names[line.file].utf8, to: &bytes)
      bytes += ",\"offset\":\(line.offset),\"id\":".utf8
      SafeText.appendJSON(line.id, to: &bytes)
      bytes += ",\"line\":".utf8
      SafeText.appendJSON(line.text, to: &bytes)
      bytes += "}\n".utf8
    }
    return bytes
  }
}
