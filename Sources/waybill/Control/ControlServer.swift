// The thread that answers by the control socket, one question after the other. It never holds up a
// worker, and a worker that is busy holds it up for a limited time only.

import Engine
import LogReading
import Platform
import Telemetry

/// Answers questions about the running process.
struct ControlServer: Sendable {
  let socket: ControlSocket
  let roster: WorkerRoster
  let metrics: Metrics

  /// A question is one short line.
  private static let longestQuestion = 4096
  /// Milliseconds that somebody may take to ask, a worker to answer, and somebody to read.
  private static let askingTime = 1_000
  private static let answeringTime = 2_000
  private static let readingTime = 5_000

  /// Serves until the socket is closed.
  func run() {
    while let stream = socket.next() { serve(stream) }
  }

  private func serve(_ stream: consuming LocalStream) {
    // Read even from those who may not ask: closing with unread bytes would destroy the answer.
    let line = stream.line(
      limit: ControlServer.longestQuestion, withinMilliseconds: ControlServer.askingTime)
    guard socket.admits(stream) else { return refuse("permission denied", stream) }
    guard let line else { return refuse("no question came in time", stream) }
    guard let question = ControlQuestion(parsing: line) else {
      return refuse("the question is not understood", stream)
    }
    _ = stream.write(answer(question), withinMilliseconds: ControlServer.readingTime)
  }

  private func refuse(_ reason: String, _ stream: borrowing LocalStream) {
    let line = "{\"answer\":\"refused\",\"reason\":\"\(reason)\"}\n"
    _ = stream.write(Array(line.utf8), withinMilliseconds: ControlServer.readingTime)
  }

  private func answer(_ question: ControlQuestion) -> [UInt8] {
    switch question {
    case .errors: failures()
    case .status(let format): page(format)
    case .requests(let id): ask(.requests(id: id))
    case .abort(let connection, let request):
      ask(.abort(connection: connection, request: request))
    }
  }

  /// Asks all workers at once and joins what they say.
  private func ask(_ question: WorkerQuestion) -> [UInt8] {
    let workers = roster.workers
    let isAsked = workers.map { worker in
      let isThere = worker.desk?.ask(question) == true
      if isThere { worker.mailbox.post(.answer) }
      return isThere
    }
    let deadline = MachineTime.milliseconds + ControlServer.answeringTime
    var all = WorkerAnswer()
    var silent: [Int] = []
    for (index, worker) in workers.enumerated() where isAsked[index] {
      let left = max(0, deadline - MachineTime.milliseconds)
      guard let answer = worker.desk?.answer(withinMilliseconds: left) else {
        // One that has ended meanwhile had nothing left to tell of.
        if !worker.hasEnded { silent.append(worker.number) }
        continue
      }
      all.lines += answer.lines
      all.count += answer.count
      all.omitted += answer.omitted
      all.lostLines += answer.lostLines
    }
    return all.lines + end(all, silent: silent)
  }

  /// What the workers remember; no worker is asked for it. A line begins with its time.
  private func failures() -> [UInt8] {
    let lines = roster.failures.sorted { $0.lexicographicallyPrecedes($1) }
    var all = WorkerAnswer()
    all.count = lines.count
    return lines.flatMap { $0 } + end(all, silent: [])
  }

  /// What the workers have counted; no worker is asked for it.
  private func page(_ format: MetricsFormat) -> [UInt8] {
    let page = metrics.page(format)
    defer { page.deallocate() }
    return Array(page) + end(WorkerAnswer(), silent: [])
  }

  /// The last line: it tells that the answer is whole.
  private func end(_ all: WorkerAnswer, silent: [Int]) -> [UInt8] {
    let numbers = silent.map { "\($0)" }.joined(separator: ",")
    let line =
      "{\"answer\":\"done\",\"count\":\(all.count),\"omitted\":\(all.omitted),"
      + "\"lost_log_lines\":\(all.lostLines),\"workers\":\(roster.workers.count),"
      + "\"generation\":\(roster.newest.generation),\"silent\":[\(numbers)]}\n"
    return Array(line.utf8)
  }
}
