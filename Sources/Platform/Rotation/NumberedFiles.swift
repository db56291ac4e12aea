// What rotation makes of a log: PATH.1 is what was put aside last, PATH.2 the one before it, each
// maybe packed as PATH.N.gz. `waybill logs` reads files of these names in their order.

import CLinux
import Glibc

/// Something that the keeping of a log could not do, in words for the error log.
public struct RotationProblem: Error, Equatable, Sendable {
  /// What was tried, on which file, and what the system said.
  public let message: String

  init(_ action: String, _ path: String, _ error: KernelError) {
    message = "\(path) can't be \(action): \(error.describeOpening())"
  }
}

/// A log and its numbered files.
public struct NumberedFiles: Sendable {
  /// One of the files.
  struct Entry: Equatable {
    var number: Int
    var isPacked: Bool
    var path: String

    /// What follows the log's name and a point.
    var suffix: String { "\(number)\(isPacked ? ".gz" : "")" }

    /// The same file with the next number.
    var raised: Entry {
      let log = path.dropLast(suffix.count)
      var raised = Entry(number: number + 1, isPacked: isPacked, path: "")
      raised.path = log + raised.suffix
      return raised
    }
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
  /// and owner. Afterwards at most `keep` are left of the files that were put aside so; no other
  /// file is removed, whatever its name (see `RotationRecord`). One that is in the way gets the
  /// next number. When this fails, the log is where it was.
  ///
  /// Nothing happens when the log has fewer than `bytes`, or while another process does the same.
  ///
  /// Whoever has the log open goes on writing into number 1.
  public func rotate(keep: Int, from bytes: UInt64 = 0) throws(RotationProblem) {
    let place = try place(path, "rotated")
    guard let status = place.status else { throw problem("rotated", path, errno) }
    // What a link names stays where it is; a pipe has nothing to put aside.
    guard status.st_mode & S_IFMT == S_IFREG else { throw problem("rotated", path, EINVAL) }
    guard let record = try RotationRecord(self, creates: true) else { return }
    // Another process may have been faster.
    guard let size, size >= bytes else { return }
    let moving = entriesInTheWay
    try writeDown(moving, record, place)
    for entry in moving.reversed() { try move(entry.path, to: entry.raised.path, place) }
    let first = path + ".1"
    try move(path, to: first, place)
    do throws(RotationProblem) {
      try create(place, like: status)
    } catch {
      try move(first, to: path, place)
      throw error
    }
    try removeOwn(beyond: keep, record, place)
  }

  /// The folder of the log, which all its files are in.
  func place(_ path: String, _ action: String) throws(RotationProblem) -> FilePlace {
    do throws(KernelError) {
      return try FilePlace(path, followsLast: false)
    } catch {
      throw RotationProblem(action, path, error)
    }
  }

  /// Those that must move for a new number 1: all up to the first gap.
  private var entriesInTheWay: [Entry] {
    let entries = entries
    var free = 1
    for entry in entries where entry.number == free { free += 1 }
    return entries.filter { $0.number < free }
  }

  /// Writes down what will be rotation's own when the entries in the way have moved. It is done
  /// before: a file that a crash leaves between two names must not become somebody else's.
  private func writeDown(
    _ moving: [Entry], _ record: RotationRecord, _ place: FilePlace
  ) throws(RotationProblem) {
    var marks: [String: FileMark] = [:]
    for (suffix, mark) in record.marks where suffix.hasPrefix(Self.partSuffix) {
      if record.mark("\(path).\(suffix)", place) == mark { marks[suffix] = mark }
    }
    for entry in entries where record.isOwn(entry, place) {
      marks[moving.contains(entry) ? entry.raised.suffix : entry.suffix] =
        record.mark(entry.path, place)
    }
    marks["1"] = record.mark(path, place)
    try record.replace(with: marks)
  }

  /// What follows the name of a log in that of a file which is not packed to its end yet.
  static var partSuffix: String { "gz-part" }

  private func create(_ place: FilePlace, like old: stat) throws(RotationProblem) {
    let mode = old.st_mode & 0o777
    let flags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK
    do throws(KernelError) {
      let file = try place.open(flags, mode: mode)
      defer { _ = clinux_close(file.number) }
      // Somebody was faster: the file is his.
      guard file.isNew else { return }
      // Both are a courtesy: a umask may have taken rights away, a group may own the log.
      _ = fchmod(file.number, mode)
      _ = fchown(file.number, old.st_uid, old.st_gid)
    } catch {
      throw RotationProblem("created", path, error)
    }
  }

  private func removeOwn(
    beyond keep: Int, _ record: RotationRecord, _ place: FilePlace
  ) throws(RotationProblem) {
    var kept: Set<Int> = []
    for entry in entries where record.isOwn(entry, place) {
      if kept.count < keep { kept.insert(entry.number) }
      if kept.contains(entry.number) { continue }
      guard unlinkat(place.folder, place.name(of: entry.path), 0) == 0 else {
        throw problem("removed", entry.path, errno)
      }
    }
  }

  private func move(
    _ from: String, to: String, _ place: FilePlace
  ) throws(RotationProblem) {
    let (old, new) = (place.name(of: from), place.name(of: to))
    guard renameat(place.folder, old, place.folder, new) == 0 else {
      throw problem("renamed", from, errno)
    }
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
