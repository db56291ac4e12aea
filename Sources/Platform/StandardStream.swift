// stdout and stderr as log files. They are shared with whoever started Waybill: were they switched
// to non-blocking, a shell or a sibling in the same pipe would suddenly see EAGAIN.

import Basics
import CLinux
import Glibc
import Synchronization

/// The standard streams, opened once for the process under an open file of our own where that
/// works.
public enum StandardStream {
  /// A descriptor for one worker.
  public struct Copy: Sendable {
    /// The worker's own descriptor; its open file is common to all workers.
    public let descriptor: Descriptor
    /// True when no open file of our own could be had (a socket, as journald's, or no right to open
    /// it): then each write must take care not to block.
    public let isBorrowed: Bool
  }

  /// Opens both streams. Called before privileges are dropped: later the system may refuse it. A
  /// stream that is closed stays so; it is reported when a log asks for it.
  public static func openAll() {
    for standard in [STDOUT_FILENO, STDERR_FILENO] {
      if case .success(let copy) = duplicate(standard) { _ = clinux_close(copy.descriptor.number) }
    }
  }

  /// A descriptor of stdout (1) or stderr (2) that appends and does not block.
  public static func duplicate(_ standard: Int32) -> Result<Copy, KernelError> {
    opened.withLock { streams in
      let stream = streams[standard] ?? open(standard)
      if stream.number >= 0 { streams[standard] = stream }
      var copy = stream.number >= 0 ? clinux_duplicate(stream.number) : stream.number
      if copy == -EMFILE { copy = DescriptorReserve.use { clinux_duplicate(stream.number) } }
      guard copy >= 0 else { return .failure(KernelError(result: Int(copy))) }
      return .success(Copy(descriptor: Descriptor(number: copy), isBorrowed: stream.isBorrowed))
    }
  }

  /// Writes a line for the operator to stderr. What can't be written at once is lost. Names of
  /// files and other text from outside can't end the line or command the terminal.
  public static func notice(_ line: String) {
    var text = ""
    for scalar in line.unicodeScalars {
      if scalar.isInvisible {
        text += scalar.visibleEscape
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    append(Array((text + "\n").utf8), to: STDERR_FILENO)
  }

  /// Writes a line to stdout (1) or stderr (2). What can't be written at once is lost.
  public static func append(_ line: [UInt8], to standard: Int32) {
    guard case .success(let copy) = duplicate(standard) else { return }
    defer { _ = clinux_close(copy.descriptor.number) }
    _ = line.withUnsafeBytes {
      clinux_write_at_once(copy.descriptor.number, $0.baseAddress, $0.count)
    }
  }

  /// True when the system's journal reads stdout (1) or stderr (2): it has said which stream it is,
  /// as nobody else's must be taken for it (systemd.exec(5), `JOURNAL_STREAM`).
  public static func isJournaled(_ standard: Int32) -> Bool {
    var status = stat()
    guard let named = EnvironmentVariable.value("JOURNAL_STREAM"), fstat(standard, &status) == 0
    else { return false }
    return named == "\(status.st_dev):\(status.st_ino)"
  }

  private struct Stream {
    /// The descriptor, or a negated errno.
    var number: Int32
    var isBorrowed: Bool
  }

  private static let opened = Mutex<[Int32: Stream]>([:])

  private static func open(_ standard: Int32) -> Stream {
    guard fcntl(standard, F_GETFD) >= 0 else { return Stream(number: -EBADF, isBorrowed: false) }
    let path = "/proc/self/fd/\(standard)"
    let own = clinux_open(path, O_WRONLY | O_APPEND | O_NONBLOCK, 0)
    if own >= 0 { return Stream(number: own, isBorrowed: false) }
    return Stream(number: clinux_duplicate(standard), isBorrowed: true)
  }
}
