// Which files rotation has made. A number behind a log's name does not say it: anybody may give
// such a name to a file. So the names that were given are written down, in a hidden file beside the
// log, which every process that rotates the log reads and locks.

import CLinux
import Glibc

/// What tells a file from all others that had, have or will have its name.
struct FileMark: Equatable {
  /// Its number in its file system, which is given again once the file is gone.
  var node: UInt64
  /// Nanoseconds since 1970; 0 where it is not known when a file was made.
  var born: UInt64

  init(node: UInt64, born: UInt64) { (self.node, self.born) = (node, born) }

  /// The file of that name in a folder, a link being the link itself; nil if there is none.
  init?(folder: Int32, name: String) {
    self.init(node: 0, born: 0)
    guard clinux_file_mark(folder, name, &node, &born) == 0 else { return nil }
  }

  /// The open file.
  init?(descriptor: Int32) { self.init(folder: descriptor, name: "") }
}

/// The record of a log's rotation, locked for as long as this exists: no other process renames,
/// removes or packs files of the log meanwhile.
final class RotationRecord {
  /// The files by what follows the log's name and a point: `1`, `2.gz`, `gz-part`.
  private(set) var marks: [String: FileMark] = [:]
  private let path: String
  /// Below 0 when there is no record, and none was wanted.
  private let descriptor: Int32

  /// Opens the record; nil when another process has it locked. Without one there are no marks; it
  /// is only made if `creates` says so.
  init?(_ files: NumberedFiles, creates: Bool) throws(RotationProblem) {
    path = Self.path(ofLog: files.path)
    let place = try files.place(path, "opened")
    do throws(KernelError) {
      let flags = O_RDWR | O_NONBLOCK | (creates ? O_CREAT : 0)
      descriptor = try place.open(flags, mode: 0o600).number
    } catch {
      guard error.code == ENOENT && !creates else {
        throw RotationProblem("opened", path, error)
      }
      descriptor = -1
    }
    guard descriptor >= 0 else { return }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return nil }
    marks = try read()
  }

  deinit { if descriptor >= 0 { _ = clinux_close(descriptor) } }

  /// Whether rotation has made the file at `entry`. A file is written down with the number that it
  /// is about to get, so one that a crash left with the number before is meant, too.
  func isOwn(_ entry: NumberedFiles.Entry, _ place: FilePlace) -> Bool {
    guard let mark = mark(entry.path, place) else { return false }
    return marks[entry.suffix] == mark || marks[entry.raised.suffix] == mark
  }

  /// The file of that path, which is in the log's folder; nil if there is none.
  func mark(_ path: String, _ place: FilePlace) -> FileMark? {
    FileMark(folder: place.folder, name: place.name(of: path))
  }

  /// Writes down one more file.
  func add(_ suffix: String, _ mark: FileMark) throws(RotationProblem) {
    var all = marks
    all[suffix] = mark
    try replace(with: all)
  }

  /// Writes down these files and no others.
  func replace(with all: [String: FileMark]) throws(RotationProblem) {
    precondition(descriptor >= 0, "replace: there is no record")
    var text = "# Files that Waybill's log rotation has made; it removes no others.\n"
    for (suffix, mark) in all.sorted(by: { $0.key < $1.key }) {
      text += "\(suffix) \(mark.node) \(mark.born)\n"
    }
    let bytes = Array(text.utf8)
    guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count,
      ftruncate(descriptor, off_t(bytes.count)) == 0
    else { throw RotationProblem("written", path, KernelError(code: errno)) }
    marks = all
  }

  /// What can't be read as a mark is none: the file is then taken for somebody else's.
  private func read() throws(RotationProblem) -> [String: FileMark] {
    var bytes = [UInt8](repeating: 0, count: Self.longestBytes)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count >= 0 else { throw RotationProblem("read", path, KernelError(code: errno)) }
    var marks: [String: FileMark] = [:]
    for line in String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 3, let node = UInt64(words[1]), let born = UInt64(words[2]) else {
        continue
      }
      marks[String(words[0])] = FileMark(node: node, born: born)
    }
    return marks
  }

  /// A line for each of the 9,999 numbers fits, packed and not.
  private static var longestBytes: Int { 1 << 20 }

  /// `.access.log.rotation`. A name too long for that has another one, which is always the same.
  private static func path(ofLog log: String) -> String {
    let own = log.split(separator: "/").last.map(String.init) ?? log
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in own.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let name = own.utf8.count <= 240 ? own : String(hash, radix: 16)
    return log.dropLast(own.count) + ".\(name).rotation"
  }
}
