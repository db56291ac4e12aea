// Files that somebody else writes: opened for reading in pieces, and recognised again when their
// name has come to mean another one.

import CLinux
import Glibc

/// An open file; closed when the last reference goes.
public final class ReadableFile: Sendable {
  /// What kind of thing a path names.
  public enum Kind: Sendable {
    case regular
    /// A pipe, a terminal: it has no end until its writer has gone, and can't be read at an offset.
    case stream
  }

  /// The name that it was opened by.
  public let path: String
  /// What it is.
  public let kind: Kind
  /// Which file it is.
  public let identity: FileIdentity
  let descriptor: Int32

  private init(path: String, kind: Kind, identity: FileIdentity, descriptor: Int32) {
    self.path = path
    self.kind = kind
    self.identity = identity
    self.descriptor = descriptor
  }

  deinit { _ = clinux_close(descriptor) }

  /// Opens the file at `path`; never waits for that. A folder is refused with EISDIR, what a reader
  /// might wait for as `SpecialFile` says. Reading a pipe or a terminal waits for what comes,
  /// unless `waits` is false: then it fails with EAGAIN when there is nothing.
  public static func open(
    path: String, waits: Bool = true
  ) -> Result<ReadableFile, KernelError> {
    let descriptor = clinux_open(path, O_RDONLY | O_NONBLOCK, 0)
    guard descriptor >= 0 else { return .failure(KernelError(result: Int(descriptor))) }
    if let error = SpecialFile.refusal(of: descriptor) {
      _ = clinux_close(descriptor)
      return .failure(error)
    }
    if waits { SpecialFile.wait(for: descriptor) }
    return make(path, descriptor)
  }

  /// What stdin is connected to, whatever that is but a folder.
  public static func standardInput() -> Result<ReadableFile, KernelError> {
    let descriptor = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
    guard descriptor >= 0 else { return .failure(KernelError(code: errno)) }
    return make("standard input", descriptor)
  }

  /// Opens the file at a place; a link there is not followed by root.
  static func open(_ place: FilePlace) -> Result<ReadableFile, KernelError> {
    do throws(KernelError) {
      return make(place.path, try place.open(O_RDONLY | O_NONBLOCK).number)
    } catch {
      return .failure(error)
    }
  }

  private static func make(_ path: String, _ descriptor: Int32) -> Result<ReadableFile, KernelError>
  {
    var status = stat()
    let code = fstat(descriptor, &status) == 0 ? 0 : errno
    let kind = status.st_mode & S_IFMT
    if code != 0 || kind == S_IFDIR {
      _ = clinux_close(descriptor)
      return .failure(KernelError(code: code != 0 ? code : EISDIR))
    }
    return .success(
      ReadableFile(
        path: path, kind: kind == S_IFREG ? .regular : .stream, identity: FileIdentity(status),
        descriptor: descriptor))
  }

  /// Bytes in the file now; 0 of a stream.
  public var size: UInt64 {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? UInt64(max(0, status.st_size)) : 0
  }

  /// Which file a path names now; nil when it names none.
  public static func identity(ofPath path: String) -> FileIdentity? {
    var status = stat()
    return stat(path, &status) == 0 ? FileIdentity(status) : nil
  }

  /// Reads from `offset` on (of a stream: what comes next) until `memory` is full or the file ends;
  /// returns how much that was.
  public func read(
    into memory: UnsafeMutableRawBufferPointer, at offset: UInt64
  ) -> Result<Int, KernelError> {
    var count = 0
    while count < memory.count {
      let place = memory.baseAddress! + count
      let result =
        kind == .regular
        ? clinux_read_at(descriptor, place, memory.count - count, offset + UInt64(count))
        : clinux_read(descriptor, place, memory.count - count)
      if result < 0 { return .failure(KernelError(result: result)) }
      if result == 0 { break }
      count += result
      // Who reads a pipe wants to see what there is.
      if kind == .stream { break }
    }
    return .success(count)
  }

  /// Reads at most `count` bytes from `offset` on into an array.
  public func bytes(at offset: UInt64, count: Int) -> Result<[UInt8], KernelError> {
    var outcome = Result<Int, KernelError>.success(0)
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { memory, initialized in
      outcome = read(into: UnsafeMutableRawBufferPointer(memory), at: offset)
      initialized = (try? outcome.get()) ?? 0
    }
    return outcome.map { _ in bytes }
  }
}
