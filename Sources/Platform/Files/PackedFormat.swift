// Files packed by xz, zstd or bzip2, unpacked by their own programs.

import CLinux
import Glibc

/// How a file is packed that another program must unpack.
public struct PackedFormat: Sendable {
  /// What it is called.
  public let name: String
  /// The program that unpacks it.
  public let program: String
  /// So its files begin.
  private let magic: [UInt8]

  private static let all = [
    PackedFormat(
      name: "xz", program: "xz", magic: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]),
    PackedFormat(
      name: "zstd", program: "zstd", magic: [0x28, 0xB5, 0x2F, 0xFD]),
    // A digit follows, and the mark of a block, or of the end of an empty file.
    PackedFormat(name: "bzip2", program: "bzip2", magic: Array("BZh".utf8)),
  ]

  /// The format that a file begins in; nil for one that is not packed, or by gzip.
  init?(of file: ReadableFile) {
    guard file.kind == .regular, case .success(let start) = file.bytes(at: 0, count: 10) else {
      return nil
    }
    guard let format = PackedFormat.all.first(where: { start.starts(with: $0.magic) }) else {
      return nil
    }
    // Text may begin with bzip2's three letters.
    if format.program == "bzip2" {
      let marks: [[UInt8]] = [
        [0x31, 0x41, 0x59, 0x26, 0x53, 0x59], [0x17, 0x72, 0x45, 0x38, 0x50, 0x90],
      ]
      guard marks.contains(where: { start.dropFirst(4).starts(with: $0) }) else { return nil }
    }
    self = format
  }

  private init(name: String, program: String, magic: [UInt8]) {
    self.name = name
    self.program = program
    self.magic = magic
  }
}

/// A running program that unpacks a file. It ends with this object at the latest.
public final class UnpackingProgram {
  /// Why there is none.
  public enum Problem: Error {
    /// It is not installed.
    case missing
    case system(KernelError)
  }

  private let process: pid_t
  private let output: Int32
  private var status: Int32?

  /// Where programs are looked for: whoever runs us as root may have any PATH.
  private static let folders = ["/usr/local/bin", "/usr/bin", "/bin"]

  /// Starts the program for `format`; it reads the file from its beginning.
  init(_ format: PackedFormat, _ file: ReadableFile) throws(Problem) {
    let paths = UnpackingProgram.folders.map { "\($0)/\(format.program)" }
    guard let path = paths.first(where: { access($0, X_OK) == 0 }) else { throw .missing }
    var pipes: [Int32] = [-1, -1]
    guard pipe(&pipes) == 0 else { throw .system(KernelError(code: errno)) }
    for pipe in pipes { _ = fcntl(pipe, F_SETFD, FD_CLOEXEC) }
    // A descriptor of its own: the file's offset is not to be moved.
    let input = clinux_open("/proc/self/fd/\(file.descriptor)", O_RDONLY, 0)
    guard input >= 0 else {
      for pipe in pipes { _ = clinux_close(pipe) }
      throw .system(KernelError(result: Int(input)))
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    let arguments: [String] = [format.program, "-d", "-c", "-q"]
    var words = arguments.map { strdup($0) }
    words.append(nil)
    var process = pid_t()
    let code = posix_spawn(&process, path, &actions, nil, words, environ)
    posix_spawn_file_actions_destroy(&actions)
    for word in words { free(word) }
    _ = clinux_close(input)
    _ = clinux_close(pipes[1])
    guard code == 0 else {
      _ = clinux_close(pipes[0])
      throw .system(KernelError(code: code))
    }
    self.process = process
    output = pipes[0]
  }

  deinit {
    _ = clinux_close(output)
    // It ends by SIGPIPE, but not when it waits for something else.
    if status == nil { kill(process, SIGKILL) }
    wait()
  }

  /// What comes next; 0 at the end.
  func read(into memory: UnsafeMutableRawBufferPointer) -> Result<Int, KernelError> {
    let count = clinux_read(output, memory.baseAddress!, memory.count)
    return count < 0 ? .failure(KernelError(result: count)) : .success(count)
  }

  /// Waits for its end, after everything has been read: true when nothing was wrong with the file.
  var hasSucceeded: Bool {
    wait()
    return status == 0
  }

  private func wait() {
    guard status == nil else { return }
    var ending: Int32 = 0
    while waitpid(process, &ending, 0) < 0, errno == EINTR {}
    status = ending
  }
}
