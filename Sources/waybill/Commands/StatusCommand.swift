// `waybill status`: what the running process has counted.

import ArgumentParser
import LogReading
import Platform
import Telemetry

/// `waybill status`
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show what the running process has counted.",
    discussion: """
      Queries the running process through its control socket (directive control). On a terminal, \
      prints a summary in words; otherwise, or with --json, the totals of all workers by metric \
      name: requests, durations, connections, attempts, errors, lost log lines and more.

      Example: waybill status -c proxy.conf
      """)

  @OptionGroup var control: ControlOptions

  @Flag(name: .customLong("json"), help: "Print JSON on a terminal, too.")
  var isJSON = false

  @Flag(name: .customLong("metrics"), help: "Print text in Prometheus's format.")
  var isText = false

  func validate() throws {
    if isJSON && isText { throw ValidationError("--json can't be combined with --metrics.") }
  }

  func run() throws { throw perform().error }

  private func perform() -> ExitStatus {
    guard let path = control.findSocket() else { return .usage }
    let isInWords = !isJSON && !isText && TerminalOutput.columns != nil
    let format: MetricsFormat = isText || isInWords ? .prometheus : .json
    guard let page = ControlClient(path: path).page(.status(format)) else { return .failure }
    guard isInWords else { return output(page) }
    return output(
      StatusText.render(
        MetricSamples(page), now: Double(MachineTime.now) / 1e6, width: TerminalOutput.columns,
        isColoured: TerminalOutput.isColoured))
  }
}
