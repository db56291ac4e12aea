// How a log file is opened, and made ready for workers that will have fewer rights.

import CLinux
import Glibc

/// Opens files for log lines.
public enum LogFile {
  /// Opens the file at `path` for appending; creates it with mode 0640. Writing never blocks.
  ///
  /// A FIFO is opened for reading too: so it needs no reader to be there, and none that leaves
  /// breaks it. What nobody reads fills the FIFO, and the rest would block.
  public static func open(path: String) -> Result<Descriptor, KernelError> {
    let appending = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK
    var number = clinux_open(path, appending, 0o640)
    // ENXIO: a FIFO that nobody reads.
    if number == -ENXIO || (number >= 0 && isFIFO(number)) {
      if number >= 0 { _ = clinux_close(number) }
      number = clinux_open(path, O_RDWR | O_NONBLOCK, 0)
    }
    guard number >= 0 else { return .failure(KernelError(result: Int(number))) }
    return .success(Descriptor(number: number))
  }

  /// Appends a line to the file at `path`. What can't be written at once is left to the process'
  /// `LogFinisher`.
  public static func append(_ line: [UInt8], to path: String) {
    guard case .success(let descriptor) = open(path: path) else { return }
    defer { close(descriptor) }
    OpenLogs.append(line, to: Self.descriptor(of: descriptor), name: path, isOwn: true)
  }

  /// How a log that `open` has opened is written.
  static func descriptor(of file: Descriptor) -> LogDescriptor {
    LogDescriptor(number: file.number, mode: isWrittenInPieces(file.number) ? .pipe : .file)
  }

  /// True of what may take only a part of what is written: a pipe, a socket, a terminal.
  static func isWrittenInPieces(_ number: Int32) -> Bool {
    var status = stat()
    guard fstat(number, &status) == 0 else { return false }
    let kind = status.st_mode & S_IFMT
    return kind == S_IFIFO || kind == S_IFSOCK || (kind == S_IFCHR && isatty(number) == 1)
  }

  /// Closes what `open` opened.
  public static func close(_ descriptor: Descriptor) { _ = clinux_close(descriptor.number) }

  /// Creates the file at `path` unless it is there, and gives it to `owner`: the workers open it
  /// after the privileges have been dropped, and may have no right to create it. Nil when it
  /// worked.
  public static func prepare(path: String, owner: ProcessIdentity) -> KernelError? {
    switch open(path: path) {
    case .failure(let error): return error
    case .success(let descriptor):
      defer { _ = clinux_close(descriptor.number) }
      return fchown(descriptor.number, owner.user, gid_t.max) == 0 ? nil : KernelError(code: errno)
    }
  }

  private static func isFIFO(_ number: Int32) -> Bool {
    var status = stat()
    return fstat(number, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
  }
}
