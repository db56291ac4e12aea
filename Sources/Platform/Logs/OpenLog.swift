// A log file as all who write it share it: workers of any generation, both standard streams, the
// main thread. Who tears a line, because a disk is full or a line is longer than what a pipe takes
// at once, leaves its end here; nobody writes anything before that end.

import Basics
import CLinux
import Glibc
import Synchronization

/// One descriptor of a log, and how it is written to.
struct LogDescriptor: BitwiseCopyable, Sendable {
  enum Mode: UInt8, BitwiseCopyable, Sendable {
    /// A regular file opened for appending, or a device: all lines go out with one write.
    case file
    /// A pipe or terminal under an open file of our own, which does not block.
    case pipe
    /// A pipe, socket or terminal whose open file others share: it may block.
    case borrowed
    /// A regular file that others have opened, and not for appending.
    case positioned
  }

  var number: Int32
  var mode: Mode

  /// Bytes that are written at once: what a pipe takes whole or not at all (POSIX).
  var limit: Int { mode == .pipe || mode == .borrowed ? Int(PIPE_BUF) : .max }

  @inline(__always) func write(_ bytes: UnsafeRawBufferPointer) -> WriteResult {
    let result: Int
    switch mode {
    case .file, .pipe: result = clinux_write(number, bytes.baseAddress, bytes.count)
    case .positioned: result = clinux_write_at_end(number, bytes.baseAddress, bytes.count)
    case .borrowed: result = clinux_write_at_once(number, bytes.baseAddress, bytes.count)
    }
    if result >= 0 { return .bytes(result) }
    return result == -Int(EAGAIN) ? .wouldBlock : .failed(KernelError(result: result))
  }
}

/// A log file, known by its inode, for as long as somebody has it open or it owes something.
final class OpenLog: UnfinishedLog {
  private struct State: Sendable {
    var owed = OwedLines()
    /// Through which what is owed is written, and which holds the lock of a torn line.
    var keeper: LogDescriptor?
    /// Nobody reads the pipe or socket any more.
    var isBroken = false
    /// Another process writes the same file.
    var hasNeighbour = false
    /// Somebody writes it at a place of its own, not at the end.
    var isPositioned = false

    /// No write may go past the lock.
    var isExclusive: Bool { hasNeighbour || isPositioned }
  }

  /// For messages.
  let name: String
  private let state: Guarded<State>
  /// Writers under way, and `closed` or `torn` when all others must take the lock.
  private let gate: Atomic<UInt32>

  private static var torn: UInt32 { 1 << 30 }
  private static var closed: UInt32 { 1 << 31 }
  private static var writers: UInt32 { torn - 1 }

  init(name: String, hasNeighbour: Bool = false) {
    self.name = name
    state = Guarded(State(hasNeighbour: hasNeighbour))
    gate = Atomic(hasNeighbour ? Self.closed : 0)
  }

  deinit {
    if let keeper = state.current.keeper { _ = clinux_close(keeper.number) }
  }

  // MARK: Writing

  /// Appends whole lines; returns how many bytes of them the file took, or owes.
  @inline(__always) func append(
    _ lines: UnsafeRawBufferPointer, to file: LogDescriptor
  ) -> WriteResult {
    if gate.add(1, ordering: .acquiring).oldValue < Self.torn {
      if file.mode == .file {
        let result = clinux_write(file.number, lines.baseAddress, lines.count)
        if result == lines.count {
          gate.subtract(1, ordering: .releasing)
          return .bytes(result)
        }
        return settle(lines, result, file)
      }
      if let result = appendPieces(lines, to: file) { return result }
    } else {
      gate.subtract(1, ordering: .releasing)
    }
    return appendAlone(lines, to: file)
  }

  /// Ends a write that the file did not take whole.
  @inline(never) private func settle(
    _ lines: UnsafeRawBufferPointer, _ result: Int, _ file: LogDescriptor
  ) -> WriteResult {
    defer { gate.subtract(1, ordering: .releasing) }
    guard result > 0 else {
      if result == 0 || result == -Int(EAGAIN) { return .wouldBlock }
      return .failed(KernelError(result: result))
    }
    return .bytes(tear(lines, result, file))
  }

  /// Notes what a file got of `lines`. From the first statement on nobody begins to write.
  private func tear(
    _ lines: UnsafeRawBufferPointer, _ written: Int, _ file: LogDescriptor
  ) -> Int {
    if OwedLines.wholeCount(of: lines, written: written) == written { return written }
    gate.bitwiseOr(Self.torn, ordering: .acquiringAndReleasing)
    let taken = state.withLock { state -> Int in
      defer { Self.keep(file, &state) }
      return state.owed.tear(lines, written: written)
    }
    LogFinisher.watch(self)
    return taken
  }

  /// Appends what a pipe takes whole or not at all. Nil when that is not how it goes: a line is too
  /// long for it, or it needs the lock for another reason. The writer is counted out then.
  @inline(never) private func appendPieces(
    _ lines: UnsafeRawBufferPointer, to file: LogDescriptor
  ) -> WriteResult? {
    defer { gate.subtract(1, ordering: .releasing) }
    guard file.mode != .positioned else { return nil }
    var taken = 0
    while taken < lines.count {
      let waiting = UnsafeRawBufferPointer(rebasing: lines[taken...])
      let size = OwedLines.piece(of: waiting, limit: file.limit)
      if size > file.limit { return taken > 0 ? .bytes(taken) : nil }
      let result = file.write(UnsafeRawBufferPointer(rebasing: waiting[..<size]))
      guard case .bytes(let count) = result, count > 0 else {
        return taken > 0 ? .bytes(taken) : result
      }
      taken += tear(waiting, count, file)
      if count < size { break }
    }
    return .bytes(taken)
  }

  /// Appends while nobody else does.
  @inline(never) private func appendAlone(
    _ lines: UnsafeRawBufferPointer, to file: LogDescriptor
  ) -> WriteResult {
    let (result, owes) = state.withLock { state -> (WriteResult, Bool) in
      let wasWhole = state.owed.isWhole
      let result = alone(&state, file) { state -> WriteResult in
        if let keeper = state.keeper, let result = state.owed.complete(keeper.write) {
          return result
        }
        return state.owed.append(lines, limit: file.limit, file.write)
      }
      return (result ?? .wouldBlock, wasWhole && !state.owed.isWhole)
    }
    if owes { LogFinisher.watch(self) }
    return result
  }

  /// Does something while nobody else writes to the file. Nil when somebody does; nobody is waited
  /// for longer than a write takes that does not block.
  private func alone<Result>(
    _ state: inout State, _ file: LogDescriptor, _ body: (inout State) -> Result
  ) -> Result? {
    gate.bitwiseOr(Self.closed, ordering: .acquiringAndReleasing)
    defer { if !state.isExclusive { gate.bitwiseAnd(~Self.closed, ordering: .releasing) } }
    var patience = 1_000
    while gate.load(ordering: .acquiring) & Self.writers != 0 {
      patience -= 1
      if patience == 0 { return nil }
      sched_yield()
    }
    if state.hasNeighbour && OpenLogs.isNeighbourGone { state.hasNeighbour = false }
    let holder = state.keeper ?? file
    if state.hasNeighbour && clinux_lock_open_file(holder.number) == -EAGAIN { return nil }
    let result = body(&state)
    if state.owed.isWhole {
      _ = clinux_unlock_open_file(holder.number)
      gate.bitwiseAnd(~Self.torn, ordering: .releasing)
    } else {
      gate.bitwiseOr(Self.torn, ordering: .releasing)
      Self.keep(file, &state)
    }
    if state.owed.isEmpty, let keeper = state.keeper {
      _ = clinux_close(keeper.number)
      state.keeper = nil
    }
    return result
  }

  /// Keeps a descriptor for what is owed, with the lock that says to other processes that a line is
  /// torn. Without a free descriptor, whoever has the file open writes on.
  private static func keep(_ file: LogDescriptor, _ state: inout State) {
    if state.keeper == nil {
      let copy = clinux_duplicate(file.number)
      if copy >= 0 { state.keeper = LogDescriptor(number: copy, mode: file.mode) }
    }
    if !state.owed.isWhole, let keeper = state.keeper {
      _ = clinux_lock_open_file(keeper.number)
    }
  }

  // MARK: Sharing

  /// From now on another process writes the file, too; or not any more.
  func share(withNeighbour hasNeighbour: Bool) {
    change { $0.hasNeighbour = hasNeighbour }
  }

  /// Somebody writes it at a place of its own from now on.
  func becomePositioned() { change { $0.isPositioned = true } }

  private func change(_ body: (inout State) -> Void) {
    state.withLock { state in
      body(&state)
      if state.isExclusive {
        gate.bitwiseOr(Self.closed, ordering: .releasing)
      } else {
        gate.bitwiseAnd(~Self.closed, ordering: .releasing)
      }
    }
  }

  /// Begins a line anew behind one that an earlier process could not complete.
  func beginLine() {
    gate.bitwiseOr(Self.torn, ordering: .acquiringAndReleasing)
    state.withLock { state in
      guard state.owed.isEmpty else { return }
      let end: [UInt8] = [0x20, 0x0a]
      _ = end.withUnsafeBytes { state.owed.tear($0, written: 1) }
    }
  }

  // MARK: What is left

  /// Takes over the lines of a writer that ends, if at most `limit` bytes are owed in all. Returns
  /// how many bytes of whole lines it took.
  func leave(_ lines: UnsafeRawBufferPointer, _ file: LogDescriptor, limit: Int) -> Int {
    let taken = state.withLock { state -> Int in
      Self.keep(file, &state)
      return state.keeper == nil ? 0 : state.owed.leave(lines, limit: limit)
    }
    if taken > 0 { LogFinisher.watch(self) }
    return taken
  }

  /// True when the last of its lines is only half in the file.
  var isTorn: Bool { gate.load(ordering: .relaxed) & Self.torn != 0 }

  var isFinished: Bool { state.withLock { $0.owed.isEmpty } }

  func carryOn() -> Bool {
    state.withLock { state -> Bool in
      guard let keeper = state.keeper else { return false }
      var isBroken = false
      let result = alone(&state, keeper) { state -> Bool in
        return state.owed.carryOn(limit: min(keeper.limit, Self.pieceBytes)) { bytes in
          let result = keeper.write(bytes)
          if case .failed(let error) = result { isBroken = error.code == EPIPE }
          return result
        }
      }
      state.isBroken = isBroken
      return result ?? false
    }
  }

  var isHopeless: Bool { state.withLock { $0.isBroken } }

  /// What is written at once to a file of what was left: others want to write, too.
  private static var pieceBytes: Int { 256 * 1024 }

  func close() {
    state.withLock { state in
      guard let keeper = state.keeper else { return }
      _ = clinux_close(keeper.number)
      state.keeper = nil
    }
  }

  func giveUp() -> LogLoss {
    state.withLock { state in
      LogLoss(name: name, lines: state.owed.lineCount, bytes: state.owed.byteCount)
    }
  }
}
