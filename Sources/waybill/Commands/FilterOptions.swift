// The conditions of `waybill logs` on its command line.

import ArgumentParser
import LogReading
import Policy

/// Which requests are wanted.
struct FilterOptions: ParsableArguments {
  @Option(help: "Waybill's, the client's or the backend's ID; at least 8 characters.")
  var id: String?

  @Option(help: ArgumentHelp("Status codes: 404, 5xx, 500-503,404.", valueName: "codes"))
  var status: String?

  @Option(help: "The method.")
  var method: String?

  @Option(help: "The host, with or without its port.")
  var host: String?

  @Option(
    help: ArgumentHelp("The path without the query; * and ? are wildcards.", valueName: "glob"))
  var path: String?

  @Option(help: ArgumentHelp("The client's address or network.", valueName: "cidr"))
  var client: String?

  @Option(help: ArgumentHelp("Minimum duration: 500ms, 2s.", valueName: "time"))
  var minDuration: String?

  @Option(help: ArgumentHelp("An error type, or any.", valueName: "type"))
  var error: String?

  @Option(
    name: [.customShort("S"), .long],
    help: ArgumentHelp(
      "From this time on: 10m, 08:00, today, 'yesterday 08:00', 2026-11-29T23:12, @1795384716.",
      valueName: "time"))
  var since: String?

  @Option(
    name: [.customShort("U"), .long], help: ArgumentHelp("Up to this time.", valueName: "time"))
  var until: String?

  /// The filter; an unknown word is an error that names it.
  func filter(local: LocalTime) throws -> EntryFilter {
    var filter = EntryFilter()
    if let id, id.utf8.count < WantedID.shortestBeginning {
      throw ValidationError(
        "--id \"\(id)\" is too short: \(WantedID.shortestBeginning) characters are needed.")
    }
    filter.id = WantedID(Array((id ?? "").utf8))
    filter.method =
      try parse(method, "--method", "a method, as GET") { FilterWords.method($0) } ?? []
    filter.host =
      try parse(host, "--host", "a host, as shop.example or shop.example:8080") {
        FilterWords.host($0)
      } ?? []
    filter.error =
      try parse(error, "--error", "any, or one of: \(FilterWords.errorNames)") {
        FilterWords.error($0)
      } ?? []
    filter.path =
      try parse(path, "--path", "a path that begins with / or *, as /api/*") {
        FilterWords.path($0)
      }
    filter.statuses =
      try parse(status, "--status", "codes from 100 to 999, as 404, 5xx or 500-503,404") {
        FilterWords.statuses($0)
      } ?? []
    filter.client =
      try parse(client, "--client", "an address or a network, as 10.0.0.7 or 10.0.0.0/8") {
        Network(parsing: Array($0.utf8).span)
      }
    filter.minimumDuration =
      try parse(minDuration, "--min-duration", "a duration, as 500ms, 2s or 1m30s") {
        FilterWords.duration($0)
      } ?? 0
    filter.since = try parseTime(since, "--since", local) ?? 0
    filter.until = try parseTime(until, "--until", local) ?? .max
    if filter.since > filter.until { throw ValidationError("--since is later than --until.") }
    return filter
  }

  private func parseTime(
    _ text: String?, _ option: String, _ local: LocalTime
  ) throws -> UInt64? {
    try parse(text, option, TimeWords.forms) { TimeWords.moment($0, local: local) }
  }

  /// The period that `text`, the value of `--against`, names.
  func period(_ text: String, local: LocalTime) throws -> ClosedRange<UInt64> {
    let filter = try filter(local: local)
    let expected =
      "a period, as 'yesterday 08:00..12:00', a day, as yesterday or 2026-11-30, or how much"
      + " earlier than --since it was, as 1d"
    let present = filter.since...max(filter.since, filter.until)
    let period = try parse(text, "--against", expected) {
      TimeWords.period($0, before: present, local: local)
    }
    return period!
  }

  private func parse<Value>(
    _ text: String?, _ option: String, _ expected: String, _ read: (String) -> Value?
  ) throws -> Value? {
    guard let text else { return nil }
    guard let value = read(text) else {
      throw ValidationError("invalid value \"\(text)\" for \(option); expected \(expected).")
    }
    return value
  }
}
