// The threads that answer questions about the process: questions of users, through the control
// socket, and of the process that has replaced this one. They never delay a worker, and neither a
// busy worker nor a silent client delays other clients.

import Platform
import Policy

/// Answers by the control socket.
struct ControlServer: Sendable {
  let socket: ControlSocket
  let answers: ControlAnswers

  private static let limits = ControlLimits(
    connections: Limits.controlConnections, questionBytes: Limits.questionBytes,
    askingTime: Limits.askingTime.milliseconds, readingTime: Limits.answerReadingTime.milliseconds,
    undisturbedTime: Limits.undisturbedAskingTime.milliseconds)

  /// Serves until the socket is closed.
  func run() {
    var connections = ControlConnections(socket, Self.limits)
    var answers = answers
    while true {
      switch connections.next(withinMilliseconds: answers.pause) {
      case .closed: return
      case .nothing: break
      case .denied(let number):
        connections.answer(number, ControlAnswers.refusal("permission denied"))
      case .unasked(let number):
        connections.answer(number, ControlAnswers.refusal("no question was received in time"))
      case .question(let number, let line):
        if let answer = answers.answer(line, asker: number) { connections.answer(number, answer) }
      }
      for (askers, answer) in answers.take() {
        for number in askers { connections.answer(number, answer) }
      }
    }
  }
}

/// Answers the process that has taken the place of this one in an upgrade.
struct SuccessorServer: Sendable {
  let questions: SuccessorQuestions
  let answers: ControlAnswers

  /// Serves until the other process ends or the questions are closed, and no answer is under way.
  func run() {
    var answers = answers
    while true {
      switch questions.next(withinMilliseconds: answers.pause) {
      case .end:
        guard !answers.isIdle, let pause = answers.pause else { return }
        MachineTime.sleep(milliseconds: pause)
      case .nothing: break
      case .question(let number, let line):
        if let answer = answers.answer(line, asker: Int(number)) {
          questions.answer(number, answer)
        }
      }
      for (askers, answer) in answers.take() {
        for number in askers { questions.answer(UInt32(number), answer) }
      }
    }
  }
}
