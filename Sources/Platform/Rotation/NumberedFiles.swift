// What rotation makes of a log: PATH.1 is what was put aside last, PATH.2 the one before it, each
// maybe packed as PATH.N.gz. `waybill logs` reads files of these names in their order.

import CLinux
import Glibc

/// Something that the keeping of a log could not do, in words for the error log.
public struct RotationProblem: Error, Equatable, Sendable {
  /// What was tried, on which file, and what the system said.
  public let message: String

  init(_ action: String, _ path: String, _ error: KernelError) {
    message = "\(path) can't be \(action): \(error.describe())"
  }
}

/// A log and its numbered files.
public struct NumberedFiles: Sendable {
  /// One of the files.
  struct Entry: Equatable {
    var number: Int
    var isPacked: Bool
    var path: String
  }

  /// The log's own path.
  public let path: String

  /// The numbered files of the log at `path`.
  public init(path: String) { self.path = path }

  /// Bytes in the log itself, or in what it is a link to; nil when there is none.
  public var size: UInt64? {
    var status = stat()
    return stat(path, &status) == 0 ? UInt64(max(0, status.st_size)) : nil
  }

  /// All that are there, the newest first.
  var entries: [Entry] {
    LogFolder.siblings(of: path).compactMap { entry($0) }.sorted {
      ($0.number, $0.isPacked ? 1 : 0) < ($1.number, $1.isPacked ? 1 : 0)
    }
  }

  /// Puts the log aside as number 1 and makes a new, empty file in its place, with the same mode
  /// and owner. Afterwards at most `keep` files are left of those whose numbers follow one another
  /// from 1 on: rotation makes no others, so a file behind a gap (`LOG.2023`) is somebody else's.
  /// When this fails, the log is where it was.
  ///
  /// Whoever has the log open goes on writing into number 1.
  public func rotate(keep: Int) throws(RotationProblem) {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw problem("rotated", path, errno) }
    // What a link names stays where it is; a pipe has nothing to put aside.
    guard status.st_mode & S_IFMT == S_IFREG else { throw problem("rotated", path, EINVAL) }
    try makeRoom()
    try move(path, to: name(1))
    do throws(RotationProblem) {
      try create(like: status)
    } catch {
      try move(name(1), to: path)
      throw error
    }
    try removeAll(beyond: keep)
  }

  /// Raises the numbers of the files until there is no number 1. Numbers behind a gap stay.
  private func makeRoom() throws(RotationProblem) {
    for entry in ownEntries.reversed() {
      try move(entry.path, to: name(entry.number + 1, isPacked: entry.isPacked))
    }
  }

  /// Those up to the first gap.
  private var ownEntries: [Entry] {
    let entries = entries
    var free = 1
    for entry in entries where entry.number == free { free += 1 }
    return entries.filter { $0.number < free }
  }

  private func create(like old: stat) throws(RotationProblem) {
    let mode = old.st_mode & 0o777
    let number = clinux_open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, mode)
    guard number >= 0 else { throw problem("created", path, -number) }
    // Both are a courtesy: a umask may have taken rights away, a group may own the log.
    _ = fchmod(number, mode)
    _ = fchown(number, old.st_uid, old.st_gid)
    _ = clinux_close(number)
  }

  private func removeAll(beyond keep: Int) throws(RotationProblem) {
    for entry in ownEntries where entry.number > keep {
      guard unlink(entry.path) == 0 else { throw problem("removed", entry.path, errno) }
    }
  }

  private func move(_ from: String, to: String) throws(RotationProblem) {
    guard rename(from, to) == 0 else { throw problem("renamed", from, errno) }
  }

  private func name(_ number: Int, isPacked: Bool = false) -> String {
    "\(path).\(number)\(isPacked ? ".gz" : "")"
  }

  private func entry(_ sibling: String) -> Entry? {
    let isPacked = sibling.hasSuffix(".gz")
    let suffix = sibling.dropFirst(path.count + 1).dropLast(isPacked ? 3 : 0)
    guard sibling.hasPrefix(path + "."), suffix.count <= 4, suffix.first != "0",
      let number = Int(suffix), number > 0
    else { return nil }
    return Entry(number: number, isPacked: isPacked, path: sibling)
  }

  private func problem(_ action: String, _ path: String, _ code: Int32) -> RotationProblem {
    RotationProblem(action, path, KernelError(code: code))
  }
}
