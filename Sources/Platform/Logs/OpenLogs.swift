// The log files that the process has open, each once, whatever it is called and whoever writes it.

import CLinux
import Glibc
import Synchronization

/// Finds what all writers of a log share.
public enum OpenLogs {
  private struct Known: Sendable {
    weak var log: OpenLog?
  }

  private struct Content: Sendable {
    var logs: [FileIdentity: Known] = [:]
    var hasNeighbour = false
  }

  private static let content = Guarded(Content())
  /// The process that writes the same files, if it is the one that started this one; else 0.
  private static let parent = Atomic<Int32>(0)

  /// What all writers of an open file share. A descriptor that can't be looked at shares with none.
  /// If the file is a log of our own (`isOwn`), half a line at its end is an earlier process'.
  static func log(of file: LogDescriptor, name: String, isOwn: Bool) -> OpenLog {
    guard let identity = FileIdentity(ofDescriptor: file.number) else {
      return OpenLog(name: name)
    }
    return content.withLock { content -> OpenLog in
      if let log = content.logs[identity]?.log {
        if file.mode == .positioned { log.becomePositioned() }
        return log
      }
      let log = begin(&content, identity, name)
      if isOwn && !content.hasNeighbour && endsTorn(file) { log.beginLine() }
      if file.mode == .positioned { log.becomePositioned() }
      return log
    }
  }

  private static func begin(
    _ content: inout Content, _ identity: FileIdentity, _ name: String
  ) -> OpenLog {
    content.logs = content.logs.filter { $0.value.log != nil }
    if isNeighbourGone { content.hasNeighbour = false }
    let log = OpenLog(name: name, hasNeighbour: content.hasNeighbour)
    content.logs[identity] = Known(log: log)
    return log
  }

  /// Says that another process writes the same files from now on, the other side of a binary
  /// upgrade: the one that started this one, until it is gone, if `isParent`. A write costs two
  /// system calls more then.
  public static func beginSharing(withParent isParent: Bool) {
    if isParent { parent.store(getppid(), ordering: .relaxed) }
    share(true)
  }

  /// Says that there is no such process any more.
  public static func endSharing() { share(false) }

  private static func share(_ hasNeighbour: Bool) {
    content.withLock { content in
      content.hasNeighbour = hasNeighbour
      for known in content.logs.values { known.log?.share(withNeighbour: hasNeighbour) }
    }
  }

  /// True when the process that started this one wrote the same files, and has ended.
  static var isNeighbourGone: Bool {
    let number = parent.load(ordering: .relaxed)
    return number != 0 && getppid() != number
  }

  /// Appends a line; leaves what the file does not take at once.
  static func append(_ line: [UInt8], to file: LogDescriptor, name: String, isOwn: Bool) {
    let log = log(of: file, name: name, isOwn: isOwn)
    line.withUnsafeBytes { bytes in
      var taken = 0
      if case .bytes(let count) = log.append(bytes, to: file) { taken = count }
      let left = UnsafeRawBufferPointer(rebasing: bytes[taken...])
      if !left.isEmpty { _ = log.leave(left, file, limit: leftBytes) }
    }
  }

  /// Bytes that may be owed at most when a line of the main thread is added to them.
  private static var leftBytes: Int { 64 * 1024 * 1024 }

  /// True when a regular file ends in the middle of a line, and nobody is about to complete it: a
  /// process was killed, or ended while the disk was full.
  private static func endsTorn(_ file: LogDescriptor) -> Bool {
    var status = stat()
    guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_size > 0, clinux_lock_open_file(file.number) != -EAGAIN
    else { return false }
    _ = clinux_unlock_open_file(file.number)
    let reader = clinux_open("/proc/self/fd/\(file.number)", O_RDONLY | O_NONBLOCK, 0)
    guard reader >= 0 else { return false }
    defer { _ = clinux_close(reader) }
    var last: UInt8 = 0x0a
    return clinux_read_at(reader, &last, 1, UInt64(status.st_size - 1)) == 1 && last != 0x0a
  }
}

/// The logs of one worker, found by their descriptors.
struct LogTable: ~Copyable {
  private struct Entry {
    var file: LogDescriptor
    var log: Unmanaged<OpenLog>
  }

  private var entries: UnsafeMutablePointer<Entry>
  private var count = 0
  private var capacity = 8

  init() { entries = .allocate(capacity: capacity) }

  deinit {
    for index in 0..<count { entries[index].log.release() }
    entries.deallocate()
  }

  /// The log of a descriptor; nil when that is none of these.
  subscript(number: Int32) -> (log: OpenLog, file: LogDescriptor)? {
    guard let index = index(of: number) else { return nil }
    return (entries[index].log.takeUnretainedValue(), entries[index].file)
  }

  /// Appends to the log of a descriptor; nil when that is none of these.
  @inline(__always) func append(
    _ lines: UnsafeRawBufferPointer, to number: Int32
  ) -> WriteResult? {
    guard let index = index(of: number) else { return nil }
    let file = entries[index].file
    return entries[index].log._withUnsafeGuaranteedRef { $0.append(lines, to: file) }
  }

  mutating func add(_ log: OpenLog, _ file: LogDescriptor) {
    if count == capacity {
      let more = UnsafeMutablePointer<Entry>.allocate(capacity: 2 * capacity)
      more.moveInitialize(from: entries, count: count)
      entries.deallocate()
      entries = more
      capacity *= 2
    }
    (entries + count).initialize(to: Entry(file: file, log: .passRetained(log)))
    count += 1
  }

  mutating func remove(_ number: Int32) {
    guard let index = index(of: number) else { return }
    entries[index].log.release()
    count -= 1
    entries[index] = entries[count]
  }

  @inline(__always) private func index(of number: Int32) -> Int? {
    for index in 0..<count where entries[index].file.number == number { return index }
    return nil
  }
}
