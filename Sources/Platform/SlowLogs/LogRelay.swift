// A log on a network file system. A write there can take minutes, and no flag makes it return
// early: so a thread does it, and the worker only leaves the lines with it.

import Basics
import CLinux
import Synchronization

/// Writes one worker's lines to one file, on a thread of its own.
///
/// To the worker it is like a pipe: it takes whole lines as long as there is room. Of a line that a
/// full disk has cut, the file gets a new line's begin, and then the whole line again.
final class LogRelay: Sendable {
  /// Where the log lies.
  let path: String
  /// Known by this number to the worker: that of the bell.
  var descriptor: Descriptor { Descriptor(number: bell) }

  private let limits: LogRelayLimits
  private let ring: LineRing
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

  /// Ends the thread and waits until it has written all, but not for ever: what the file does not
  /// take by then is lost, and said on stderr.
  func end() {
    ends.store(true, ordering: .releasing)
    wake()
    let deadline = clinux_monotonic_nanoseconds() + limits.farewell.nanoseconds
    while threads.runningCount > 0 {
      let now = clinux_monotonic_nanoseconds()
      guard now < deadline else { break }
      _ = clinux_wait_for(threads.bell, 0, Int32((deadline - now) / 1_000_000 + 1))
    }
    if ring.count > 0 { noteLoss() }
  }

  private func noteLoss() {
    StandardStream.notice(
      "waybill: log \(path): the last \(ring.count) bytes could not be written in time")
  }

  private func wake() { _ = clinux_wake_post(bell) }

  // MARK: The thread's side

  private func run(_ first: Descriptor) {
    var file = RelayedFile(descriptor: first)
    defer { LogFile.close(file.descriptor) }
    while true {
      // Asked first: what was put in before the worker said so is written.
      let isLast = ends.load(ordering: .acquiring)
      if reopens.exchange(false, ordering: .acquiring) { open(&file) }
      if ring.count > 0 && file.write(ring) { continue }
      if isLast { return }
      sleep(hasFailed: ring.count > 0)
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
      file = RelayedFile(descriptor: descriptor)
    case .failure(let error):
      StandardStream.notice(
        "waybill: log \(path) can't be opened anew, the old file is kept: \(error.describe())")
    }
  }
}

/// The file, and how much of a line it got when a write was cut.
private struct RelayedFile {
  let descriptor: Descriptor
  var tornCount = 0

  /// Writes once; false when the file took nothing.
  mutating func write(_ lines: LineRing) -> Bool {
    if tornCount > 0 {
      // Others may have written behind it.
      var lineEnd: UInt8 = 0x0a
      guard clinux_write(descriptor.number, &lineEnd, 1) == 1 else { return false }
      tornCount = 0
    }
    let (first, second) = lines.waiting
    let written = clinux_write_pieces(
      descriptor.number, first.baseAddress, first.count, second.baseAddress, second.count)
    guard written > 0 else { return false }
    var whole = written
    while whole > 0 && byte(at: whole - 1, of: first, second) != 0x0a { whole -= 1 }
    tornCount = written - whole
    lines.remove(whole)
    return whole > 0
  }

  private func byte(
    at index: Int, of first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> UInt8 {
    index < first.count ? first[index] : second[index - first.count]
  }
}
