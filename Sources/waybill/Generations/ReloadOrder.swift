// `waybill -s reload`: waits for the result and reports it.

import Platform

/// Has `process`, which the pid file at `path` names, read its configuration anew.
func orderReload(of process: ProcessHandle, pidPath path: String) -> ExitStatus {
  let answers: OrderAnswer
  do throws(KernelError) {
    answers = try OrderAnswer()
  } catch {
    report("can't receive an answer: \(error.describe())")
    return .failure
  }
  // A signal that meets another one of its kind is lost, and with it who has sent it; a second
  // reload does no harm.
  for _ in 0..<attempts {
    if let error = process.send(.reload, token: answers.token) {
      report("process \(process.number) of pid file \(path): \(error.describe())")
      return .failure
    }
    let deadline = MachineTime.milliseconds + patience
    while MachineTime.milliseconds < deadline && process.isThere {
      let answer = answers.next(from: process.number, withinMilliseconds: 100)
      if let answer { return tell(answer) }
    }
  }
  report("process \(process.number) did not report the result of the reload; see its error log")
  return .failure
}

/// How often the signal is sent, and how long an answer may take, in milliseconds: names may have
/// to be resolved, and a resolver gives up after ten seconds.
private let attempts = 3
private let patience = 20_000

private func tell(_ answer: String) -> ExitStatus {
  let lines = answer.split(separator: "\n")
  for line in lines.dropFirst() { report(String(line)) }
  if lines.first == "done" { return .success }
  report("reload failed; the old configuration stays in use")
  return .usage
}
