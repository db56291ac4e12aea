// The old process of an upgrade as long as it finishes what runs: the new one, which has taken over
// the control socket, passes questions on to it by the channel that both have. If the new one is
// itself replaced, it hands on the channel, too, so the process that serves knows all former ones.

import CLinux

/// A process that an upgrade has replaced. One question at a time is passed on to it.
public final class FormerProcess: Sendable {
  /// What has come of a question.
  public enum Progress: Equatable, Sendable {
    /// The answer is not whole yet.
    case pending
    /// All of the answer.
    case answered([UInt8])
    /// The process has ended.
    case gone
  }

  private struct State: Sendable {
    /// Begins with one that no earlier process has used: answers to it may still come.
    var number = UInt32(truncatingIfNeeded: MachineTime.milliseconds)
    /// Somebody waits for the answer to that question.
    var isAsked = false
    var isGone = false
    var answer: [UInt8] = []
  }

  /// The number of the process.
  public let process: Int32
  private let channel: HandoverChannel
  private let state = Guarded(State())

  /// The process at the other end of `channel`, which has said that it is replaced.
  public init(_ channel: HandoverChannel) {
    self.channel = channel
    process = channel.peer
  }

  /// What the next process needs to ask it.
  public var passedOn: PassedDescriptor {
    PassedDescriptor(Descriptor(number: channel.descriptor), isFormerProcess: true)
  }

  /// True once it has ended; it is not asked any more.
  public var isGone: Bool {
    state.withLock { state in
      if !state.isAsked { dropLateParts(&state) }
      return state.isGone
    }
  }

  /// Asks; false while somebody else waits for an answer, and when the process has ended.
  public func ask(_ question: [UInt8]) -> Bool {
    state.withLock { state in
      guard !state.isAsked else { return false }
      dropLateParts(&state)
      guard !state.isGone else { return false }
      state.number &+= 1
      state.answer = []
      state.isAsked = channel.send(
        .question, Message.text(of: state.number, question[...]), withinMilliseconds: 0)
      return state.isAsked
    }
  }

  /// Looks whether the answer has come. Called by the one who asked, until it is there, the process
  /// is gone, or `giveUp`.
  public func look() -> Progress {
    state.withLock { state in
      precondition(state.isAsked, "look: nothing was asked")
      while true {
        switch channel.receive() {
        case .nothing: return .pending
        case .word(.part, let bytes): Self.add(bytes, to: &state)
        case .word(.lastPart, let bytes):
          guard Self.add(bytes, to: &state) else { continue }
          state.isAsked = false
          return .answered(state.answer)
        case .word, .end:
          state.isAsked = false
          state.isGone = true
          return .gone
        }
      }
    }
  }

  /// Waits no longer for the answer; it is dropped when it comes.
  public func giveUp() { state.withLock { $0.isAsked = false } }

  /// Takes what has come of an answer that was given up, and notices the end of the process.
  private func dropLateParts(_ state: inout State) {
    while !state.isGone {
      switch channel.receive() {
      case .nothing: return
      case .word(.part, _), .word(.lastPart, _): continue
      case .word, .end: state.isGone = true
      }
    }
  }

  /// Adds a part; false for one of an answer that nobody waits for any more.
  @discardableResult private static func add(_ bytes: [UInt8], to state: inout State) -> Bool {
    guard let (number, part) = Message.parse(bytes), number == state.number else { return false }
    state.answer += part
    return true
  }

  /// A question or a part of an answer, as it is sent: the question's number, then the text.
  fileprivate enum Message {
    static let numberCount = 4

    static func text(of number: UInt32, _ text: ArraySlice<UInt8>) -> [UInt8] {
      (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } + text
    }

    static func parse(_ bytes: [UInt8]) -> (number: UInt32, text: ArraySlice<UInt8>)? {
      guard bytes.count >= numberCount else { return nil }
      let number = (0..<numberCount).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << ($1 * 8) }
      return (number, bytes[numberCount...])
    }
  }
}

/// The other end: what the new process asks the one that it has replaced.
public struct SuccessorQuestions: Sendable {
  /// What happens next.
  public enum Event: Equatable, Sendable {
    /// A question of that number.
    case question(UInt32, [UInt8])
    /// Nothing came in time.
    case nothing
    /// The new process has ended.
    case end
  }

  private let channel: HandoverChannel
  /// Milliseconds that the new process may take to make room for a part of an answer.
  private static let patience = 1_000

  /// Tells the process at the other end of `channel` that it may ask.
  public init(_ channel: HandoverChannel) {
    self.channel = channel
    channel.send(.replaced)
  }

  /// Takes no more questions.
  public func close() { _ = clinux_shutdown_reading(channel.descriptor) }

  /// The next question; waits for it at most that long, or for ever without a time.
  public func next(withinMilliseconds time: Int?) -> Event {
    switch channel.receive(withinMilliseconds: time ?? -1) {
    case .nothing: return .nothing
    case .word(.question, let bytes):
      guard let (number, text) = FormerProcess.Message.parse(bytes) else { return .end }
      return .question(number, Array(text))
    case .word, .end: return .end
    }
  }

  /// Sends the answer to the question of that number. One that is not taken in time is given up:
  /// who asked says that it has not come.
  public func answer(_ number: UInt32, _ bytes: [UInt8]) {
    let most = HandoverChannel.longestMessage - 1 - FormerProcess.Message.numberCount
    var rest = bytes[...]
    while rest.count > most {
      let part = FormerProcess.Message.text(of: number, rest.prefix(most))
      guard channel.send(.part, part, withinMilliseconds: Self.patience) else { return }
      rest = rest.dropFirst(most)
    }
    let last = FormerProcess.Message.text(of: number, rest)
    _ = channel.send(.lastPart, last, withinMilliseconds: Self.patience)
  }
}
