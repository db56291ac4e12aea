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

  private let limits = ControlLimits(
    connections: 3, questionBytes: 100, askingTime: 200, readingTime: 5_000, undisturbedTime: 10)

  /// One line there, all lines back; the file has the rights asked for and is gone at the end.
  @Test func aQuestionIsAnswered() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/control"
    let socket = try ControlSocket(path: path, mode: 0o600)
    var connections = ControlConnections(socket, limits)
    let stream = try LocalStream(path: path)
    let isTaken = stream.write(Array("what\nmore".utf8), withinMilliseconds: 5_000)
    #expect(isTaken)
    guard case .question(let number, let line) = connections.next(withinMilliseconds: 5_000) else {
      throw KernelError(code: EIO)
    }
    connections.answer(number, line + [0x21])
    let answer = stream.everything(limit: 100, withinMilliseconds: 5_000)
    #expect(answer == Array("what!".utf8))
    socket.remove()
    #expect(throws: KernelError.self) { _ = try LocalStream(path: path) }
  }

  /// Who says too much is told so, and who says nothing is when his time is over.
  @Test func waitingHasAnEnd() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/control"
    let socket = try ControlSocket(path: path, mode: 0o600)
    var connections = ControlConnections(socket, limits)
    let silent = try LocalStream(path: path)
    let talker = try LocalStream(path: path)
    let isTaken = talker.write([UInt8](repeating: 0x61, count: 200), withinMilliseconds: 1_000)
    #expect(isTaken)
    let (first, second) = (
      connections.next(withinMilliseconds: 5_000), connections.next(withinMilliseconds: 5_000)
    )
    #expect(first == .unasked(2) && second == .unasked(1))
    connections.answer(1, Array("too late".utf8))
    let answer = silent.everything(limit: 100, withinMilliseconds: 1_000)
    #expect(answer == Array("too late".utf8))
    socket.remove()
  }

  /// As many as there is room for say nothing, one more asks: he is answered at once.
  @Test func silentOnesMakeRoom() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/control"
    let socket = try ControlSocket(path: path, mode: 0o600)
    var slow = limits
    slow.askingTime = 60_000
    var connections = ControlConnections(socket, slow)
    let one = try LocalStream(path: path)
    let two = try LocalStream(path: path)
    let three = try LocalStream(path: path)
    let four = try LocalStream(path: path)
    let asker = try LocalStream(path: path)
    _ = asker.write(Array("now\n".utf8), withinMilliseconds: 1_000)
    let event = connections.next(withinMilliseconds: 5_000)
    #expect(event == .question(of: 5, Array("now".utf8)))
    // They were there until now.
    let isHeard =
      one.write([], withinMilliseconds: 1) && two.write([], withinMilliseconds: 1)
      && three.write([], withinMilliseconds: 1) && four.write([], withinMilliseconds: 1)
    #expect(isHeard)
    socket.remove()
  }

  /// Another process answers from then on, by the same socket.
  @Test func aClosedOneTakesNobody() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/control"
    let socket = try ControlSocket(path: path, mode: 0o600)
    var connections = ControlConnections(socket, limits)
    let stream = try LocalStream(path: path)
    socket.close()
    let event = connections.next(withinMilliseconds: 5_000)
    #expect(event == .closed)
    _ = stream.write(Array("waits".utf8), withinMilliseconds: 1_000)
    #expect(socket.passedOn.count == 1)
    socket.remove()
    #expect(socket.passedOn.isEmpty)
  }

  /// Who waits for the next one is woken, and told that there is none.
  @Test func itsEndWakesWhoWaits() throws {
    let folder = try TemporaryFolder()
    let socket = try ControlSocket(path: folder.path + "/control", mode: 0o600)
    let threads = try WorkerThreads()
    let limits = limits
    try threads.start(name: "server") {
      var connections = ControlConnections(socket, limits)
      while connections.next() != .closed {}
    }
    socket.end()
    threads.join()
    #expect(throws: KernelError.self) { _ = try LocalStream(path: folder.path + "/control") }
  }
}
