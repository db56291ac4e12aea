// `waybill status`: what the running process has counted.

import ArgumentParser
import Platform
import Telemetry

/// `waybill status`
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show what the running process has counted, as JSON.",
    discussion: """
      Asks the running process by its control socket (directive control). The numbers are the sums \
      of all workers, by the names of the metrics: requests, durations, connections, tries, \
      errors, lost log lines and more.
      """)

  @OptionGroup var control: ControlOptions

  @Flag(name: .customLong("metrics"), help: "As text, in the form that Prometheus reads.")
  var isText = false

  func run() throws { throw perform().error }

  private func perform() -> ExitStatus {
    guard let path = control.findSocket() else { return .usage }
    let format: MetricsFormat = isText ? .prometheus : .json
    guard let page = ControlClient(path: path).page(.status(format)) else { return .failure }
    return output(page)
  }
}
