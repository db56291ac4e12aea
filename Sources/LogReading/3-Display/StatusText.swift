/// What a running process has counted, in words.
public struct StatusText {
  private let metrics: MetricSamples
  private let width: Int?
  private var text: StyledText
  /// Errors that are shown.
  private static var mostErrors: Int { 10 }

  /// The text of a page of metrics; `now` is in seconds since 1970.
  public static func render(
    _ metrics: MetricSamples, now: Double, width: Int?, isColoured: Bool
  ) -> [UInt8] {
    var text = StatusText(
      metrics: metrics, width: width, text: StyledText(isColoured: isColoured))
    text.writeProcess(now)
    text.writeRequests()
    text.writeConnections()
    text.writeErrors()
    text.writeUpstreams()
    return text.text.bytes
  }

  private mutating func line(_ title: String, _ parts: [String], _ style: Style = .plain) {
    text.append(safely: title.utf8, .bold, width: 12)
    var column = 12
    for (index, part) in parts.enumerated() {
      let piece = index + 1 < parts.count ? part + ", " : part
      if column > 12, column + piece.count > width ?? .max {
        text.append("\n" + String(repeating: " ", count: 12))
        column = 12
      }
      text.append(safely: piece.utf8, style)
      column += piece.count
    }
    text.append("\n")
  }

  private mutating func writeProcess(_ now: Double) {
    let version = metrics.values(of: "version", in: "waybill_build_info").first ?? "?"
    let start = metrics.samples.first { $0.name == "process_start_time_seconds" }?.value ?? now
    let workers = metrics.sum("waybill_workers")
    line(
      "waybill",
      [
        version, "up \(StatusText.span(now - start))",
        "configuration \(metrics.sum("waybill_configuration_generation"))",
        "\(workers) worker\(workers == 1 ? "" : "s")",
      ])
  }

  /// `3 d 4 h`, `12 min`, `40 s`
  private static func span(_ seconds: Double) -> String {
    let whole = UInt64(max(0, min(seconds, 1e12)))
    switch whole {
    case ..<60: return "\(whole) s"
    case ..<3_600: return "\(whole / 60) min"
    case ..<86_400: return "\(whole / 3_600) h \(whole / 60 % 60) min"
    default: return "\(whole / 86_400) d \(whole / 3_600 % 24) h"
    }
  }

  private mutating func writeRequests() {
    let all = metrics.sum("waybill_http_requests_total")
    let running = metrics.sum("waybill_http_requests_in_flight")
    line("requests", ["\(all) since the start", "\(running) in progress"])
    let name = "waybill_http_requests_total"
    let classes = metrics.values(of: "status_class", in: name).compactMap { status -> String? in
      let count = metrics.sum(name, ["status_class": status])
      return count > 0 ? "\(status) \(count) (\(Shares.percent(count, of: all)))" : nil
    }
    if !classes.isEmpty { line("status", classes) }
    let duration = "waybill_http_request_duration_seconds"
    let parts = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)].compactMap { name, share in
      metrics.bound(share, of: duration).map {
        "\(name) at most \(TimeText.short(UInt64(($0 * 1e6).rounded())))"
      }
    }
    if !parts.isEmpty { line("duration", parts) }
  }

  private mutating func writeConnections() {
    line(
      "clients",
      [
        "\(metrics.sum("waybill_client_connections")) connected",
        "\(metrics.sum("waybill_client_connections_accepted_total")) accepted",
        "\(metrics.sum("waybill_client_connections_refused_total")) refused",
      ])
    let lost = metrics.sum("waybill_log_lines_dropped_total")
    if lost > 0 { line("log lines", ["\(lost) lost; see the error log"], .red) }
    let pauses = metrics.sum("waybill_accept_pauses_total")
    if pauses > 0 { line("accepting", ["paused \(pauses) times: out of descriptors"], .red) }
  }

  private mutating func writeErrors() {
    let errors = metrics.samples.filter {
      $0.name == "waybill_http_errors_total" && $0.value > 0
    }.sorted { $0.value > $1.value }
    guard !errors.isEmpty else { return }
    text.append("\nerrors\n", .bold)
    for error in errors.prefix(StatusText.mostErrors) {
      text.append(right: "\(UInt64(error.value))", .red, width: 10)
      let (name, party) = (error.labels["error"] ?? "", error.labels["ended_by"] ?? "")
      text.append("  ")
      let room = width.map { max(1, $0 - 12) }
      text.append(cropping: "\(name) by \(party)".utf8, to: room, isLast: true)
      text.append("\n")
    }
    text.append("waybill why ERROR explains them\n", .faint)
  }

  private mutating func writeUpstreams() {
    let tries = "waybill_upstream_tries_total"
    let upstreams = metrics.values(of: "upstream", in: tries)
    guard !upstreams.isEmpty else { return }
    text.append("\nupstreams\n", .bold)
    var table = StatisticsTable(
      ["tries", "failed", "share", "retried", "suspended", "connections"].enumerated().map {
        StatisticsTable.Column(title: $1, rank: [0, 0, 3, 4, 1, 2][$0])
      }, nameTitle: "upstream")
    for upstream in upstreams {
      func count(_ name: String) -> UInt64 {
        metrics.sum("waybill_upstream_\(name)", ["upstream": upstream])
      }
      let (all, failed) = (count("tries_total"), count("failed_tries_total"))
      table.append(
        StatisticsTable.Row(
          cells: [
            "\(all)", "\(failed)", Shares.percent(failed, of: max(all, failed)),
            "\(count("retries_total"))", "\(count("peer_suspensions_total"))",
            "\(count("connections"))",
          ], styles: failed > 0 ? [1: .red] : [:], name: Array(upstream.utf8)))
    }
    table.write(to: &text, width: width)
  }
}
