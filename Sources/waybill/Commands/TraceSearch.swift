// Finds the lines with an ID in files of any size. Memory use does not depend on the size: each
// thread has one buffer, and the number of results is limited.

import Basics
import LogReading
import Platform

/// A search through files, several IDs one after the other.
struct TraceSearch {
  let files: [ReadableFile]
  let reader: EntryReader
  let time: LogTime

  /// What a pass has found.
  struct Outcome {
    var lines: [FoundLine] = []
    /// True when there was more than is kept.
    var isCut = false
    var problems: [(file: Int, message: String)] = []
  }

  /// Every line with `id`, or with an ID that begins so.
  func lines(of id: [UInt8]) -> Outcome {
    let search = LineSearch(id: id)
    var outcome = Outcome()
    for (number, file) in files.enumerated() {
      let records = FoundRecords(file, number: number, bounds: RecordBounds(time: time))
      let problem = LineBlocks.forEach(in: file, threads: Processors.available) { block in
        records.add(block, search)
      }
      if let problem { outcome.problems.append((number, problem.message)) }
      let (lines, isCut) = records.taken
      outcome.lines += lines
      outcome.isCut = outcome.isCut || isCut
    }
    let excess = outcome.lines.count - FoundRecords.mostRecords
    if excess > 0 { outcome.lines.removeLast(excess) }
    outcome.lines = outcome.lines.map(understand)
    return outcome
  }

  /// The line with what it says.
  private func understand(_ found: FoundLine) -> FoundLine {
    var line = found
    let summary = line.summary
    line.entry = reader.entry(summary.span)
    if let entry = line.entry, !entry.time.isEmpty {
      line.stamp = time.stamp(summary.span, at: Int(entry.time.start))
    }
    line.stamp = line.stamp ?? time.stamp(in: summary.span) ?? journalTime(line)
    return line
  }

  /// journald's export format has the time in a line of its own, before the message.
  private func journalTime(_ line: FoundLine) -> LogTime.Stamp? {
    let file = files[line.file]
    guard line.text.starts(with: "MESSAGE=".utf8), LineBlocks.canReadEnd(of: file) else {
      return nil
    }
    let start = line.offset > 8192 ? line.offset - 8192 : 0
    let before = file.bytes(at: start, count: Int(line.offset - start))
    return (try? before.get()).flatMap { LogTime.ofJournal(before: $0.span) }
      .map { LogTime.Stamp(time: $0, precision: 1) }
  }

  /// The times of the first and the last line of a file that have any.
  func span(of file: ReadableFile) -> (first: UInt64, last: UInt64)? {
    guard LineBlocks.canReadEnd(of: file) else { return nil }
    let size = file.size
    let start = (try? file.bytes(at: 0, count: 65_536).get()) ?? []
    let end = (try? file.bytes(at: size > 65_536 ? size - 65_536 : 0, count: 65_536).get()) ?? []
    let times = { (bytes: [UInt8]) in
      bytes.split(separator: UInt8(ascii: "\n")).lazy.compactMap { time.find(in: Array($0).span) }
    }
    guard let first = times(start).first, let last = times(end).reversed().first else { return nil }
    return (first, max(first, last))
  }
}
