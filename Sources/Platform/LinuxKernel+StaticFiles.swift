// Files that are served.

import Basics
import CLinux
import Glibc

extension LinuxKernel {
  /// See `Kernel`.
  public mutating func openFile(_ path: UnsafePointer<UInt8>, links: LinkRule) -> FileOpenResult {
    StaticFile.open(path, links: links)
  }

  /// See `Kernel`.
  public mutating func fileStatus(
    _ path: UnsafePointer<UInt8>, links: LinkRule
  ) -> FileStatusResult {
    StaticFile.status(path, links: links)
  }

  /// See `Kernel`.
  public mutating func listFolder(
    _ path: UnsafePointer<UInt8>, links: LinkRule, _ body: ([UInt8], FileStatus) -> Void
  ) -> FileRefusal? {
    StaticFile.list(path, links: links, body)
  }

  /// See `Kernel`.
  public mutating func sendFile(
    _ file: Descriptor, from offset: UInt64, count: Int, to socket: Descriptor
  ) -> WriteResult {
    let result = clinux_send_file(socket.number, file.number, offset, count)
    if result >= 0 { return .bytes(result) }
    if result == -Int(EAGAIN) { return .wouldBlock }
    return .failed(failure("sendfile", result))
  }

  /// See `Kernel`.
  public mutating func writeAhead(
    _ descriptor: Descriptor, _ bytes: UnsafeRawBufferPointer
  ) -> WriteResult {
    let result = clinux_send_ahead(descriptor.number, bytes.baseAddress, bytes.count)
    if result >= 0 { return .bytes(result) }
    if result == -Int(EAGAIN) { return .wouldBlock }
    return .failed(failure("send", result))
  }

  /// See `Kernel`.
  public mutating func closeFile(_ file: Descriptor) { StaticFile.close(file) }
}

/// Files that are served, without a worker.
public enum StaticFile {
  /// See `Kernel.openFile`.
  public static func open(_ path: UnsafePointer<UInt8>, links: LinkRule) -> FileOpenResult {
    var status = clinux_file_status()
    let result = path.withMemoryRebound(to: CChar.self, capacity: 1) {
      clinux_file_open($0, links.kind.rawValue, links.trustedCount, &status)
    }
    guard result >= 0 else { return .refused(FileRefusal(code: -result)) }
    return .opened(Descriptor(number: result), FileStatus(status))
  }

  /// See `Kernel.fileStatus`.
  public static func status(_ path: UnsafePointer<UInt8>, links: LinkRule) -> FileStatusResult {
    var status = clinux_file_status()
    let result = path.withMemoryRebound(to: CChar.self, capacity: 1) {
      clinux_file_status($0, links.kind.rawValue, links.trustedCount, &status)
    }
    guard result >= 0 else { return .refused(FileRefusal(code: -result)) }
    return .found(FileStatus(status))
  }

  /// See `Kernel.listFolder`.
  public static func list(
    _ path: UnsafePointer<UInt8>, links: LinkRule, _ body: ([UInt8], FileStatus) -> Void
  ) -> FileRefusal? {
    switch open(path, links: links) {
    case .refused(let refusal): return refusal
    case .opened(let folder, let status):
      guard status.kind == .folder else {
        close(folder)
        return .noFolder
      }
      return list(folder, body)
    }
  }

  private static func list(
    _ folder: Descriptor, _ body: ([UInt8], FileStatus) -> Void
  ) -> FileRefusal? {
    guard let stream = fdopendir(folder.number) else {
      let code = errno
      close(folder)
      return FileRefusal(code: code)
    }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
        field.withMemoryRebound(to: UInt8.self, capacity: 256) { start in
          Array(UnsafeBufferPointer(start: start, count: strnlen(field, 256)))
        }
      }
      guard name.first != UInt8(ascii: ".") else { continue }
      var status = clinux_file_status()
      let found = (name + [0]).withUnsafeBufferPointer { bytes in
        bytes.withMemoryRebound(to: CChar.self) {
          clinux_file_status_at(folder.number, $0.baseAddress, &status)
        }
      }
      if found >= 0 { body(name, FileStatus(status)) }
    }
    return nil
  }

  /// See `Kernel.readFile`.
  public static func read(
    _ file: Descriptor, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) -> ReadResult {
    let result = clinux_file_read(file.number, buffer.baseAddress, buffer.count, offset)
    if result > 0 { return .bytes(result) }
    if result == 0 { return .end }
    return .failed(failure("pread", result))
  }

  /// See `Kernel.closeFile`.
  public static func close(_ file: Descriptor) {
    if clinux_file_close(file.number) == -EBADF { misuse("close", EBADF) }
  }
}

extension FileStatus {
  init(_ status: clinux_file_status) {
    let kind: Kind =
      switch Int(status.kind) {
      case CLINUX_FILE_REGULAR: .regular
      case CLINUX_FILE_FOLDER: .folder
      default: .special
      }
    self.init(kind: kind, size: status.size, modified: status.modified)
    isExecutable = status.executable != 0
  }
}

extension FileRefusal {
  init(code: Int32) {
    switch code {
    case ENOENT, ENXIO: self = .missing
    case ENOTDIR, ENAMETOOLONG: self = .noFolder
    case EACCES, EPERM: self = .denied
    case ELOOP, EMLINK: self = .link
    default: self = .failed(KernelError(code: code))
    }
  }

  /// What the system says about it, in lower case.
  public var reason: StaticString {
    switch self {
    case .missing: "no such file"
    case .noFolder: "part of the path is not a directory, or the path is too long"
    case .denied: "permission denied"
    case .link: "a symbolic link that is not followed (disable_symlinks), or too many of them"
    case .failed: "system error"
    }
  }
}
