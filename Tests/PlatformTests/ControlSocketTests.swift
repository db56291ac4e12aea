import Glibc
import Platform
import Synchronization
import Testing

/// Questions between threads and over a unix socket.
struct ControlSocketTests {
  /// An answer to an earlier question is not taken for the answer to this one.
  @Test func answersBelongToTheirQuestions() throws {
    let desk = try AnswerDesk<Int, String>()
    #expect(desk.take() == nil)
    #expect(desk.ask(1))
    let first = try #require(desk.take())
    #expect(first.question == 1)
    #expect(desk.ask(2))
    desk.put("late", for: first.number)
    #expect(desk.answer(withinMilliseconds: 1) == nil)
    let second = try #require(desk.take())
    #expect(desk.take() == nil)
    desk.put("right", for: second.number)
    #expect(desk.answer(withinMilliseconds: 1_000) == "right")
    #expect(desk.answer(withinMilliseconds: 1) == nil)
  }

  /// Nobody waits for a worker that has ended.
  @Test func aClosedDeskAnswersNothing() throws {
    let desk = try AnswerDesk<Int, String>()
    #expect(desk.ask(1))
    desk.close()
    #expect(desk.answer(withinMilliseconds: 60_000) == nil)
    #expect(!desk.ask(2))
  }

  /// The ring keeps the last lines, in order, and cuts long ones.
  @Test func theLastLinesAreKept() {
    let lines = RecentLines(places: 3, placeBytes: 4)
    #expect(lines.lines.isEmpty)
    for text in ["a", "", "long one", "d", "e"] {
      lines.add(Array(text.utf8))
    }
    #expect(lines.lines.map { String(decoding: $0, as: UTF8.self) } == ["long", "d", "e"])
  }

  /// One line there, all lines back; the file has the rights asked for and is gone at the end.
  @Test func aQuestionIsAnswered() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/control"
    let socket = try ControlSocket(path: path, mode: 0o600)
    let threads = try WorkerThreads()
    try threads.start(name: "server") {
      guard let stream = socket.next() else { return }
      let line = stream.line(limit: 100, withinMilliseconds: 5_000) ?? []
      _ = stream.write(socket.admits(stream) ? line + [0x21] : [], withinMilliseconds: 5_000)
    }
    let stream = try LocalStream(path: path)
    let isTaken = stream.write(Array("what\nmore".utf8), withinMilliseconds: 5_000)
    #expect(isTaken)
    let answer = stream.everything(limit: 100, withinMilliseconds: 5_000)
    #expect(answer == Array("what!".utf8))
    socket.remove()
    #expect(throws: KernelError.self) { _ = try LocalStream(path: path) }
  }

  /// Who says nothing, or too much, holds nobody up.
  @Test func waitingHasAnEnd() throws {
    let folder = try TemporaryFolder()
    let socket = try ControlSocket(path: folder.path + "/control", mode: 0o600)
    let silent = try LocalStream(path: folder.path + "/control")
    guard let first = socket.next() else { throw KernelError(code: EIO) }
    let nothing = first.line(limit: 100, withinMilliseconds: 20)
    #expect(nothing == nil)
    let talker = try LocalStream(path: folder.path + "/control")
    let isTaken = talker.write([UInt8](repeating: 0x61, count: 200), withinMilliseconds: 1_000)
    #expect(isTaken)
    guard let second = socket.next() else { throw KernelError(code: EIO) }
    let tooMuch = second.line(limit: 100, withinMilliseconds: 1_000)
    #expect(tooMuch == nil)
    _ = silent.write([], withinMilliseconds: 1)
    socket.remove()
  }

  /// Another process answers from then on, by the same socket.
  @Test func aClosedOneTakesNobody() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/control"
    let socket = try ControlSocket(path: path, mode: 0o600)
    let stream = try LocalStream(path: path)
    socket.close()
    let isOver = socket.next() == nil
    #expect(isOver)
    let isTaken = stream.write(Array("waits".utf8), withinMilliseconds: 1_000)
    #expect(isTaken && socket.passedOn.count == 1)
    socket.remove()
    #expect(socket.passedOn.isEmpty)
  }

  /// Who waits for the next one is woken, and told that there is none.
  @Test func itsEndWakesWhoWaits() throws {
    let folder = try TemporaryFolder()
    let socket = try ControlSocket(path: folder.path + "/control", mode: 0o600)
    let threads = try WorkerThreads()
    try threads.start(name: "server") { while let stream = socket.next() { _ = stream } }
    socket.end()
    threads.join()
    #expect(throws: KernelError.self) { _ = try LocalStream(path: folder.path + "/control") }
  }
}
