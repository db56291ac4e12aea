// Answers to questions about the process, whichever way they arrived.

import Engine
import LogReading
import Platform
import Policy
import Telemetry

/// Answers questions. Those who ask are known by numbers of the caller's.
struct ControlAnswers: Sendable {
  private let metrics: Metrics
  private let roster: WorkerRoster
  private var desk: InquiryDesk

  /// How often it is looked whether the workers have answered, in milliseconds.
  private static let inquiryPause = 2

  init(_ roster: WorkerRoster, _ metrics: Metrics) {
    self.metrics = metrics
    self.roster = roster
    desk = InquiryDesk(roster: roster)
  }

  /// How often it is looked whether former processes have ended, in milliseconds: what is known of
  /// one holds a descriptor.
  private static let formerProcessPause = 1_000

  /// How many milliseconds to wait for the next question before `take` is called; nil without end.
  var pause: Int? {
    if !desk.isIdle { return Self.inquiryPause }
    return roster.formerProcesses.isEmpty ? nil : Self.formerProcessPause
  }

  /// True when no answer is under way.
  var isIdle: Bool { desk.isIdle }

  static func refusal(_ reason: String) -> [UInt8] {
    Array("{\"answer\":\"refused\",\"reason\":\"\(reason)\"}\n".utf8)
  }

  /// The answer; nil when others are asked for it, and `take` will return it.
  mutating func answer(_ line: [UInt8], asker: Int) -> [UInt8]? {
    switch ControlQuestion(parsing: line) {
    case .none: return Self.refusal("invalid question")
    // What the workers have counted; no worker is asked for it.
    case .status(let format): return metrics.page(format) + end(Inquiry.Answer())
    case .some(let question): desk.add(question, asker: asker)
    }
    return nil
  }

  /// The answers that are complete, and for whom.
  mutating func take() -> [(askers: [Int], answer: [UInt8])] {
    desk.takeAnswers().map { inquiry in
      (inquiry.askers, inquiry.answer.lines + end(inquiry.answer))
    }
  }

  /// The last line: it tells that the answer is whole.
  private func end(_ answer: Inquiry.Answer) -> [UInt8] {
    func list<Number: BinaryInteger>(_ numbers: [Number]) -> String {
      numbers.map { "\($0)" }.joined(separator: ",")
    }
    let line =
      "{\"answer\":\"done\",\"count\":\(answer.count),\"omitted\":\(answer.omitted),"
      + "\"lost_log_lines\":\(answer.lostLines),\"workers\":\(roster.workers.count),"
      + "\"generation\":\(roster.newest.generation),"
      + "\"silent\":[\(list(answer.silentWorkers))],"
      + "\"silent_processes\":[\(list(answer.silentProcesses))]}\n"
    return Array(line.utf8)
  }
}
