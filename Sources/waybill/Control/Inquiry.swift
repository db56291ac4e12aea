// One question to all workers of this process, and to the processes that upgrades have replaced and
// that are finishing their requests.

import Basics
import Engine
import LogReading
import Platform
import Policy
import Telemetry

/// A question, who has asked it, and what has come in.
struct Inquiry: Sendable {
  /// What all have said.
  struct Answer: Sendable {
    /// JSON objects, one a line.
    var lines: [UInt8] = []
    /// How many requests they are about.
    var count = 0
    /// How many more there are.
    var omitted = 0
    /// Log lines that could not be written since the start.
    var lostLines: UInt64 = 0
    /// Workers of this process that have not answered in time.
    var silentWorkers: [Int] = []
    /// Former processes that have not, or whose workers have not.
    var silentProcesses: [Int32] = []
  }

  let question: ControlQuestion
  var askers: [Int]
  private(set) var answer = Answer()
  /// Those who have not answered yet.
  private var workers: [ServingWorker] = []
  /// Former processes still to be asked: they answer somebody else.
  private var busyProcesses: [FormerProcess] = []
  /// Former processes that have not answered yet.
  private var askedProcesses: [FormerProcess] = []
  private var deadline = 0

  init(_ question: ControlQuestion, asker: Int) {
    self.question = question
    askers = [asker]
  }

  /// Asks those who may know.
  mutating func begin(_ roster: WorkerRoster) {
    deadline = MachineTime.milliseconds + Limits.answeringTime.milliseconds
    busyProcesses = roster.formerProcesses.filter { isFor($0.process) }
    guard isFor(nil) || isFor(ProcessControl.processID) else { return }
    if question == .errors { return addFailures(roster.failures) }
    guard let forWorkers = question.forWorkers else { return }
    workers = roster.workers.filter { worker in
      let isThere = worker.desk?.ask(forWorkers) == true
      if isThere { worker.mailbox.post(.answer) }
      return isThere
    }
  }

  /// Takes what has come in. True when that is all, or the time is over.
  mutating func carryOn() -> Bool {
    collectFromWorkers()
    askProcesses()
    collectFromProcesses()
    if workers.isEmpty && busyProcesses.isEmpty && askedProcesses.isEmpty { return true }
    guard MachineTime.milliseconds >= deadline else { return false }
    for process in askedProcesses { process.giveUp() }
    answer.silentWorkers = workers.map(\.number)
    answer.silentProcesses += (busyProcesses + askedProcesses).map(\.process)
    return true
  }

  /// False when the question is about a request of another process; nil is the one that serves.
  private func isFor(_ process: Int32?) -> Bool {
    guard case .abort(_, _, let wanted) = question else { return true }
    return wanted == process
  }

  // MARK: This process

  private mutating func collectFromWorkers() {
    workers.removeAll { worker in
      guard let told = worker.desk?.answer(withinMilliseconds: 0) else {
        // One that has ended meanwhile had nothing left to tell of.
        return worker.hasEnded
      }
      answer.lines += told.lines
      answer.count += told.count
      answer.omitted += told.omitted
      answer.lostLines += told.lostLines
      return true
    }
  }

  /// What the workers remember; no worker is asked for it. A line begins with its time.
  private mutating func addFailures(_ lines: [[UInt8]]) {
    answer.lines = lines.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { $0 }
    answer.count = lines.count
  }

  // MARK: Former processes

  private mutating func askProcesses() {
    for process in busyProcesses where process.ask(question.line) { askedProcesses.append(process) }
    busyProcesses.removeAll { process in
      process.isGone || askedProcesses.contains { $0 === process }
    }
  }

  private mutating func collectFromProcesses() {
    for process in askedProcesses {
      switch process.look() {
      case .pending: continue
      case .gone: break
      case .answered(let bytes): add(bytes, of: process.process)
      }
      askedProcesses.removeAll { $0 === process }
    }
  }

  /// Adds the answer of another process; each of its lines tells which one that is.
  private mutating func add(_ bytes: [UInt8], of process: Int32) {
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    guard let end = lines.last.flatMap({ LineMembers($0) }), end.text("answer") == "done" else {
      return answer.silentProcesses.append(process)
    }
    let rows = lines.dropLast().map { $0.dropLast() + ",\"process\":\(process)}\n".utf8 }
    answer.count += Int(end.number("count") ?? 0)
    answer.omitted += Int(end.number("omitted") ?? 0)
    answer.lostLines += end.number("lost_log_lines") ?? 0
    if !end.words("silent").isEmpty { answer.silentProcesses.append(process) }
    if question == .errors {
      mergeFailures(rows.map { Array($0) })
    } else {
      for row in rows { answer.lines += row }
    }
  }

  private mutating func mergeFailures(_ rows: [[UInt8]]) {
    let own = answer.lines.split(separator: UInt8(ascii: "\n")).map { line in
      Array(line) + [UInt8(ascii: "\n")]
    }
    answer.lines = (own + rows).sorted { $0.lexicographicallyPrecedes($1) }.flatMap { $0 }
  }
}

extension ControlQuestion {
  /// What a worker is asked; nil when no worker is.
  fileprivate var forWorkers: WorkerQuestion? {
    switch self {
    case .requests(let id): .requests(id: id)
    case .abort(let connection, let request, _): .abort(connection: connection, request: request)
    case .upstreams: .upstreams
    case .steer(let order, let key): .steer(order, key)
    case .errors, .status: nil
    }
  }
}

extension Interval {
  var milliseconds: Int { Int(nanoseconds / 1_000_000) }
}
