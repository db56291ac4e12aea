// Log files of every kind, and that none of them blocks.

import Basics
import CLinux
import Glibc
import Platform
import Testing

@Suite struct LogFileTests {
  private func openLog(_ kernel: inout LinuxKernel, _ path: String) -> OpenResult {
    let arena = Arena()
    return kernel.openLog(path: arena.freeze(path), standard: 0, relayed: nil)
  }

  private func opened(_ kernel: inout LinuxKernel, _ path: String) throws -> Descriptor {
    let result = openLog(&kernel, path)
    guard case .opened(let descriptor) = result else {
      throw ProcessProblem(message: "\(path): \(result)")
    }
    return descriptor
  }

  private func writeLine(
    _ kernel: inout LinuxKernel, _ log: Descriptor, _ line: String
  ) -> WriteResult {
    Array(line.utf8).withUnsafeBytes { kernel.writeLog(log, $0) }
  }

  private func content(_ path: String) -> String? {
    let result = FileContent.read(path: path, limit: 1 << 20)
    return (try? result.get()).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func createsWithMode0640AndAppends() throws {
    var kernel = try makeKernel()
    let folder = try TemporaryFolder()
    let path = folder.path + "/access.log"
    let first = try opened(&kernel, path)
    let second = try opened(&kernel, path)
    for (log, line) in [(first, "one\n"), (second, "two\n"), (first, "three\n")] {
      guard case .bytes(line.utf8.count) = writeLine(&kernel, log, line) else {
        Issue.record("not written: \(line)")
        continue
      }
    }
    #expect(content(path) == "one\ntwo\nthree\n")
    if case .bytes(0) = writeLine(&kernel, first, "") {} else { Issue.record("not 0 bytes") }
    var status = stat()
    #expect(stat(path, &status) == 0)
    // The umask of whoever runs the tests may take more away.
    #expect(status.st_mode & 0o137 == 0)
    #expect(fcntl(first.number, F_GETFD) & FD_CLOEXEC != 0)
    kernel.close(first)
    kernel.close(second)
  }

  @Test func afterARenameTheOldFileIsWrittenUntilItIsReopened() throws {
    var kernel = try makeKernel()
    let folder = try TemporaryFolder()
    let path = folder.path + "/access.log"
    let old = try opened(&kernel, path)
    #expect(rename(path, path + ".1") == 0)
    _ = writeLine(&kernel, old, "old\n")
    let new = try opened(&kernel, path)
    _ = writeLine(&kernel, new, "new\n")
    #expect(content(path + ".1") == "old\n")
    #expect(content(path) == "new\n")
    kernel.close(old)
    kernel.close(new)
  }

  /// `waybill 3>file` and the like, whatever path names the file: whoever has the same open file
  /// overwrites nothing, nor is overwritten.
  @Test(arguments: ["file", "/dev/fd", "/proc/self/fd"])
  func aFileThatWasPassedOnOpenIsShared(way: String) async {
    await #expect(processExitsWith: .success) { [way] in
      let folder = try TemporaryFolder()
      let path = folder.path + "/log"
      let other = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
      precondition(other >= 0)
      StandardStream.openAll()
      var kernel = try makeKernel()
      let arena = Arena()
      let name = way == "file" ? path : "\(way)/\(other)"
      for number in 0..<5 {
        _ = "other \(number)\n".withCString { Glibc.write(other, $0, 8) }
        let result = kernel.openLog(path: arena.freeze(name), standard: 0, relayed: nil)
        guard case .opened(let log) = result else { preconditionFailure("not opened") }
        _ = Array("own \(number)\n".utf8).withUnsafeBytes { kernel.writeLog(log, $0) }
        kernel.closeLog(log)
      }
      let bytes = try FileContent.read(path: path, limit: 1 << 16).get()
      let wanted = (0..<5).map { "other \($0)\nown \($0)\n" }.joined()
      precondition(String(decoding: bytes, as: UTF8.self) == wanted)
    }
  }

  @Test func aFolderOrAMissingOneIsAnError() throws {
    var kernel = try makeKernel()
    for (path, code) in [("/tmp", EISDIR), ("/does/not/exist.log", ENOENT)] {
      guard case .failed(let error) = openLog(&kernel, path) else {
        Issue.record("opened \(path)")
        continue
      }
      #expect(error.code == code)
    }
  }

  @Test func aFullDiskIsNoSpace() throws {
    var kernel = try makeKernel()
    let log = try opened(&kernel, "/dev/full")
    guard case .failed(let error) = writeLine(&kernel, log, "lost\n") else {
      Issue.record("written to a full disk")
      return
    }
    #expect(error.kind == .noSpace)
    kernel.close(log)
  }

  /// Needs no reader, keeps what fits for the one that comes, and never blocks.
  @Test func aFIFOWithoutAReader() throws {
    var kernel = try makeKernel()
    let folder = try TemporaryFolder()
    let path = folder.path + "/fifo"
    #expect(mkfifo(path, 0o600) == 0)
    let log = try opened(&kernel, path)
    let line = String(repeating: "x", count: 4095) + "\n"
    var count = 0
    while case .bytes = writeLine(&kernel, log, line), count < 10_000 { count += 1 }
    #expect(count > 0 && count < 10_000)
    if case .wouldBlock = writeLine(&kernel, log, line) {} else { Issue.record("not full") }
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    var bytes = [UInt8](repeating: 0, count: 4096)
    #expect(Glibc.read(reader, &bytes, bytes.count) == 4096)
    #expect(String(decoding: bytes, as: UTF8.self) == line)
    // A reader that goes away breaks nothing either.
    close(reader)
    if case .bytes = writeLine(&kernel, log, line) {} else { Issue.record("no room") }
    kernel.close(log)
  }

  @Test func preparedFilesBelongToTheWorkersUser() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/access.log"
    var me = try ProcessIdentity(user: "root", group: nil)
    me.user = geteuid()
    #expect(LogFile.prepare(path: path, owner: me) == nil)
    var status = stat()
    #expect(stat(path, &status) == 0)
    #expect(status.st_uid == geteuid())
    #expect(LogFile.prepare(path: "/does/not/exist.log", owner: me)?.code == ENOENT)
  }
}

/// Each of these replaces a standard stream, so each has a process of its own.
@Suite struct StandardStreamTests {
  /// A pipe that somebody else shares stays blocking for them, and is full at some time for us.
  @Test func aPipeIsNotSwitchedToNonBlocking() async {
    await #expect(processExitsWith: .success) {
      // The testing library's own last words need the real stdout again.
      let real = dup(1)
      defer { dup2(real, 1) }
      var ends: [Int32] = [0, 0]
      precondition(pipe(&ends) == 0 && dup2(ends[1], 1) == 1)
      precondition(fillStandardOutput() > 4096)
      precondition(fcntl(1, F_GETFL) & O_NONBLOCK == 0)
      var byte: UInt8 = 0
      precondition(Glibc.read(ends[0], &byte, 1) == 1 && byte == 0x78)
    }
  }

  /// systemd connects stdout to a socket, which can't be opened anew.
  @Test func aSocketIsWrittenWithoutBlocking() async {
    await #expect(processExitsWith: .success) {
      // The testing library's own last words need the real stdout again.
      let real = dup(1)
      defer { dup2(real, 1) }
      var ends: [Int32] = [0, 0]
      precondition(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
      precondition(dup2(ends[1], 1) == 1)
      precondition(fillStandardOutput() > 4096)
      precondition(fcntl(1, F_GETFL) & O_NONBLOCK == 0)
    }
  }

  @Test func aFileIsAppendedTo() async {
    await #expect(processExitsWith: .success) {
      // The testing library's own last words need the real stdout again.
      let real = dup(1)
      defer { dup2(real, 1) }
      let folder = try TemporaryFolder()
      let path = folder.path + "/out"
      let file = open(path, O_CREAT | O_WRONLY, 0o600)
      precondition(dup2(file, 1) == 1)
      var kernel = try makeKernel()
      let log = kernel.openLog(path: .empty, standard: 1, relayed: nil)
      guard case .opened(let descriptor) = log else { preconditionFailure("\(log)") }
      for text in ["one\n", "two\n"] {
        Array(text.utf8).withUnsafeBytes { _ = kernel.writeLog(descriptor, $0) }
      }
      let bytes = try FileContent.read(path: path, limit: 100).get()
      precondition(String(decoding: bytes, as: UTF8.self) == "one\ntwo\n")
    }
  }

  /// Any number that is not open is a closed stream. That of stdout would be taken again at once,
  /// by whichever thread opens something next.
  @Test func aClosedStreamIsAnError() throws {
    var kernel = try makeKernel()
    let result = kernel.openLog(path: .empty, standard: 1_000_000, relayed: nil)
    guard case .failed(let error) = result else {
      Issue.record("opened")
      return
    }
    #expect(error.code == EBADF)
  }
}

/// Writes to stdout as a log until it would block; the number of bytes taken.
private func fillStandardOutput() -> Int {
  guard var kernel = try? makeKernel(),
    case .opened(let log) = kernel.openLog(path: .empty, standard: 1, relayed: nil)
  else { return 0 }
  let bytes = [UInt8](repeating: 0x78, count: 10_000)
  var total = 0
  while case .bytes(let count) = bytes.withUnsafeBytes({ kernel.writeLog(log, $0) }) {
    total += count
  }
  kernel.close(log)
  return total
}
