// Lines of logs on stdout: all of them, or new ones as they arrive.

import Basics
import LogReading
import Platform
import Synchronization

/// The wanted lines of some logs, in their order.
struct LogListing {
  private let selection: EntrySelection
  private let listed: ListedLines

  init(_ selection: EntrySelection, isRaw: Bool) {
    self.selection = selection
    listed = ListedLines(isRaw: isRaw)
  }

  /// Shows them.
  func run(_ logs: inout OpenedLogs) -> ExitStatus {
    for file in logs.files {
      let problem = LineBlocks.forEach(in: file, threads: 1) { [listed, selection] block in
        listed.show(block.bytes.span, selection)
      }
      if let problem { logs.fail(file.path, problem.message) }
      let foreign = listed.takeForeign()
      if foreign > 0 { report("\(file.path): lines in an unknown format: \(foreign)") }
    }
    return logs.hasFailed ? .failure : .success
  }
}

extension LogListing {
  /// What is read first of the end of a file, and how much more each time that is not enough.
  private static let (firstTail, tailGrowth) = (4 << 20, 8)

  /// Shows the last `count` of them.
  func runLast(_ count: Int, _ logs: inout OpenedLogs) -> ExitStatus {
    var found: [[UInt8]] = []
    for file in logs.files.reversed() where found.count < count {
      let (lines, problem) = lastLines(of: file, count - found.count)
      if let problem { logs.fail(file.path, problem.message) }
      found = lines + found
    }
    var text: [UInt8] = []
    for line in found { text += line + [UInt8(ascii: "\n")] }
    listed.show(text.span, selection)
    _ = listed.takeForeign()
    return logs.hasFailed ? .failure : .success
  }

  /// The last wanted lines of a file, read from its end as far as that is possible.
  private func lastLines(
    of file: ReadableFile, _ count: Int
  ) -> (lines: [[UInt8]], problem: LineBlocks.Problem?) {
    var tail = LogListing.firstTail
    while true {
      let isWhole = !LineBlocks.canReadEnd(of: file) || UInt64(tail) >= file.size
      let lines = LastLines(count)
      let problem = LineBlocks.forEach(
        in: file, threads: Processors.available, last: isWhole ? nil : tail,
        summarize: { [selection] block in
          LogListing.last(count, of: block.bytes.span, selection)
        }, add: { lines.add($0) })
      let taken = lines.taken
      if isWhole || problem != nil || taken.count == count { return (taken, problem) }
      tail *= LogListing.tailGrowth
    }
  }

  private static func last(
    _ count: Int, of block: Span<UInt8>, _ selection: EntrySelection
  ) -> [[UInt8]] {
    var wanted = 0
    _ = selection.forEach(in: block) { _, _ in wanted += 1 }
    var lines: [[UInt8]] = []
    _ = selection.forEach(in: block) { _, line in
      if wanted <= count { lines.append(line.indices.map { line[$0] }) }
      wanted -= 1
    }
    return lines
  }
}

/// The last of the lines that were added.
private final class LastLines: Sendable {
  private let lines = Mutex<[[UInt8]]>([])
  private let most: Int

  init(_ most: Int) { self.most = most }

  func add(_ more: [[UInt8]]) {
    lines.withLock { lines in
      lines += more
      if lines.count > most { lines.removeFirst(lines.count - most) }
    }
  }

  var taken: [[UInt8]] { lines.withLock { $0 } }
}

/// What is on its way to stdout.
private final class ListedLines: Sendable {
  private struct Content {
    var output: EntryOutput
    var foreign: UInt64 = 0
  }

  private let content: Mutex<Content>

  init(isRaw: Bool) { content = Mutex(Content(output: EntryOutput(isRaw: isRaw))) }

  /// Writes the wanted lines of a block. When nobody takes them any more, the program's work is
  /// done.
  func show(_ block: Span<UInt8>, _ selection: EntrySelection) {
    content.withLock { content in
      content.foreign &+= selection.forEach(in: block) { entry, line in
        content.output.add(entry, line, selection)
      }
      if let end = statusAfterWriting(content.output.take()) { ProcessControl.exit(end.rawValue) }
    }
  }

  func takeForeign() -> UInt64 {
    content.withLock { content in
      defer { content.foreign = 0 }
      return content.foreign
    }
  }
}

/// The last lines of some logs, then those that come, until the program is ended.
struct LogFollowing {
  private let selection: EntrySelection
  private var output: EntryOutput

  /// Lines shown of what was there before.
  private let last: Int
  /// They are looked for in so many bytes.
  private static let tail = 1 << 20
  private static let pauseMilliseconds = 200

  init(_ selection: EntrySelection, isRaw: Bool, last: Int?) {
    self.selection = selection
    self.last = last ?? 10
    output = EntryOutput(isRaw: isRaw)
  }

  /// Never returns but when nobody reads stdout any more.
  func run(_ paths: [String]) -> ExitStatus {
    var following = self
    let readable = paths.filter(LogFollowing.canFollow)
    guard !readable.isEmpty else { return .failure }
    let files = readable.map { LogFollowing.followed($0) }
    for file in files {
      if let end = following.showLast(of: file) { return end }
    }
    while true {
      var isIdle = true
      for file in files {
        let lines = following.read(file)
        isIdle = isIdle && lines.isEmpty
        if !lines.isEmpty, let end = following.show(lines, last: .max) { return end }
      }
      if isIdle { MachineTime.sleep(milliseconds: LogFollowing.pauseMilliseconds) }
    }
  }

  private static func followed(_ path: String) -> FollowedFile {
    FollowedFile(path: path, tail: tail) { OpenedLogs.rotated(path) }
  }

  /// What has come; says once why nothing comes of what has taken the file's place.
  private func read(_ file: FollowedFile) -> [UInt8] {
    let before = file.problem
    let lines = file.read()
    if let problem = file.problem, problem != before {
      report("\(file.path): \(problem.describe()); waiting for a file to take its place")
    }
    return lines
  }

  /// Whether a file can be read, or may be one day.
  private static func canFollow(_ path: String) -> Bool {
    guard LogFolder.exists(path) else {
      report("\(path): waiting for it to appear")
      return true
    }
    guard case .failure(let error) = ReadableFile.open(path: path) else { return true }
    report("\(path): \(error.describe())")
    return false
  }

  private mutating func showLast(of file: FollowedFile) -> ExitStatus? {
    var lines: [UInt8] = []
    while case let more = file.read(), !more.isEmpty { lines += more }
    return show(lines, last: last)
  }

  /// Writes the wanted ones of `lines`, the last `count` of them only.
  private mutating func show(_ lines: [UInt8], last count: Int) -> ExitStatus? {
    var wanted = 0
    _ = selection.forEach(in: lines.span) { _, _ in wanted += 1 }
    var passed = 0
    _ = selection.forEach(in: lines.span) { entry, line in
      passed += 1
      if wanted - passed < count { output.add(entry, line, selection) }
    }
    return statusAfterWriting(output.take())
  }
}
