// `waybill status`: the metrics of the running process.

import ArgumentParser
import Platform
import Telemetry

/// `waybill status`
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show the metrics of the running process, as JSON.",
    discussion: """
      Queries the running process through its control socket (directive control). The numbers are \
      the totals of all workers, by metric name: requests, durations, connections, attempts, \
      errors, lost log lines and more.
      """)

  @OptionGroup var control: ControlOptions

  @Flag(name: .customLong("metrics"), help: "Print text in Prometheus's format.")
  var isText = false

  func run() throws { throw perform().error }

  private func perform() -> ExitStatus {
    guard let path = control.findSocket() else { return .usage }
    let format: MetricsFormat = isText ? .prometheus : .json
    guard let page = ControlClient(path: path).page(.status(format)) else { return .failure }
    return output(page)
  }
}
