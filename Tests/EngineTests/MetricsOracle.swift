import Scenarios
import Testing

/// The metrics must tell the same story as the log lines, at the end of every case.
extension EngineBed {
  func checkMetrics(against lines: [AccessLine], _ sourceLocation: SourceLocation) {
    let samples = MetricSamples(metrics)
    var expected: [String: Double] = [:]
    for line in lines {
      for (name, value) in story(of: line) { expected[name, default: 0] += value }
    }
    for (name, value) in found(samples) where value != 0 || expected[name] != nil {
      #expect(expected[name] ?? 0 == value, "\(name)", sourceLocation: sourceLocation)
    }
    let seconds = lines.reduce(0) { $0 + max(0, $1.seconds) }
    let sum = samples.sum("waybill_http_request_duration_seconds_sum")
    // Log lines cut off what is below a microsecond.
    let excess = sum - seconds
    #expect(
      excess > -1e-6 && excess < 1e-6 * Double(lines.count + 1), sourceLocation: sourceLocation)
    for gauge in [
      "waybill_http_requests_in_flight", "waybill_client_connections",
      "waybill_upstream_connections",
    ] {
      #expect(samples.sum(gauge) == 0, "\(gauge)", sourceLocation: sourceLocation)
    }
    checkExemplars(samples, lines, sourceLocation)
  }

  /// What a line adds to which numbers.
  private func story(of line: AccessLine) -> [(String, Double)] {
    var story: [(String, Double)] = [
      ("requests", 1), ("durations", 1),
      ("worker requests", 1),
      ("status " + ((1...5).contains(line.status / 100) ? "\(line.status / 100)xx" : "other"), 1),
      ("source " + (line["id_source"] ?? "none"), 1),
      ("bytes in", Double(max(0, line.bytesIn))), ("bytes out", Double(max(0, line.bytesOut))),
    ]
    if line["upstream"] != nil { story.append(("tries", Double(max(1, line.tries.count)))) }
    if !line.error.isEmpty {
      let party = line.termination.split(separator: ":").first ?? "nobody"
      story.append(("error \(line.error) by \(party)", 1))
    }
    return story
  }

  /// The same numbers as the page has them.
  private func found(_ samples: MetricSamples) -> [(String, Double)] {
    var found = [
      ("requests", samples.sum("waybill_http_requests_total")),
      ("durations", samples.sum("waybill_http_request_duration_seconds_count")),
      ("worker requests", samples.sum("waybill_worker_requests_total")),
      ("bytes in", samples.sum("waybill_http_request_content_bytes_total")),
      ("bytes out", samples.sum("waybill_http_response_content_bytes_total")),
      ("tries", samples.sum("waybill_upstream_tries_total")),
    ]
    for name in ["other", "1xx", "2xx", "3xx", "4xx", "5xx"] {
      let count = samples.sum("waybill_http_requests_total", ["status_class": name])
      found.append(("status \(name)", count))
    }
    for sample in samples.found("waybill_http_request_ids_total") {
      found.append(("source \(sample.labels["source"] ?? "")", sample.value))
    }
    for sample in samples.found("waybill_http_errors_total") {
      let labels = sample.labels
      found.append(
        ("error \(labels["error"] ?? "") by \(labels["ended_by"] ?? "")", sample.value))
    }
    return found
  }

  /// The ID beside a bucket is that of a request that took as long as the bucket says.
  private func checkExemplars(
    _ samples: MetricSamples, _ lines: [AccessLine], _ sourceLocation: SourceLocation
  ) {
    for sample in samples.found("waybill_http_request_duration_seconds_bucket") {
      guard let exemplar = sample.exemplar else { continue }
      let isKnown = lines.contains { line in
        line.id == exemplar.id && abs(line.seconds - exemplar.value) < 1.1e-6
      }
      #expect(isKnown, "no line for \(exemplar)", sourceLocation: sourceLocation)
      let bound = Double(sample.labels["le"] ?? "") ?? .infinity
      #expect(exemplar.value <= bound, sourceLocation: sourceLocation)
    }
  }
}
