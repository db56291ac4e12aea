import Basics
import Plan

/// What is counted apart: each server with each upstream of it, and each upstream. What has the
/// same name has the same counters, because nothing could tell two of a name apart.
extension PlanAssembler {
  /// Gives the locations from `first` on, which are one server's, the counters of their requests.
  func assignRequestMetrics(from first: Int, server: String) {
    for index in first..<locations.count {
      let isProxied = locations[index].contentAction == .proxy
      let upstream = isProxied ? text(upstreams[locations[index].upstream].name) : "none"
      locations[index].requestMetrics = requestMetrics(server: server, upstream: upstream)
    }
  }

  private func requestMetrics(server: String, upstream: String) -> Int {
    if let known = requestMetricsIndices[[server, upstream]] { return known }
    requestMetrics.append(
      RequestMetricsPlan(server: arena.freeze(server), upstream: arena.freeze(upstream)))
    requestMetricsIndices[[server, upstream]] = requestMetrics.count - 1
    return requestMetrics.count - 1
  }

  /// Gives all upstreams their counters. Returns their names.
  func assignUpstreamMetrics() -> [FrozenBytes] {
    var names: [FrozenBytes] = []
    var indices: [String: Int] = [:]
    for index in upstreams.indices {
      let name = upstreams[index].name
      if let known = indices[text(name)] {
        upstreams[index].metrics = known
        continue
      }
      indices[text(name)] = names.count
      upstreams[index].metrics = names.count
      names.append(name)
    }
    return names
  }

  private func text(_ bytes: FrozenBytes) -> String {
    String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
  }
}
