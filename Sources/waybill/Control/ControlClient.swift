// Queries a running process through its control socket.

import ArgumentParser
import LogReading
import Plan
import Platform

/// Which process is asked.
struct ControlOptions: ParsableArguments {
  @OptionGroup var configuration: ConfigurationPath

  @Option(
    name: .customLong("control"),
    help: ArgumentHelp(
      "The control socket, instead of the one in the configuration.", valueName: "path"),
    completion: .file())
  var socketPath: String?

  /// The socket; nil when it is not known, which is reported.
  func findSocket() -> String? {
    if let path = socketPath { return path.hasPrefix("unix:") ? String(path.dropFirst(5)) : path }
    let path = configuration.given ?? ConfigurationPath.usual
    if configuration.given == nil, !LogFolder.exists(path) {
      report("\(path) does not exist; specify the configuration (-c) or the socket (--control)")
      return nil
    }
    guard let plan = loadConfiguration(path: path) else { return nil }
    guard let control = plan.process.control else {
      report("configuration \(path) has no control directive, so the process can't be queried")
      return nil
    }
    return control.path
  }
}

/// What came of a question.
struct ControlAnswer {
  /// The objects, one for each request.
  var rows: [LineMembers] = []
  /// How many requests they are about, or were concerned.
  var count = 0
}

/// One question and its answer.
struct ControlClient {
  let path: String

  /// The whole answer must have come by then: workers may take two seconds.
  private static let patience = 10_000
  private static let longestAnswer = 256 << 20

  /// Asks; nil when there is no answer, which is reported.
  func ask(_ question: ControlQuestion) -> ControlAnswer? {
    guard let (lines, end) = linesAnswering(question) else { return nil }
    note(end)
    return ControlAnswer(
      rows: lines.compactMap { LineMembers($0) }, count: Int(end.number("count") ?? 0))
  }

  /// Asks for a page of text; nil when there is no answer, which is reported.
  func page(_ question: ControlQuestion) -> [UInt8]? {
    guard let (lines, _) = linesAnswering(question) else { return nil }
    return lines.flatMap { $0 + [UInt8(ascii: "\n")] }
  }

  /// Which configuration of the process is in force; nil when nobody answers, which is no fault.
  var generation: UInt64? {
    do throws(KernelError) {
      let stream = try LocalStream(path: path)
      _ = stream.write(ControlQuestion.errors.line, withinMilliseconds: ControlClient.patience)
      let bytes = stream.everything(
        limit: ControlClient.longestAnswer, withinMilliseconds: ControlClient.patience)
      let lines = (bytes ?? []).split(separator: UInt8(ascii: "\n"))
      return lines.last.flatMap { LineMembers($0) }?.number("generation")
    } catch {
      return nil
    }
  }

  /// The lines of an answer, and the object behind them that says that it is whole.
  private func linesAnswering(
    _ question: ControlQuestion
  ) -> (lines: ArraySlice<ArraySlice<UInt8>>, end: LineMembers)? {
    let bytes: [UInt8]?
    do throws(KernelError) {
      let stream = try LocalStream(path: path)
      _ = stream.write(question.line, withinMilliseconds: ControlClient.patience)
      bytes = stream.everything(
        limit: ControlClient.longestAnswer, withinMilliseconds: ControlClient.patience)
    } catch {
      report("control socket \(path): \(error.describe())\(hint(error))")
      return nil
    }
    let lines = (bytes ?? []).split(separator: UInt8(ascii: "\n"))
    guard let end = lines.last.flatMap({ LineMembers($0) }), end.contains("answer") else {
      report("control socket \(path): the answer was incomplete")
      return nil
    }
    guard end.text("answer") == "done" else {
      report("control socket \(path): \(end.text("reason"))")
      return nil
    }
    return (lines.dropLast(), end)
  }

  private func hint(_ error: KernelError) -> String {
    switch error.kind {
    case .refused: "; is waybill running?"
    case .unreachable: "; ask as root, as its owner or as a member of its group"
    case .reset, .timedOut, .exhausted, .noSpace, .other: ""
    }
  }

  /// Says what the answer lacks.
  private func note(_ end: LineMembers) {
    if let omitted = end.number("omitted"), omitted > 0 {
      report("\(omitted) newer requests are not shown")
    }
    if let lost = end.number("lost_log_lines"), lost > 0 {
      report("\(lost) log lines have been lost since the start; see the error log")
    }
    let silent = end.words("silent")
    if !silent.isEmpty {
      report("no answer in time from worker \(silent.joined(separator: ", "))")
    }
    for process in end.words("silent_processes") {
      report("no answer in time from process \(process), which an upgrade has replaced")
    }
  }
}
