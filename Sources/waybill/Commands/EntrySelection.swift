// From the bytes of a log to the entries that match.

import Basics
import LogReading
import Platform

/// How lines are read and which of them are wanted.
struct EntrySelection: Sendable {
  let reader: EntryReader
  let filter: EntryFilter
  let time: LogTime
  /// The period asked for, where the filter lets a second one through.
  var present: ClosedRange<UInt64>?

  /// Calls `body` with each wanted entry and its line; returns how many lines are in no known
  /// format. Empty lines count as nothing.
  func forEach(
    in block: Span<UInt8>, _ body: (AccessEntry, Span<UInt8>) -> Void
  ) -> UInt64 {
    var foreign: UInt64 = 0
    var position = 0
    while position < block.count {
      let next = block.index(of: UInt8(ascii: "\n"), from: position)
      var end = next
      if end > position, block[end &- 1] == UInt8(ascii: "\r") { end &-= 1 }
      let line = block.extracting(block.withoutHoles(position..<end))
      position = next &+ 1
      guard line.count > 0 else { continue }
      guard let entry = reader.entry(line) else {
        foreign &+= 1
        continue
      }
      if filter.accepts(entry, line, time) { body(entry, line) }
    }
    return foreign
  }

  /// When a request ended, by its line.
  func moment(of entry: AccessEntry, _ line: Span<UInt8>) -> UInt64? {
    entry.time.isEmpty ? nil : time.read(line, at: Int(entry.time.start))
  }
}

/// Makes of entries what goes to stdout.
struct EntryOutput {
  private var pretty = EntryLine(
    isColoured: TerminalOutput.isColoured, width: TerminalOutput.columns)
  private var raw: [UInt8] = []
  private let isRaw: Bool
  /// Raw lines for a terminal must be made safe; programs get them byte for byte.
  private let isTerminal = TerminalOutput.isTerminal(1)

  init(isRaw: Bool) { self.isRaw = isRaw }

  /// Adds an entry.
  mutating func add(_ entry: AccessEntry, _ line: Span<UInt8>, _ selection: EntrySelection) {
    guard isRaw else {
      pretty.write(entry, line, time: selection.moment(of: entry, line))
      return
    }
    if !isTerminal && entry.escape == .json && line[0] == UInt8(ascii: "{") {
      SafeText.append(json: line, to: &raw)
    } else {
      line.withUnsafeBufferPointer { bytes in
        if isTerminal { SafeText.append(bytes, to: &raw) } else { raw += bytes }
      }
    }
    raw.append(UInt8(ascii: "\n"))
  }

  /// What was added since the last call.
  mutating func take() -> [UInt8] {
    guard isRaw else { return pretty.take() }
    defer { raw.removeAll(keepingCapacity: true) }
    return raw
  }
}
