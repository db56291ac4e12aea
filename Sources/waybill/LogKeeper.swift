// The thread that keeps logs small (`rotate=`): it puts files aside and packs them. The workers
// know nothing of it; they are told to open their logs anew, as by SIGUSR1.
//
// Only one process may do it for a log. One that has left its service to another follows what that
// one does with the files.
//
// No worker could do it: several write to one file, and packing takes seconds.

import Basics
import Plan
import Platform
import Policy
import Telemetry

/// Rotates the logs of a plan as long as it exists.
struct LogKeeper {
  private let thread: BackgroundThread

  /// Who puts files aside.
  enum Duty {
    /// This process, those with `rotate=`.
    case rotate
    /// Somebody else; this process opens all that got a new name anew.
    case follow
  }

  /// Begins; nil when there is nothing to do for any log. `reopen` tells the workers.
  init?(
    _ plan: Plan, _ duty: Duty, reopen: @escaping @Sendable () -> Void
  ) throws(KernelError) {
    let sinks = plan.tables.sinks
    let kept = sinks.indices.filter { index in
      duty == .rotate ? sinks[index].rotation.bytes > 0 : sinks[index].destination == .file
    }
    guard !kept.isEmpty else { return nil }
    thread = try BackgroundThread(name: "waybill-logs") { bell in
      var logs = kept.map { KeptLog(sinks[$0]) }
      if duty == .follow { reopen() }
      let errorLog = ProcessErrorLog(plan)
      var isPacking = false
      while !bell.hasRung(within: isPacking ? .milliseconds(0) : Limits.rotationInterval) {
        isPacking = false
        for index in logs.indices {
          if duty == .follow {
            logs[index].followPath(reopen)
          } else if logs[index].look(reopen, errorLog) {
            isPacking = true
          }
        }
      }
    }
  }

  /// Ends; what was being packed stays as it was.
  func end() { thread.end() }
}

/// A log that is rotated.
private struct KeptLog {
  private let files: NumberedFiles
  private let plan: LogRotationPlan
  /// The file that the workers write to.
  private var current: FileIdentity?
  /// True when there may be files that are not packed yet.
  private var mayHaveUnpacked: Bool
  private var packing: LogPacking?
  /// When to try again what failed. It is reported once, until it works again.
  private var retryAt = Instant(nanoseconds: 0)
  private var hasFailed = false

  init(_ sink: LogSinkPlan) {
    files = NumberedFiles(path: sink.path.text)
    plan = sink.rotation
    current = ReadableFile.identity(ofPath: files.path)
    mayHaveUnpacked = plan.packs
  }

  /// Does what is due. True when there is more to do at once.
  mutating func look(_ reopen: () -> Void, _ errorLog: ProcessErrorLog) -> Bool {
    defer { followPath(reopen) }
    guard MachineTime.monotonic >= retryAt else { return false }
    do throws(RotationProblem) {
      if let size = files.size, size >= plan.bytes { try rotate() }
      try pack()
      if packing == nil { hasFailed = false }
    } catch {
      packing = nil
      retryAt = MachineTime.monotonic + Limits.rotationRetry
      if !hasFailed { errorLog.report(.error, "log", error.message) }
      hasFailed = true
    }
    return packing != nil
  }

  private mutating func rotate() throws(RotationProblem) {
    try files.rotate(keep: plan.keep, from: plan.bytes)
    mayHaveUnpacked = plan.packs
  }

  private mutating func pack() throws(RotationProblem) {
    if let packing {
      if try packing.step() { self.packing = nil }
    } else if mayHaveUnpacked {
      switch try LogPacking.search(files) {
      case .found(let found): packing = found
      case .later: break
      case .none: mayHaveUnpacked = false
      }
    }
  }

  /// Tells the workers when the path has come to mean another file, whoever did that.
  mutating func followPath(_ reopen: () -> Void) {
    let identity = ReadableFile.identity(ofPath: files.path)
    if identity != current { reopen() }
    current = identity
  }
}
