// The pid file (`pid`): how `waybill -s` finds the running process.

import CLinux
import Glibc

/// What went wrong with the process as a whole, in words.
public struct ProcessProblem: Error, Equatable, Sendable {
  /// One line for the operator.
  public var message: String

  /// The problem given.
  public init(message: String) { self.message = message }
}

/// The pid file of this process.
public struct PIDFile: Sendable {
  /// Where it lies.
  public let path: String
  private let descriptor: Int32
  private let file: OwnFile?

  /// Writes the number of this process into the file at `path`, replacing what is there, as nginx
  /// does. Called before privileges are dropped.
  public init(path: String) throws(ProcessProblem) {
    let descriptor = clinux_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0 else { throw Self.problem(path, KernelError(result: Int(descriptor))) }
    let text = Array("\(getpid())\n".utf8)
    let written = text.withUnsafeBytes { clinux_write(descriptor, $0.baseAddress, $0.count) }
    guard written == text.count else {
      _ = clinux_close(descriptor)
      throw Self.problem(path, written < 0 ? KernelError(result: written) : KernelError(code: EIO))
    }
    self.path = path
    self.descriptor = descriptor
    file = OwnFile(path: path)
  }

  /// Removes the file; empties it where the right to remove it is gone with the privileges. A file
  /// that another process has put there stays.
  public func remove() {
    if file?.remove() == false { _ = ftruncate(descriptor, 0) }
    _ = clinux_close(descriptor)
  }

  /// The process that the file at `path` names.
  public static func read(path: String) throws(ProcessProblem) -> Int32 {
    switch FileContent.read(path: path, limit: 64) {
    case .failure(let error):
      throw problem(path, error)
    case .success(let bytes):
      let digits = bytes.prefix { $0 != 0x0a }
      guard let number = Int32(String(decoding: digits, as: UTF8.self)), number > 0 else {
        throw ProcessProblem(message: "pid file \(path): holds no process number")
      }
      return number
    }
  }

  private static func problem(_ path: String, _ error: KernelError) -> ProcessProblem {
    ProcessProblem(message: "pid file \(path): \(error.describe())")
  }
}
