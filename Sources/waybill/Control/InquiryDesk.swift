// Questions that only others can answer: the workers, and the processes that upgrades have replaced
// and that are finishing their requests. They are asked one after the other, because each worker
// has room for one question; clients that wait for the same answer share it.

import Basics
import Engine
import Platform
import Policy

/// Asks the workers, and waits for none of them.
struct InquiryDesk: Sendable {
  let roster: WorkerRoster
  private var running: Inquiry?
  private var waiting: [Inquiry] = []

  init(roster: WorkerRoster) { self.roster = roster }

  /// True when no answer is waited for.
  var isIdle: Bool { running == nil && waiting.isEmpty }

  /// Asks for somebody.
  mutating func add(_ question: ControlQuestion, asker: Int) {
    // An order is given as often as it was asked for; a list may be shared.
    if !question.isOrder, let index = waiting.firstIndex(where: { $0.question == question }) {
      waiting[index].askers.append(asker)
    } else {
      waiting.append(Inquiry(question, asker: asker))
    }
  }

  /// Goes on, and returns what is complete.
  mutating func takeAnswers() -> [Inquiry] {
    var complete: [Inquiry] = []
    while true {
      if running == nil {
        guard !waiting.isEmpty else { break }
        running = waiting.removeFirst()
        running?.begin(roster)
      }
      guard running?.carryOn() == true, let done = running else { break }
      complete.append(done)
      running = nil
    }
    return complete
  }
}

extension ControlQuestion {
  /// True for one that changes something.
  fileprivate var isOrder: Bool {
    switch self {
    case .abort, .steer: true
    case .requests, .errors, .upstreams, .status: false
    }
  }
}
