import Engine
import Telemetry

/// A page of metrics in OpenMetrics, read by a parser that shares no code with the writer.
struct MetricSamples {
  struct Sample {
    let name: String
    let labels: [String: String]
    let value: Double
    /// The request that stands for it, and its value.
    let exemplar: (id: String, value: Double)?
  }

  let all: [Sample]

  init(_ metrics: Metrics) {
    all = String(decoding: metrics.page(.openMetrics), as: UTF8.self).split(separator: "\n")
      .filter { !$0.hasPrefix("#") }.map { MetricSamples.read($0) }
  }

  /// The sum of all samples of a name that have these labels.
  func sum(_ name: String, _ labels: [String: String] = [:]) -> Double {
    found(name, labels).reduce(0) { $0 + $1.value }
  }

  func found(_ name: String, _ labels: [String: String] = [:]) -> [Sample] {
    all.filter { sample in
      sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
    }
  }

  private static func read(_ line: Substring) -> Sample {
    let parts = line.split(separator: " # ")
    let words = parts[0].split(separator: " ")
    let heading = words[0].split(separator: "{")
    let exemplar = parts.count < 2 ? nil : parts[1].split(separator: " ")
    return Sample(
      name: String(heading[0]), labels: heading.count < 2 ? [:] : labels(heading[1]),
      value: Double(words[1]) ?? .nan,
      exemplar: exemplar.map { words in
        (labels(words[0].dropFirst())["request_id"] ?? "", Double(words[1]) ?? .nan)
      })
  }

  /// Labels whose values hold neither commas nor escapes, as those of the cases do.
  private static func labels(_ text: Substring) -> [String: String] {
    var labels: [String: String] = [:]
    for pair in text.split(separator: "}")[0].split(separator: ",") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      labels[String(parts[0])] = String(parts[1].dropFirst().dropLast())
    }
    return labels
  }
}
