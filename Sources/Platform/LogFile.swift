// How a log file is opened, and made ready for workers that will have fewer rights.

import CLinux
import Glibc

/// Opens files for log lines.
public enum LogFile {
  private static let appending = O_WRONLY | O_APPEND | O_NONBLOCK

  /// Opens the file at `path` for appending; creates it with mode 0640. Writing never blocks. Root
  /// follows no link that others may have put there (see `FilePlace`). The file may be one that
  /// this process was given open (see `InheritedFile`): then it is that open file.
  ///
  /// A FIFO is opened for reading too: so it needs no reader to be there, and none that leaves
  /// breaks it. What nobody reads fills the FIFO, and the rest would block.
  public static func open(path: String) -> Result<Descriptor, KernelError> {
    opened(path, creates: true).map { Descriptor(number: $0.number) }
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
    let isPositioned = isRegular(file.number) && fcntl(file.number, F_GETFL) & O_APPEND == 0
    let mode: LogDescriptor.Mode = isWrittenInPieces(file.number) ? .pipe : .file
    return LogDescriptor(number: file.number, mode: isPositioned ? .positioned : mode)
  }

  private static func isRegular(_ number: Int32) -> Bool {
    var status = stat()
    return fstat(number, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
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

  /// Creates the file at `path` unless it is there, and gives what it has created to `owner`: the
  /// workers open it after the privileges have been dropped, and may have no right to create it. A
  /// file that was there keeps its owner, whatever it is. Nil when it worked.
  public static func prepare(path: String, owner: ProcessIdentity) -> KernelError? {
    switch opened(path, creates: true) {
    case .failure(let error): return error
    case .success(let file):
      defer { _ = clinux_close(file.number) }
      guard file.isNew else { return nil }
      return fchown(file.number, owner.user, gid_t.max) == 0 ? nil : KernelError(code: errno)
    }
  }

  /// Whether `open` would work, or would if the file were there; creates nothing. Nil when it
  /// would.
  public static func check(path: String) -> KernelError? {
    switch opened(path, creates: false) {
    case .success(let file):
      _ = clinux_close(file.number)
      return nil
    case .failure(let error) where error.code == ENOENT: return FilePlace.checkCreating(path)
    case .failure(let error): return error
    }
  }

  /// Whether this process could open the file at `path` if somebody made it and gave it to this
  /// process' user. Nil when it could.
  public static func checkReaching(path: String) -> KernelError? {
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let parent = folder.isEmpty ? "." : folder.joined(separator: "/") + "/"
    if let held = HeldFolders.folder(ofFile: path) {
      return faccessat(held, ".", X_OK, AT_EACCESS) == 0 ? nil : KernelError(code: errno)
    }
    return faccessat(AT_FDCWD, parent, X_OK, AT_EACCESS) == 0 ? nil : KernelError(code: errno)
  }

  /// True when something is at the path.
  public static func isThere(path: String) -> Bool { access(path, F_OK) == 0 }

  private static func opened(
    _ path: String, creates: Bool
  ) -> Result<FilePlace.Opened, KernelError> {
    do throws(KernelError) {
      return .success(
        try DescriptorReserve.retrying { () throws(KernelError) in
          try open(try FilePlace(path), creates: creates)
        })
    } catch {
      return .failure(error)
    }
  }

  private static func open(
    _ place: FilePlace, creates: Bool
  ) throws(KernelError) -> FilePlace.Opened {
    do throws(KernelError) {
      let file = try place.open(creates ? appending | O_CREAT : appending, mode: 0o640)
      if !file.isNew, let shared = InheritedFile.duplicate(of: file.number) {
        _ = clinux_close(file.number)
        return FilePlace.Opened(number: shared, isNew: false)
      }
      guard isFIFO(file.number) else { return file }
      _ = clinux_close(file.number)
    } catch {
      // A FIFO that nobody reads.
      guard error.code == ENXIO else { throw error }
    }
    return try place.open(O_RDWR | O_NONBLOCK)
  }

  /// Opens the FIFO at `path` for writing only; nil when it is something else, or when nobody has
  /// it open for reading.
  static func openFIFO(path: String) -> Int32? {
    do throws(KernelError) {
      let file = try FilePlace(path).open(O_WRONLY | O_NONBLOCK)
      if isFIFO(file.number) { return file.number }
      _ = clinux_close(file.number)
      return nil
    } catch {
      return nil
    }
  }

  private static func isFIFO(_ number: Int32) -> Bool {
    var status = stat()
    return fstat(number, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
  }
}
