// stdout and stderr as log files. They are shared with whoever started Waybill: were they switched
// to non-blocking, a shell or a sibling in the same pipe would suddenly see EAGAIN. Nothing is set
// on what was inherited.

import Basics
import CLinux
import Glibc
import Synchronization

/// The standard streams, opened once for the process under an open file of our own where that
/// works.
public enum StandardStream {
  /// Opens both streams, and looks for other files that were passed on open (`InheritedFile`).
  /// Called before privileges are dropped: later the system may refuse it. A stream that is closed
  /// stays so; it is reported when a log asks for it.
  public static func openAll() {
    InheritedFile.findAll()
    for standard in [STDOUT_FILENO, STDERR_FILENO] {
      if case .success(let copy) = duplicate(standard) { _ = clinux_close(copy.number) }
    }
  }

  /// A descriptor of stdout (1) or stderr (2) for one worker; its open file is common to all.
  static func duplicate(_ standard: Int32) -> Result<LogDescriptor, KernelError> {
    opened.withLock { streams in
      let stream = streams[standard] ?? open(standard)
      if stream.number >= 0 { streams[standard] = stream }
      var copy = stream.number >= 0 ? clinux_duplicate(stream.number) : stream.number
      if copy == -EMFILE { copy = DescriptorReserve.use { clinux_duplicate(stream.number) } }
      guard copy >= 0 else { return .failure(KernelError(result: Int(copy))) }
      return .success(LogDescriptor(number: copy, mode: stream.mode))
    }
  }

  /// What messages call stdout (1) and stderr (2).
  static func name(of standard: Int32) -> String { standard == 1 ? "stdout" : "stderr" }

  /// Writes a line for the operator to stderr, as `append` does. Names of
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

  /// Writes a line to stdout (1) or stderr (2). What can't be written at once is left to the
  /// process' `LogFinisher`.
  public static func append(_ line: [UInt8], to standard: Int32) {
    guard case .success(let copy) = duplicate(standard) else { return }
    defer { _ = clinux_close(copy.number) }
    OpenLogs.append(line, to: copy, name: name(of: standard), isOwn: false)
  }

  /// True when the system's journal reads stdout (1) or stderr (2): it has said which stream it is,
  /// as nobody else's must be taken for it (systemd.exec(5), `JOURNAL_STREAM`).
  public static func isJournaled(_ standard: Int32) -> Bool {
    var status = stat()
    guard let named = EnvironmentVariable.value("JOURNAL_STREAM"), fstat(standard, &status) == 0
    else { return false }
    return named == "\(status.st_dev):\(status.st_ino)"
  }

  private static let opened = Mutex<[Int32: LogDescriptor]>([:])

  /// The number is a negated errno when the stream is closed.
  private static func open(_ standard: Int32) -> LogDescriptor {
    var status = stat()
    guard fcntl(standard, F_GETFD) >= 0, fstat(standard, &status) == 0 else {
      return LogDescriptor(number: -EBADF, mode: .file)
    }
    if status.st_mode & S_IFMT == S_IFREG { return regularFile(standard) }
    let path = "/proc/self/fd/\(standard)"
    let own = clinux_open(path, O_WRONLY | O_APPEND | O_NONBLOCK, 0)
    if own >= 0 {
      return LogDescriptor(number: own, mode: LogFile.isWrittenInPieces(own) ? .pipe : .file)
    }
    return LogDescriptor(number: clinux_duplicate(standard), mode: .borrowed)
  }

  /// A write to a regular file never blocks, so nothing is gained by an open file of our own; and
  /// others who were given this one, and write to it where it ends for them, would overwrite what
  /// stands there.
  private static func regularFile(_ standard: Int32) -> LogDescriptor {
    let appends = fcntl(standard, F_GETFL) & O_APPEND != 0
    return LogDescriptor(
      number: clinux_duplicate(standard), mode: appends ? .file : .positioned)
  }
}
