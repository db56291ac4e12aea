// Questions that only the workers can answer. They are asked one after the other, as each worker
// has room for one; who asks the same as somebody who still waits gets the same answer.

import Basics
import Engine
import Platform
import Policy

/// Asks the workers, and waits for none of them.
struct InquiryDesk {
  /// A question, and who has asked it.
  private struct Inquiry {
    var question: WorkerQuestion
    var askers: [Int]
  }

  /// One whose answers come in.
  private struct Running {
    var inquiry: Inquiry
    /// Those who have not answered yet.
    var workers: [ServingWorker]
    var deadline: Int
    var answer = WorkerAnswer()
  }

  let roster: WorkerRoster
  private var running: Running?
  private var waiting: [Inquiry] = []

  init(roster: WorkerRoster) { self.roster = roster }

  /// True when no answer is waited for.
  var isIdle: Bool { running == nil && waiting.isEmpty }

  /// Asks for somebody.
  mutating func add(_ question: WorkerQuestion, asker: Int) {
    // An order is given as often as it was asked for; a list may be shared.
    if case .requests = question,
      let index = waiting.firstIndex(where: { $0.question == question })
    {
      waiting[index].askers.append(asker)
    } else {
      waiting.append(Inquiry(question: question, askers: [asker]))
    }
  }

  /// Goes on, and returns what is complete: for whom, the answer, and the workers that it lacks.
  mutating func takeAnswers() -> [(askers: [Int], answer: WorkerAnswer, silent: [Int])] {
    var complete: [(askers: [Int], answer: WorkerAnswer, silent: [Int])] = []
    while !isIdle {
      if running == nil { begin() }
      collect()
      guard let done = running else { break }
      let isLate = MachineTime.milliseconds >= done.deadline
      guard done.workers.isEmpty || isLate else { break }
      complete.append((done.inquiry.askers, done.answer, done.workers.map(\.number)))
      running = nil
    }
    return complete
  }

  private mutating func begin() {
    let inquiry = waiting.removeFirst()
    let asked = roster.workers.filter { worker in
      let isThere = worker.desk?.ask(inquiry.question) == true
      if isThere { worker.mailbox.post(.answer) }
      return isThere
    }
    running = Running(
      inquiry: inquiry, workers: asked,
      deadline: MachineTime.milliseconds + Limits.answeringTime.milliseconds)
  }

  private mutating func collect() {
    guard var current = running else { return }
    current.workers.removeAll { worker in
      guard let answer = worker.desk?.answer(withinMilliseconds: 0) else {
        // One that has ended meanwhile had nothing left to tell of.
        return worker.hasEnded
      }
      current.answer.add(answer)
      return true
    }
    running = current
  }
}

extension WorkerAnswer {
  /// Adds what another worker says.
  fileprivate mutating func add(_ other: WorkerAnswer) {
    lines += other.lines
    count += other.count
    omitted += other.omitted
    lostLines += other.lostLines
  }
}

extension Interval {
  var milliseconds: Int { Int(nanoseconds / 1_000_000) }
}
