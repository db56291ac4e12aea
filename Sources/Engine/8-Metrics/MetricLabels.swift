// The values that labels take, in the order of the cells that they name.

import Policy
import Telemetry

/// The classes of a status, by its first digit.
let statusClasses = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"].map {
  MetricLabel("status_class", $0)
}

/// `RequestIDSource`, as the access log names it; `none` for requests without an ID.
let idSources = ["none", "generated", "client", "invalid", "duplicate", "untrusted"].map {
  MetricLabel("source", $0)
}

/// `Termination.Party`; `nobody` for requests that ended in order.
let parties = ["nobody", "client", "upstream", "proxy", "operator"].map {
  MetricLabel("ended_by", $0)
}

/// The names of error types, each with the types that share it.
let errorNames: [(label: MetricLabel, types: [Int])] = {
  var names: [(label: MetricLabel, types: [Int])] = []
  for type in ErrorType.allCases where type != .none {
    let label = MetricLabel("error", "\(type.name)")
    if let index = names.firstIndex(where: { $0.label == label }) {
      names[index].types.append(Int(type.rawValue))
    } else {
      names.append((label, [Int(type.rawValue)]))
    }
  }
  return names
}()

extension RequestLabels {
  var metricLabels: [MetricLabel] {
    [MetricLabel("server", server), MetricLabel("upstream", upstream)]
  }
}

extension HistogramSnapshot {
  /// The histogram whose cells begin at `cell` of a row.
  init(_ row: [UInt64], _ cell: Int, _ exemplars: [ExemplarSnapshot?] = []) {
    self.init(
      buckets: Array(row[cell..<cell + HistogramBounds.bucketCount]),
      sum: row[cell + HistogramCells.sum], exemplars: exemplars)
  }
}
