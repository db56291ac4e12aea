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
  /// The process that the file named before.
  private let former: Int32?

  /// Opens the file at `path`; one that `predecessor` has open is passed on by it, so that no right
  /// to write it is needed. Called before privileges are dropped.
  public init(path: String, from predecessor: Predecessor? = nil) throws(ProcessProblem) {
    let there = FileIdentity(ofPath: path)
    let passed = predecessor?.descriptors.map(\.descriptor.number).first { number in
      there != nil && FileIdentity(ofDescriptor: number) == there
    }
    self.path = path
    if let passed {
      descriptor = passed
    } else {
      do throws(KernelError) {
        descriptor = try Self.open(FilePlace(path), O_RDWR | O_CREAT | O_NONBLOCK)
      } catch {
        throw ProcessProblem(message: "pid file \(path): \(error.describeOpening())")
      }
    }
    former = Self.number(in: descriptor)
    file = OwnFile(path: path)
  }

  /// Whether `init` would work, or would if the file were there; creates nothing. Nil when it
  /// would.
  public static func check(path: String) -> ProcessProblem? {
    var problem: KernelError?
    do throws(KernelError) {
      _ = clinux_close(try open(FilePlace(path), O_RDWR | O_NONBLOCK))
    } catch {
      problem = error.code == ENOENT ? FilePlace.checkCreating(path) : error
    }
    return problem.map {
      ProcessProblem(message: "pid file \(path): \($0.describeOpening())")
    }
  }

  /// Opens a regular file, or one that swallows everything (`/dev/null`), which is as good as none.
  /// ESPIPE: it is something else.
  private static func open(_ place: FilePlace, _ flags: Int32) throws(KernelError) -> Int32 {
    let number = try place.open(flags, mode: 0o644).number
    if isRegular(number) || isNull(number) { return number }
    _ = clinux_close(number)
    throw KernelError(code: ESPIPE)
  }

  private static func isRegular(_ number: Int32) -> Bool {
    var status = stat()
    return fstat(number, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// By the device's number: 1, 3 (null(4)).
  private static func isNull(_ number: Int32) -> Bool {
    var status = stat()
    return fstat(number, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR
      && status.st_rdev == 0x103
  }

  /// Writes the number of this process into the file, replacing what is there, as nginx does. There
  /// is a whole number in it at any time. The byte of the file that has the process' own number is
  /// locked: so `running` knows that the number means this process and none that got it later.
  public func claim() throws(ProcessProblem) {
    if Self.isNull(descriptor) { return }
    // Where files can't be locked, the number is all that there is.
    _ = clinux_lock_place(descriptor, Int64(getpid()))
    let text = Self.ownText
    let written = pwrite(descriptor, text, text.count, 0)
    guard written == text.count, ftruncate(descriptor, off_t(text.count)) == 0 else {
      throw Self.problem(path, KernelError(code: written < 0 ? errno : EIO))
    }
  }

  /// What another process needs to claim the file.
  public var passedOn: PassedDescriptor { PassedDescriptor(Descriptor(number: descriptor)) }

  /// Removes the file; empties it where the right to remove it is gone with the privileges. A file
  /// that another process has put there or claimed stays. A process that had claimed it before this
  /// one, and still runs, gets it back.
  public func remove() {
    defer { _ = clinux_close(descriptor) }
    guard Self.number(in: descriptor) == getpid() else { return }
    if let former, former != getpid(), Self.owner(of: former, in: descriptor) == .locked(former) {
      let text = Array("\(former)\n".utf8)
      _ = pwrite(descriptor, text, text.count, 0)
      _ = ftruncate(descriptor, off_t(text.count))
    } else if file?.remove() == false {
      _ = ftruncate(descriptor, 0)
    }
  }

  private static var ownText: [UInt8] { Array("\(getpid())\n".utf8) }

  // MARK: Who looks for the process

  /// The process that the file at `path` names, if it is the one that wrote the file.
  public static func running(path: String) throws(ProcessProblem) -> ProcessHandle {
    let descriptor = clinux_open(path, O_RDONLY | O_NONBLOCK, 0)
    guard descriptor >= 0 else { throw problem(path, KernelError(result: Int(descriptor))) }
    defer { _ = clinux_close(descriptor) }
    guard let number = number(in: descriptor) else {
      throw ProcessProblem(message: "pid file \(path): contains no process ID")
    }
    // Held before the lock is looked at: what is true of the number then is true of the handle.
    let process: ProcessHandle
    do throws(KernelError) {
      process = try ProcessHandle(number)
    } catch {
      throw ProcessProblem(
        message: "process \(number) of pid file \(path): \(error.describe())")
    }
    switch owner(of: number, in: descriptor) {
    case .locked(number): return process
    case .unknown where process.runsSameProgram: return process
    case .locked:
      throw ProcessProblem(
        message: "pid file \(path) is in use by a process in another container or on another"
          + " machine; run the command there")
    case .none, .unknown:
      throw ProcessProblem(
        message: "pid file \(path) names process \(number), which did not write it; the process"
          + " that did has ended; nothing was sent")
    }
  }

  /// The number that the file at `path` holds, whatever it has come to mean.
  public static func read(path: String) throws(ProcessProblem) -> Int32 {
    let descriptor = clinux_open(path, O_RDONLY | O_NONBLOCK, 0)
    guard descriptor >= 0 else { throw problem(path, KernelError(result: Int(descriptor))) }
    defer { _ = clinux_close(descriptor) }
    guard let number = number(in: descriptor) else {
      throw ProcessProblem(message: "pid file \(path): contains no process ID")
    }
    return number
  }

  /// Who has locked the place of a number.
  private enum Owner: Equatable {
    case none
    /// The process of that number; one below 1 has none here.
    case locked(Int32)
    /// The file system can't tell.
    case unknown
  }

  private static func owner(of number: Int32, in descriptor: Int32) -> Owner {
    var process: Int32 = 0
    let result = clinux_lock_owner(descriptor, Int64(number), &process)
    if result < 0 { return .unknown }
    return result == 0 ? .none : .locked(process)
  }

  private static func number(in descriptor: Int32) -> Int32? {
    var text = [UInt8](repeating: 0, count: 65)
    let count = pread(descriptor, &text, text.count, 0)
    guard count > 0, count <= 64 else { return nil }
    let digits = text[..<count].prefix { $0 != 0x0a }
    guard let number = Int32(String(decoding: digits, as: UTF8.self)), number > 0 else {
      return nil
    }
    return number
  }

  private static func problem(_ path: String, _ error: KernelError) -> ProcessProblem {
    ProcessProblem(message: "pid file \(path): \(error.describe())")
  }
}
