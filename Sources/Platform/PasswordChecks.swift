// Who may come in by a password is found out in threads of their own: files are read there, and
// hashes are made to take long.

import Basics
import CLinux
import Glibc

/// What came of a question about a password.
public enum PasswordVerdict: UInt8, Sendable, BitwiseCopyable {
  /// It is the user's.
  case right
  /// There is no such user, or it is not his.
  case wrong
  /// The file is not there.
  case noFile
  /// The file can't be read.
  case unreadable
}

/// A question about a password.
public struct PasswordQuestion: Sendable {
  /// The path of the file with the users.
  public var file: [UInt8]
  /// The user.
  public var user: [UInt8]
  /// The password.
  public var password: [UInt8]

  /// The question given.
  public init(file: [UInt8], user: [UInt8], password: [UInt8]) {
    self.file = file
    self.user = user
    self.password = password
  }
}

/// Where a worker finds the answers to its questions.
public final class PasswordAnswers: Sendable {
  private let content = Guarded<[(ticket: UInt64, verdict: PasswordVerdict)]>([])
  private let ring: @Sendable () -> Void

  /// `ring` wakes the worker.
  public init(_ ring: @escaping @Sendable () -> Void) { self.ring = ring }

  /// Takes what has come.
  public func take() -> [(ticket: UInt64, verdict: PasswordVerdict)] {
    content.withLock { content in
      defer { content = [] }
      return content
    }
  }

  func put(_ ticket: UInt64, _ verdict: PasswordVerdict) {
    content.withLock { $0.append((ticket, verdict)) }
    ring()
  }
}

/// Two threads that find out about passwords: one looks at the file and at what it remembers, and
/// has the other one make hashes, so that who is known does not wait for who is not.
public final class PasswordChecks: Sendable {
  /// True when a password has a hash; takes as long as it takes.
  public typealias Match = @Sendable (_ password: [UInt8], _ hash: [UInt8]) -> Bool

  private struct Task: Sendable {
    var question: PasswordQuestion
    var ticket: UInt64
    var answers: PasswordAnswers
    /// What it is remembered by, once the file is known.
    var key = Key(first: 0, second: 0)
    var hash: [UInt8] = []
  }

  /// No password and no hash is kept, only what nobody can tell them from.
  private struct Key: Hashable, Sendable {
    var first: UInt64
    var second: UInt64
  }

  private let match: Match
  private let limits: (queue: Int, memory: Int, fileBytes: Int)
  private let questions = WorkQueue<Task>()
  private let hashes = WorkQueue<Task>()
  private let memory: Guarded<[Key: Bool]>
  private let files = Guarded<[[UInt8]: UserFile]>([:])
  private let keyed = (
    KeyedHash(.random(in: 0...(.max)), .random(in: 0...(.max))),
    KeyedHash(.random(in: 0...(.max)), .random(in: 0...(.max)))
  )

  /// `queue` questions wait at most, `memory` answers are remembered, and no file of more than
  /// `fileBytes` is read.
  public init(queue: Int, memory: Int, fileBytes: Int, match: @escaping Match) {
    self.match = match
    limits = (queue, memory, fileBytes)
    self.memory = Guarded([:])
  }

  /// Asks; the answer comes under `ticket`. False when too many questions wait.
  public func ask(
    _ question: PasswordQuestion, _ ticket: UInt64, _ answers: PasswordAnswers
  ) -> Bool {
    questions.add(
      Task(question: question, ticket: ticket, answers: answers), limit: limits.queue)
  }

  /// Answers at once, in the thread that asks: for rehearsals.
  public func answer(_ question: PasswordQuestion) -> PasswordVerdict {
    let answers = PasswordAnswers {}
    var task = Task(question: question, ticket: 0, answers: answers)
    if let verdict = lookUp(&task) { return verdict }
    return match(task.question.password, task.hash) ? .right : .wrong
  }

  /// Looks questions up until told to end: what one of the two threads does.
  public func runLookUps() {
    while var task = questions.take() {
      if let verdict = lookUp(&task) {
        task.answers.put(task.ticket, verdict)
      } else if !hashes.add(task, limit: limits.queue) {
        // Its client gets no answer and so a 503 in the end.
        continue
      }
    }
  }

  /// Makes hashes until told to end: what the other one does.
  public func runHashes() {
    while let task = hashes.take() {
      // Several may have asked the same before the first one was answered.
      let known = memory.withLock { $0[task.key] }
      let isRight = known ?? match(task.question.password, task.hash)
      remember(task.key, isRight)
      task.answers.put(task.ticket, isRight ? .right : .wrong)
    }
  }

  /// Has both threads return.
  public func end() {
    questions.end()
    hashes.end()
  }

  /// The answer, where no hash has to be made for it.
  private func lookUp(_ task: inout Task) -> PasswordVerdict? {
    let path = task.question.file
    switch UserFile.read(path, known: files.withLock { $0[path] }, limit: limits.fileBytes) {
    case .failure(let error): return error.code == ENOENT ? .noFile : .unreadable
    case .success(let file):
      files.withLock { files in
        if files.count >= limits.memory { files = [:] }
        files[path] = file
      }
      guard let hash = file.hashes[task.question.user] else { return .wrong }
      task.hash = hash
      task.key = key(task)
      return memory.withLock { $0[task.key] }.map { $0 ? .right : .wrong }
    }
  }

  private func remember(_ key: Key, _ isRight: Bool) {
    memory.withLock { memory in
      if memory.count >= limits.memory { memory = [:] }
      memory[key] = isRight
    }
  }

  private func key(_ task: Task) -> Key {
    var bytes = task.hash
    // No hash holds it, so that the two can't be cut elsewhere.
    bytes.append(0)
    bytes += task.question.password
    return Key(first: keyed.0.hash(bytes.span), second: keyed.1.hash(bytes.span))
  }
}

/// A file with users, as it was when it was read.
private struct UserFile: Sendable {
  /// What changes when the file does.
  private struct Identity: Equatable, Sendable {
    var device: UInt64
    var inode: UInt64
    var size: Int64
    var modified: (seconds: Int, nanoseconds: Int)
    var changed: (seconds: Int, nanoseconds: Int)

    init(_ status: stat) {
      device = UInt64(status.st_dev)
      inode = UInt64(status.st_ino)
      size = Int64(status.st_size)
      modified = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
      changed = (status.st_ctim.tv_sec, status.st_ctim.tv_nsec)
    }

    static func == (left: Identity, right: Identity) -> Bool {
      left.device == right.device && left.inode == right.inode && left.size == right.size
        && left.modified == right.modified && left.changed == right.changed
    }
  }

  /// The first hash of each user.
  var hashes: [[UInt8]: [UInt8]] = [:]
  private var identity: Identity
  /// It was changed so shortly before that a further change might not show.
  private var isFresh: Bool

  /// The file at a path; `known` if it is still the same.
  static func read(
    _ path: [UInt8], known: UserFile?, limit: Int
  ) -> Result<UserFile, KernelError> {
    let name = path.map { CChar(bitPattern: $0) } + [0]
    let number = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard number >= 0 else { return .failure(KernelError(code: errno)) }
    defer { close(number) }
    var status = stat()
    guard fstat(number, &status) == 0 else { return .failure(KernelError(code: errno)) }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= limit else {
      return .failure(KernelError(code: EFBIG))
    }
    let identity = Identity(status)
    if let known, known.identity == identity, !known.isFresh { return .success(known) }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var count = 0
    while count < bytes.count {
      let more = bytes.withUnsafeMutableBytes {
        Glibc.read(number, $0.baseAddress! + count, $0.count - count)
      }
      guard more > 0 else { break }
      count += more
    }
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return .success(
      UserFile(
        hashes: hashes(bytes[..<count]), identity: identity,
        isFresh: now.tv_sec - status.st_ctim.tv_sec < 2))
  }

  private static func hashes(_ bytes: ArraySlice<UInt8>) -> [[UInt8]: [UInt8]] {
    var hashes: [[UInt8]: [UInt8]] = [:]
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      guard line.first != UInt8(ascii: "#"), let colon = line.firstIndex(of: UInt8(ascii: ":"))
      else { continue }
      let user = Array(line[..<colon])
      let rest = line[(colon + 1)...].prefix { $0 != UInt8(ascii: ":") && $0 != 0x0d }
      if hashes[user] == nil { hashes[user] = Array(rest) }
    }
    return hashes
  }
}

/// What waits for a thread.
private final class WorkQueue<Task: Sendable>: @unchecked Sendable {
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let signal = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var tasks: [Task] = []
  private var hasEnded = false

  init() {
    pthread_mutex_init(lock, nil)
    pthread_cond_init(signal, nil)
  }

  deinit {
    pthread_mutex_destroy(lock)
    pthread_cond_destroy(signal)
    lock.deallocate()
    signal.deallocate()
  }

  /// False when as many as `limit` wait.
  func add(_ task: Task, limit: Int) -> Bool {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    guard tasks.count < limit, !hasEnded else { return false }
    tasks.append(task)
    pthread_cond_signal(signal)
    return true
  }

  /// The task that has waited longest; nil when there will be none.
  func take() -> Task? {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    while tasks.isEmpty && !hasEnded { pthread_cond_wait(signal, lock) }
    return hasEnded ? nil : tasks.removeFirst()
  }

  func end() {
    pthread_mutex_lock(lock)
    hasEnded = true
    pthread_cond_broadcast(signal)
    pthread_mutex_unlock(lock)
  }
}
