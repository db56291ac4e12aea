// The log files that the process has open, each once, whatever it is called and whoever writes it.

import CLinux
import Glibc
import Synchronization

/// Finds what all writers of a log share.
public enum OpenLogs {
  private struct Known: Sendable {
    weak var log: OpenLog?
    /// It is a pipe or a terminal that has been opened by its path.
    var isOwnPipe = false
  }

  /// Other processes that write the same files, at a binary upgrade.
  private struct Neighbours: Sendable {
    /// The process whose place this one takes.
    var predecessor: ProcessHandle?
    /// Another process takes the place of this one.
    var hasSuccessor = false

    var exist: Bool { hasSuccessor || predecessor?.isThere == true }
  }

  private static let content = Guarded<[FileIdentity: Known]>([:])
  /// Locked last: it may be asked for while a log or `content` is locked.
  private static let neighbours = Guarded(Neighbours())

  /// What all writers of an open file share. A descriptor that can't be looked at shares with none.
  /// If the file is a log of our own (`isOwn`), half a line at its end is an earlier process'.
  static func log(of file: LogDescriptor, name: String, isOwn: Bool) -> OpenLog {
    guard let identity = FileIdentity(ofDescriptor: file.number) else {
      return OpenLog(name: name)
    }
    return content.withLock { logs -> OpenLog in
      if let log = logs[identity]?.log {
        if file.mode == .positioned { log.becomePositioned() }
        return log
      }
      logs = logs.filter { $0.value.log != nil }
      let hasNeighbour = hasNeighbour
      let log = OpenLog(name: name, hasNeighbour: hasNeighbour)
      logs[identity] = Known(log: log, isOwnPipe: isOwn && file.mode == .pipe)
      if isOwn && !hasNeighbour && endsTorn(file) { log.beginLine() }
      if file.mode == .positioned { log.becomePositioned() }
      return log
    }
  }

  /// Says that the process whose place this one takes writes the same files, until it ends. A write
  /// takes a lock for so long. Without effect when it can't be found out which process that is.
  public static func beginSharing(with former: Predecessor) {
    neighbours.withLock { $0.predecessor = try? ProcessHandle(former.channel.peer) }
    share()
  }

  /// Says that a process which takes this one's place writes the same files from now on.
  public static func beginSharingWithSuccessor() {
    neighbours.withLock { $0.hasSuccessor = true }
    share()
  }

  /// Says that there is no such process any more.
  public static func endSharingWithSuccessor() {
    neighbours.withLock { $0.hasSuccessor = false }
    share()
  }

  private static func share() {
    let logs = content.withLock { $0.values.compactMap(\.log) }
    for log in logs { log.share(withNeighbour: hasNeighbour) }
  }

  /// True while another process writes the same files.
  private static var hasNeighbour: Bool { neighbours.withLock { $0.exist } }

  /// True when the process whose place this one has taken has ended, and none takes this one's.
  static var isNeighbourGone: Bool {
    neighbours.withLock { $0.predecessor != nil && !$0.exist }
  }

  /// The paths of the logs that are open and may be FIFOs. No file is looked at: that of a network
  /// might make the caller wait.
  static var pipes: [String] {
    content.withLock { logs in
      logs.values.compactMap { $0.isOwnPipe ? $0.log?.name : nil }
    }
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
