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

  /// Opens the file at `path`; one that `predecessor` has open is passed on by it, so that no right
  /// to write it is needed. Called before privileges are dropped.
  public init(path: String, from predecessor: Predecessor? = nil) throws(ProcessProblem) {
    let there = FileIdentity(ofPath: path)
    let passed = predecessor?.descriptors.map(\.descriptor.number).first { number in
      there != nil && FileIdentity(ofDescriptor: number) == there
    }
    let descriptor = passed ?? clinux_open(path, O_RDWR | O_CREAT, 0o644)
    guard descriptor >= 0 else { throw Self.problem(path, KernelError(result: Int(descriptor))) }
    self.path = path
    self.descriptor = descriptor
    file = OwnFile(path: path)
  }

  /// Writes the number of this process into the file, replacing what is there, as nginx does. There
  /// is a whole number in it at any time.
  public func claim() throws(ProcessProblem) {
    let text = Self.ownText
    let written = pwrite(descriptor, text, text.count, 0)
    guard written == text.count, ftruncate(descriptor, off_t(text.count)) == 0 else {
      throw Self.problem(path, KernelError(code: written < 0 ? errno : EIO))
    }
  }

  /// What another process needs to claim the file.
  public var passedOn: PassedDescriptor { PassedDescriptor(Descriptor(number: descriptor)) }

  /// Removes the file; empties it where the right to remove it is gone with the privileges. A file
  /// that another process has put there or claimed stays.
  public func remove() {
    var text = [UInt8](repeating: 0, count: 64)
    let count = pread(descriptor, &text, text.count, 0)
    let isOurs = text.prefix(max(0, count)).elementsEqual(Self.ownText)
    if isOurs && file?.remove() == false { _ = ftruncate(descriptor, 0) }
    _ = clinux_close(descriptor)
  }

  private static var ownText: [UInt8] { Array("\(getpid())\n".utf8) }

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
