// What lies in FIFOs when the process ends: with the last process that has one open, its content
// goes.

import CLinux
import Glibc

/// The logs of a process that are FIFOs, held open for writing until it is known whether somebody
/// will read what is in them.
public struct UnreadFIFOs: Sendable {
  private var files: [(path: String, number: Int32)] = []

  /// Opens those that are open. Called while workers still have them. One that can't be opened is
  /// left out.
  public init() {
    for path in OpenLogs.pipes {
      if let number = LogFile.openFIFO(path: path) { files.append((path, number)) }
    }
  }

  /// Closes them; returns what was in those that nobody has open for reading. A reader that is slow
  /// still gets everything. Called once, when nothing else of the process has them open.
  public mutating func close() -> [LogLoss] {
    defer { files = [] }
    return files.compactMap { path, number in
      defer { _ = clinux_close(number) }
      guard Self.hasNoReader(number) else { return nil }
      let (lines, bytes) = Self.content(of: number)
      return bytes > 0 ? LogLoss(name: path, lines: lines, bytes: bytes) : nil
    }
  }

  private static func hasNoReader(_ number: Int32) -> Bool {
    var entry = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
    return poll(&entry, 1, 0) == 1 && entry.revents & Int16(POLLERR) != 0
  }

  /// Bytes that are read at once.
  private static var pieceBytes: Int { 4_096 }

  /// Reads what is in the FIFO.
  private static func content(of number: Int32) -> (lines: Int, bytes: Int) {
    let reader = clinux_open("/proc/self/fd/\(number)", O_RDONLY | O_NONBLOCK, 0)
    guard reader >= 0 else { return (0, 0) }
    defer { _ = clinux_close(reader) }
    var lines = 0
    var bytes = 0
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: pieceBytes) { buffer in
      // A FIFO holds no more than what its size says, and nobody writes any more: the loop ends.
      while true {
        let count = clinux_read(reader, buffer.baseAddress, buffer.count)
        guard count > 0 else { return (lines, bytes) }
        bytes += count
        for index in 0..<count where buffer[index] == 0x0a { lines += 1 }
      }
    }
  }
}
