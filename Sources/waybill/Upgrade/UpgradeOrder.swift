// `waybill -s upgrade`: waits for the result, unlike the other signals.

import Platform

/// Asks `process`, which the pid file at `path` names, for a binary upgrade.
func orderUpgrade(of process: ProcessHandle, pidPath path: String) -> ExitStatus {
  let answers: OrderAnswer
  do throws(KernelError) {
    answers = try OrderAnswer()
  } catch {
    report("can't receive an answer: \(error.describe())")
    return .failure
  }
  if let error = process.send(.upgrade, token: answers.token) {
    report("process \(process.number) of pid file \(path): \(error.describe())")
    return .failure
  }
  // Two steps; and it may take a moment to look at the signal, and to end the new process.
  let deadline = MachineTime.milliseconds + 2 * Upgrade.patience + 5_000
  while MachineTime.milliseconds < deadline && process.isThere {
    let answer = answers.next(from: process.number, withinMilliseconds: 100)
    if let answer { return tell(answer) }
  }
  return tellWithoutAnswer(process.number, path)
}

private func tell(_ answer: String) -> ExitStatus {
  let parts = answer.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
  let text = parts.count > 1 ? String(parts[1]) : ""
  guard parts.first == "serves" else {
    report("the upgrade failed: \(text)")
    return .failure
  }
  report("process \(text) serves")
  return .success
}

/// The signal may have been one with that of somebody else, who got the answer.
private func tellWithoutAnswer(_ process: Int32, _ path: String) -> ExitStatus {
  do throws(ProcessProblem) {
    let current = try PIDFile.running(path: path)
    if current.number != process { return tell("serves\n\(current.number)") }
  } catch {
    // Then nobody serves, or nobody can be found.
  }
  report("process \(process) did not report the result of the upgrade; see its error log")
  return .failure
}
