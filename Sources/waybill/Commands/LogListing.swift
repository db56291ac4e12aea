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
  private static let lastLines = 10
  /// They are looked for in so many bytes.
  private static let tail = 1 << 20
  private static let pauseMilliseconds = 200

  init(_ selection: EntrySelection, isRaw: Bool) {
    self.selection = selection
    output = EntryOutput(isRaw: isRaw)
  }

  /// Never returns but when nobody reads stdout any more.
  func run(_ paths: [String]) -> ExitStatus {
    var following = self
    let readable = paths.filter(LogFollowing.canFollow)
    guard !readable.isEmpty else { return .failure }
    let files = readable.map { FollowedFile(path: $0, tail: LogFollowing.tail) }
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
    return show(lines, last: LogFollowing.lastLines)
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
