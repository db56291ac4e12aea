// The thread that answers by the control socket. It never holds up a worker, and neither a worker
// that is busy nor somebody who asks nothing holds up the others who ask.

import Engine
import LogReading
import Platform
import Policy
import Telemetry

/// Answers questions about the running process.
struct ControlServer: Sendable {
  let socket: ControlSocket
  let roster: WorkerRoster
  let metrics: Metrics

  private static let limits = ControlLimits(
    connections: Limits.controlConnections, questionBytes: Limits.questionBytes,
    askingTime: Limits.askingTime.milliseconds, readingTime: Limits.answerReadingTime.milliseconds,
    undisturbedTime: Limits.undisturbedAskingTime.milliseconds)

  /// How often it is looked whether the workers have answered, in milliseconds.
  private static let inquiryPause = 2

  /// Serves until the socket is closed.
  func run() {
    var connections = ControlConnections(socket, Self.limits)
    var desk = InquiryDesk(roster: roster)
    while true {
      switch connections.next(withinMilliseconds: desk.isIdle ? nil : Self.inquiryPause) {
      case .closed: return
      case .nothing: break
      case .denied(let number): connections.answer(number, refusal("permission denied"))
      case .unasked(let number): connections.answer(number, refusal("no question came in time"))
      case .question(let number, let line):
        if let answer = answer(line, number, &desk) { connections.answer(number, answer) }
      }
      for (askers, answer, silent) in desk.takeAnswers() {
        let bytes = answer.lines + end(answer, silent: silent)
        for number in askers { connections.answer(number, bytes) }
      }
    }
  }

  private func refusal(_ reason: String) -> [UInt8] {
    Array("{\"answer\":\"refused\",\"reason\":\"\(reason)\"}\n".utf8)
  }

  /// The answer; nil when the workers are asked for it.
  private func answer(_ line: [UInt8], _ number: Int, _ desk: inout InquiryDesk) -> [UInt8]? {
    switch ControlQuestion(parsing: line) {
    case .none: return refusal("the question is not understood")
    case .errors: return failures()
    case .status(let format): return page(format)
    case .requests(let id): desk.add(.requests(id: id), asker: number)
    case .abort(let connection, let request):
      desk.add(.abort(connection: connection, request: request), asker: number)
    }
    return nil
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
