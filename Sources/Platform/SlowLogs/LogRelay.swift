// A log on a network file system. A write there can take minutes, and no flag makes it return
// early: so a thread does it, and the worker only leaves the lines with it.

import Basics
import CLinux
import Synchronization

/// Writes one worker's lines to one file, on a thread of its own.
///
/// To the worker it is like a pipe: it takes whole lines as long as there is room. What it has when
/// the worker ends it writes for as long as the process lives.
final class LogRelay: UnfinishedLog {
  /// Where the log lies.
  let path: String
  /// Known by this number to the worker: that of the bell.
  var descriptor: Descriptor { Descriptor(number: bell) }

  private let limits: LogRelayLimits
  private let ring: LineRing
  /// Lines that a worker that ended could not put into the ring; written behind it.
  private let left = Guarded(OwedLines())
  /// An eventfd: there are lines for a thread that sleeps, or it is to reopen or to end.
  private let bell: Int32
  private let sleeps = Atomic<Bool>(false)
  private let reopens = Atomic<Bool>(false)
  private let ends = Atomic<Bool>(false)
  /// The one thread.
  private let threads: WorkerThreads

  /// Begins to write to `file`, which it closes when it ends, and to what `path` means after each
  /// `reopen`. When this fails, `file` is not closed.
  init(path: String, file: Descriptor, limits: LogRelayLimits) throws(KernelError) {
    self.path = path
    self.limits = limits
    ring = LineRing(capacity: limits.capacity)
    threads = try WorkerThreads()
    bell = clinux_wake_create()
    guard bell >= 0 else { throw KernelError(result: Int(bell)) }
    try threads.start(name: "waybill-slowlog") { [self] in run(file) }
  }

  deinit { _ = clinux_close(bell) }

  // MARK: The worker's side

  /// Takes whole lines. Never blocks.
  func put(_ lines: UnsafeRawBufferPointer) -> WriteResult {
    let count = ring.put(lines)
    guard count > 0 else { return .wouldBlock }
    if sleeps.load(ordering: .sequentiallyConsistent) { wake() }
    return .bytes(count)
  }

  /// True when no line waits for the file.
  var isIdle: Bool { ring.count == 0 }

  /// Has the file opened anew, before the next lines are written.
  func reopen() {
    reopens.store(true, ordering: .releasing)
    wake()
  }

  /// Takes over lines for which the ring has no room, if at most `limit` bytes wait then; returns
  /// how many bytes of whole lines it took.
  func leave(_ lines: UnsafeRawBufferPointer, limit: Int) -> Int {
    left.withLock { $0.leave(lines, limit: limit) }
  }

  /// Nothing more will be put in. The thread writes what it has, then ends.
  func end() {
    ends.store(true, ordering: .releasing)
    wake()
    LogFinisher.watch(self)
  }

  // MARK: After the worker's end

  var isFinished: Bool { threads.runningCount == 0 }

  /// Its own thread does that.
  func carryOn() -> Bool { false }

  func giveUp() -> LogLoss {
    let (first, second) = ring.waiting
    let lines = (Array(first) + Array(second)).count(where: { $0 == 0x0a })
    let bytes = first.count + second.count
    return left.withLock { left in
      LogLoss(name: path, lines: lines + left.lineCount, bytes: bytes + left.byteCount)
    }
  }

  private func wake() { _ = clinux_wake_post(bell) }

  // MARK: The thread's side

  private func run(_ first: Descriptor) {
    var file = RelayedFile(first, path)
    defer { LogFile.close(file.descriptor) }
    while true {
      // Asked first: what was put in before the worker said so is written.
      let isLast = ends.load(ordering: .acquiring)
      if reopens.exchange(false, ordering: .acquiring) { open(&file) }
      if ring.count > 0 && file.write(ring) { continue }
      if isLast && ring.count == 0 {
        if left.withLock({ file.carryOn(&$0) }) { continue }
        if left.current.isEmpty { return }
      }
      sleep(hasFailed: ring.count > 0 || isLast)
    }
  }

  /// Sleeps until there is something to do; for a while only after a write that failed.
  private func sleep(hasFailed: Bool) {
    sleeps.store(!hasFailed, ordering: .sequentiallyConsistent)
    if hasFailed || ring.count == 0 {
      let pause = Int32(limits.retry.nanoseconds / 1_000_000)
      _ = clinux_wait_for(bell, 0, hasFailed ? pause : -1)
    }
    sleeps.store(false, ordering: .relaxed)
    _ = clinux_wake_take(bell)
  }

  private func open(_ file: inout RelayedFile) {
    switch LogFile.open(path: path) {
    case .success(let descriptor):
      LogFile.close(file.descriptor)
      file = RelayedFile(descriptor, path)
    case .failure(let error):
      StandardStream.notice(
        "waybill: log \(path) can't be reopened, the old file stays in use: \(error.describe())")
    }
  }
}

/// The file, as it is shared with other writers.
private struct RelayedFile {
  let descriptor: Descriptor
  private let file: LogDescriptor
  private let log: OpenLog

  init(_ descriptor: Descriptor, _ path: String) {
    self.descriptor = descriptor
    file = LogFile.descriptor(of: descriptor)
    log = OpenLogs.log(of: file, name: path, isOwn: true)
  }

  /// Writes once; false when the file took nothing.
  func write(_ ring: LineRing) -> Bool {
    let (first, second) = ring.waiting
    // A line may lie around the ring's end.
    let result =
      second.isEmpty
      ? log.append(first, to: file)
      : (Array(first) + Array(second)).withUnsafeBytes { log.append($0, to: file) }
    guard case .bytes(let count) = result, count > 0 else { return false }
    ring.remove(count)
    return true
  }

  /// Writes something of what was left; false when the file took nothing.
  func carryOn(_ left: inout OwedLines) -> Bool {
    left.carryOn(limit: .max) { log.append($0, to: file) }
  }
}
