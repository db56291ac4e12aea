import Testing

@testable import Platform

/// The questions to a process that an upgrade has replaced, with both ends in this one.
@Suite struct FormerProcessTests {
  private let former: FormerProcess
  private let questions: SuccessorQuestions

  init() throws {
    let (old, new) = try HandoverChannel.pair()
    questions = SuccessorQuestions(old)
    #expect(new.receive() == .word(.replaced, []))
    former = FormerProcess(new)
    #expect(former.process == ProcessControl.processID)
  }

  /// The number of the question that has come.
  private func question(_ text: String) throws -> UInt32 {
    guard case .question(let number, let bytes) = questions.next(withinMilliseconds: 0) else {
      throw KernelError(code: 0)
    }
    #expect(String(decoding: bytes, as: UTF8.self) == text)
    return number
  }

  @Test(arguments: [0, 1, 65_530, 65_531, 65_532, 150_000])
  func anAnswerOfAnySizeIsWhole(count: Int) throws {
    let answer = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    #expect(former.ask(Array("what".utf8)))
    #expect(former.look() == .pending)
    let number = try question("what")
    let (questions, former) = (questions, former)
    // A long answer waits for room until its first parts have been read.
    let answering = try BackgroundThread(name: "answers") { _ in questions.answer(number, answer) }
    defer { answering.end() }
    var progress = former.look()
    for _ in 0..<5_000 where progress == .pending {
      MachineTime.sleep(milliseconds: 1)
      progress = former.look()
    }
    let isWhole = progress == .answered(answer)
    #expect(isWhole)
  }

  @Test func oneQuestionAtATime() throws {
    #expect(former.ask(Array("first".utf8)))
    #expect(!former.ask(Array("second".utf8)))
    questions.answer(try question("first"), [1])
    #expect(former.look() == .answered([1]))
    #expect(former.ask(Array("second".utf8)))
    questions.answer(try question("second"), [2])
    #expect(former.look() == .answered([2]))
  }

  @Test func aLateAnswerIsNotTakenForTheNext() throws {
    #expect(former.ask(Array("first".utf8)))
    former.giveUp()
    let first = try question("first")
    #expect(former.ask(Array("second".utf8)))
    questions.answer(first, [1])
    #expect(former.look() == .pending)
    questions.answer(try question("second"), [2])
    #expect(former.look() == .answered([2]))
  }

  @Test func nothingIsTakenOnceItIsClosed() {
    #expect(questions.next(withinMilliseconds: 0) == .nothing)
    questions.close()
    #expect(questions.next(withinMilliseconds: nil) == .end)
  }

  @Test func theEndIsNoticed() throws {
    let gone = FormerProcess(try channelWithoutPeer())
    #expect(gone.isGone && !gone.ask([]))
    #expect(!FormerProcess(try channelWithoutPeer()).ask([]))
  }

  private func channelWithoutPeer() throws -> HandoverChannel { try HandoverChannel.pair().1 }
}
