// How another thread asks a worker something: it leaves a question here, posts the command `answer`
// to the worker's mailbox, and waits for the answer. The worker looks here only when told to.

import CLinux

/// A place for one question and its answer, between one thread that asks and one that answers.
///
/// An answer that comes after the asker has given up is dropped: it is known by its number.
public final class AnswerDesk<Question: Sendable, Answer: Sendable>: Sendable {
  private struct Content: Sendable {
    var number: UInt64 = 0
    var question: Question?
    var answer: Answer?
    var isClosed = false
  }

  private let content = Guarded(Content())
  /// An eventfd, written when an answer lies here.
  private let bell: Int32

  /// A desk without a question. Fails when descriptors have run out.
  public init() throws(KernelError) {
    bell = clinux_wake_create()
    guard bell >= 0 else { throw KernelError(result: Int(bell)) }
  }

  deinit { _ = clinux_close(bell) }

  // MARK: Who asks

  /// Leaves a question in place of any earlier one; false when nobody will answer any more.
  public func ask(_ question: Question) -> Bool {
    content.withLock { content in
      content.number &+= 1
      content.question = question
      content.answer = nil
      return !content.isClosed
    }
  }

  /// The answer to the last question; nil when it does not come in time.
  public func answer(withinMilliseconds limit: Int) -> Answer? {
    let deadline = clinux_monotonic_nanoseconds() + UInt64(limit) * 1_000_000
    while true {
      let answer = content.withLock { content in
        let answer = content.answer
        content.answer = nil
        return answer
      }
      if let answer { return answer }
      let now = clinux_monotonic_nanoseconds()
      guard now < deadline, !content.withLock({ $0.isClosed }) else { return nil }
      let left = Int32(clamping: (deadline - now) / 1_000_000 + 1)
      if clinux_wait_for(bell, 0, left) > 0 { _ = clinux_wake_take(bell) }
    }
  }

  // MARK: Who answers

  /// Takes the question that waits, and its number.
  public func take() -> (number: UInt64, question: Question)? {
    content.withLock { content in
      guard let question = content.question else { return nil }
      content.question = nil
      return (content.number, question)
    }
  }

  /// Gives the answer to the question of that number.
  public func put(_ answer: Answer, for number: UInt64) {
    content.withLock { if $0.number == number { $0.answer = answer } }
    _ = clinux_wake_post(bell)
  }

  /// Says that no question will be answered from now on.
  public func close() {
    content.withLock { $0.isClosed = true }
    _ = clinux_wake_post(bell)
  }
}
