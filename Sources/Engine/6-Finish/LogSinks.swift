// Where log lines go: collected in memory during a turn, written with one call at its end. A sink
// that does not take them never stalls a request: lines wait in a bounded queue, then are counted
// and dropped. What waits when the worker ends is left to the process (`LogFarewell.swift`).

import Basics
import HTTP
import Plan
import Platform
import Policy
import Telemetry

/// The log files of a worker.
struct LogSinks: ~Copyable {
  /// One file and the lines that wait for it.
  struct Sink: BitwiseCopyable {
    var plan: LogSinkPlan
    /// Each message has a header of its own: for a syslog server, or for the journal.
    var hasHeader = false
    var descriptor = Descriptor.none
    /// The memory for lines that wait.
    var queue: UnsafeMutablePointer<UInt8>
    /// Where in the memory the first of them begins.
    var start = 0
    /// Bytes of all of them.
    var count = 0
    /// Lines dropped since writing stopped working.
    var droppedCount: UInt64 = 0
    /// Responses sent before their lines, against `sync=response`, since writing stopped working.
    var lateCount: UInt64 = 0
    /// Lines dropped since the start, as far as they have been reported.
    var droppedTotal: UInt64 = 0
    /// When to write (again); `never` when nothing waits.
    var writeAt = Instant.never
    /// How long it is left alone after a write that it did not take whole.
    var retryPause = Limits.logFirstRetry
    /// True while writes fail.
    var isStalled = false
    /// A syslog server's socket that failed: a new one is made for the next write.
    var isBroken = false
    /// True when lines were dropped and writing works again.
    var owesReport = false
    /// When the next report of dropped lines may be made, if others are lost meanwhile.
    var reportAt = Instant(nanoseconds: 0)

    /// The lines that wait.
    var lines: UnsafeMutablePointer<UInt8> { queue + start }
  }

  // Changed in place, and the compiler can't do that through a buffer pointer with ThreadSanitizer.
  private let sinks: UnsafeMutablePointer<Sink>
  /// The numbers of the sinks.
  let indices: Range<Int>
  /// Bytes of lines that wait for one sink at most.
  let queueBytes: Int
  /// Sinks that got lines in this turn, so that the others need not be looked at.
  private(set) var hasNews = false
  /// Lines dropped since the start, in all logs, for the metrics.
  private(set) var refusedTotal: UInt64 = 0

  init(
    _ plans: FrozenArray<LogSinkPlan>, queueBytes: Int, journaled: Set<LogSinkPlan.Destination>
  ) {
    sinks = .allocate(capacity: plans.count)
    indices = 0..<plans.count
    self.queueBytes = queueBytes
    let capacity = queueBytes + queueBytes / 4
    for index in plans.indices {
      let queue = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
      (sinks + index).initialize(to: Sink(plan: plans[index], queue: queue))
      let destination = plans[index].destination
      sinks[index].hasHeader = destination == .syslog || journaled.contains(destination)
    }
  }

  deinit {
    for index in indices { sinks[index].queue.deallocate() }
    sinks.deallocate()
  }

  subscript(index: Int) -> Sink {
    get { sinks[index] }
    nonmutating set { sinks[index] = newValue }
  }

  /// A writer behind what waits for a sink.
  func writer(_ index: Int) -> ByteWriter {
    precondition(sinks[index].count <= queueBytes, "writer: more waits than may")
    let count = sinks[index].count
    return ByteWriter(
      UnsafeMutableBufferPointer(
        start: sinks[index].lines + count, count: queueBytes - count))
  }

  /// Something stands before each message.
  @inline(__always) func hasHeader(_ index: Int) -> Bool { sinks[index].hasHeader }

  /// A syslog server.
  func isSyslog(_ index: Int) -> Bool {
    sinks[index].plan.destination == .syslog
  }

  /// Takes over what a writer has appended; counts a line that did not fit.
  mutating func commit(_ index: Int, _ writer: ByteWriter) {
    hasNews = true
    if writer.overflowed {
      sinks[index].droppedCount &+= 1
      refusedTotal &+= 1
    } else {
      sinks[index].count &+= writer.count
    }
  }

  mutating func clearNews() { hasNews = false }

  /// Takes `count` bytes of whole lines out of a sink's queue. What is left is moved only when it
  /// has come so far that the memory behind it is needed: a long queue in front of a slow pipe
  /// would be copied at each write else.
  func remove(_ count: Int, from index: Int) {
    precondition(count >= 0, "remove: a negative number")
    precondition(count <= sinks[index].count, "remove: more than there is")
    let sink = sinks + index
    sink.pointee.count &-= count
    sink.pointee.start = sink.pointee.count == 0 ? 0 : sink.pointee.start &+ count
    guard sink.pointee.start > queueBytes / 4 else { return }
    sink.pointee.queue.update(from: sink.pointee.lines, count: sink.pointee.count)
    sink.pointee.start = 0
  }

  /// Lines dropped since the start, in all logs.
  var droppedTotal: UInt64 {
    indices.reduce(0) { $0 &+ sinks[$1].droppedTotal &+ sinks[$1].droppedCount }
  }

  /// What holds for a log on a network file system.
  var relayLimits: LogRelayLimits {
    LogRelayLimits(capacity: queueBytes, retry: Limits.logRetry)
  }

  /// When a waiting line must be written.
  var nextDeadline: Instant {
    var deadline = Instant.never
    for index in indices { deadline = min(deadline, sinks[index].writeAt) }
    return deadline
  }
}

extension Worker where K: ~Copyable {
  /// Opens all logs (anew): the lines that wait go to the old file first.
  mutating func openLogs() {
    for index in logs.indices {
      if logs[index].descriptor != .none { write(sink: index) }
      if let error = open(sink: index) {
        let path = logs[index].plan.path
        report(.emergency, "log", nil, nil) { line in
          line.append("a log can't be opened: ")
          line.append(path.span)
          line.append(": ")
          error.append(to: &line)
        }
      }
    }
  }

  /// Opens a log. When that fails, the one that is open stays. Nil when it worked.
  private mutating func open(sink index: Int) -> KernelError? {
    let plan = logs[index].plan
    let result: OpenResult
    switch plan.destination {
    case .file:
      // `sync=response` asks for lines that are in the file, whatever that costs.
      let limits = plan.isAhead ? nil : logs.relayLimits
      result = kernel.openLog(path: plan.path, standard: 0, relayed: limits)
    case .stdout: result = kernel.openLog(path: .empty, standard: 1, relayed: nil)
    case .stderr: result = kernel.openLog(path: .empty, standard: 2, relayed: nil)
    case .syslog: result = kernel.openSyslog(address: plan.server, unixPath: plan.serverPath)
    }
    switch result {
    case .failed(let error): return error
    case .opened(let descriptor):
      let old = logs[index].descriptor
      if old != .none && old != descriptor { kernel.closeLog(old) }
      logs[index].descriptor = descriptor
      logs[index].isBroken = false
      return nil
    }
  }

  /// True for a log that could not be opened, and for a syslog server that was not there or has
  /// been started anew.
  private func needsOpening(sink index: Int) -> Bool {
    logs[index].descriptor == .none || (logs[index].isBroken && logs.isSyslog(index))
  }

  /// Writes the lines of a turn, or those whose time has come.
  mutating func flushLogs() {
    guard logs.hasNews || logs.nextDeadline <= now else { return }
    flushWaitingLines()
    reportDroppedLines()
    // What was just reported is a line of this turn, too.
    if logs.hasNews { flushWaitingLines() }
  }

  private mutating func flushWaitingLines() {
    logs.clearNews()
    for index in logs.indices where logs[index].count > 0 { flush(sink: index) }
  }

  private mutating func flush(sink index: Int) {
    let sink = logs[index]
    if sink.isStalled {
      if sink.writeAt <= now { write(sink: index) }
      return
    }
    let isBuffered = sink.plan.bufferBytes > 0
    if isBuffered && sink.count < sink.plan.bufferBytes && sink.writeAt > now {
      if sink.writeAt == .never && sink.plan.flushInterval != .endless {
        logs[index].writeAt = now + sink.plan.flushInterval
      }
      return
    }
    write(sink: index)
  }

  /// Writes what waits for a sink before the turn's end, because the next line does not fit behind
  /// it. False when that made no room.
  mutating func makeRoom(sink index: Int) -> Bool {
    precondition(logs.indices.contains(index), "makeRoom: no such log")
    guard !logs[index].isStalled else { return false }
    let before = logs[index].count
    write(sink: index)
    return logs[index].count < before
  }

  /// Writes what waits for a sink, again at once as long as that brings lines into the file. A sink
  /// that takes no more is left alone for a while.
  mutating func write(sink index: Int) {
    if needsOpening(sink: index) { _ = open(sink: index) }
    let countBefore = logs[index].count
    var hasProgress = logs[index].descriptor != .none
    while hasProgress && logs[index].count > 0 { hasProgress = writeOnce(index) }
    let tookLines = logs[index].count < countBefore
    if tookLines && logs[index].droppedCount | logs[index].lateCount > 0 {
      // Under lasting overload the queue never empties: what was lost is said nevertheless.
      logs[index].owesReport = logs[index].count == 0 || logs[index].reportAt <= now
    }
    guard logs[index].count > 0 else { return }
    retryLater(sink: index, tookLines: tookLines)
  }

  /// Leaves a sink alone: for a moment if it takes lines, as a pipe does whose reader is slow, and
  /// longer each time that it takes none.
  private mutating func retryLater(sink index: Int, tookLines: Bool) {
    precondition(logs[index].count > 0, "retryLater: nothing waits")
    if tookLines { logs[index].retryPause = Limits.logFirstRetry }
    let pause = logs[index].retryPause
    logs[index].isStalled = true
    logs[index].writeAt = now + pause
    let longer = Interval(nanoseconds: 2 * pause.nanoseconds)
    logs[index].retryPause = min(longer, Limits.logRetry)
  }

  /// Writes once, and takes what the log took out of the queue. False when that was nothing.
  private mutating func writeOnce(_ index: Int) -> Bool {
    precondition(logs[index].count > 0, "writeOnce: nothing waits")
    precondition(logs[index].descriptor != .none, "writeOnce: the log is not open")
    let sink = logs[index]
    let lines = UnsafeRawBufferPointer(start: sink.lines, count: sink.count)
    switch kernel.writeLog(sink.descriptor, lines) {
    case .bytes(let count):
      precondition(count <= sink.count, "writeLog: more was taken than there was")
      settle(sink: index, taken: count)
      return count > 0
    case .wouldBlock: return false
    case .failed:
      logs[index].isBroken = true
      return false
    }
  }

  /// Begins a message of `severity` if a sink is a syslog server or the journal.
  @inline(__always) mutating func beginMessage(
    sink index: Int, severity: UInt8?, into writer: inout ByteWriter
  ) {
    if logs.hasHeader(index) { writeHeader(sink: index, severity: severity, into: &writer) }
  }

  @inline(never) private mutating func writeHeader(
    sink index: Int, severity: UInt8?, into writer: inout ByteWriter
  ) {
    guard logs.isSyslog(index) else {
      if let severity { SyslogHeader.writePriority(severity, into: &writer) }
      return
    }
    let header = logs[index].plan.header
    let time = Timestamp(microseconds: wall.microseconds, utcOffset: wall.utcOffset)
    header.write(
      severity: severity ?? header.severity, at: time, processID: settings.processID,
      into: &writer)
  }

  /// Takes what has been taken by a log out of its queue.
  mutating func settle(sink index: Int, taken: Int) {
    logs.remove(taken, from: index)
    guard logs[index].count == 0 else { return }
    logs[index].writeAt = .never
    logs[index].isStalled = false
    logs[index].retryPause = Limits.logFirstRetry
  }

  /// Says in one line how many lines were lost, once writing works again.
  mutating func reportDroppedLines() {
    for index in logs.indices where logs[index].owesReport {
      logs[index].owesReport = false
      logs[index].reportAt = now + Limits.logRetry
      if logs[index].lateCount > 0 { reportLateLines(sink: index) }
      guard logs[index].droppedCount > 0 else { continue }
      let lost = logs[index].droppedCount
      let path = logs[index].plan.path
      logs[index].droppedTotal &+= lost
      logs[index].droppedCount = 0
      let total = logs[index].droppedTotal
      report(.error, "log", nil, nil) { line in
        line.append(decimal: lost)
        line.append(" log lines were lost, because this log could not be written: ")
        line.append(path.span)
        line.append(", ")
        line.append(decimal: total)
        line.append(" in all since this worker's start")
      }
    }
  }

  private mutating func reportLateLines(sink index: Int) {
    let late = logs[index].lateCount
    let path = logs[index].plan.path
    logs[index].lateCount = 0
    report(.error, "log", nil, nil) { line in
      line.append(decimal: late)
      line.append(" responses were sent before their lines were in this log: ")
      line.append(path.span)
    }
  }
}
