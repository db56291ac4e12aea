/// Numbers of a page in Prometheus's text format, by name and labels.
public struct MetricSamples: Sendable {
  /// One line of the page.
  public struct Sample: Sendable, Equatable {
    /// The metric's name, with `_bucket`, `_sum` or `_count` for a histogram.
    public var name: String
    /// The labels with their values.
    public var labels: [String: String]
    /// What it counts.
    public var value: Double
  }

  /// All samples in their order.
  public let samples: [Sample]

  /// The samples of a page; lines that are none are passed over.
  public init(_ page: [UInt8]) {
    samples = page.split(separator: UInt8(ascii: "\n")).compactMap {
      MetricSamples.sample(Array($0))
    }
  }

  /// The sum over all samples of a metric with these labels.
  public func sum(_ name: String, _ labels: [String: String] = [:]) -> UInt64 {
    let sum = samples.reduce(0.0) { sum, sample in
      let isMeant = sample.name == name && labels.allSatisfy { sample.labels[$0] == $1 }
      return isMeant ? sum + sample.value : sum
    }
    return UInt64(max(0, min(sum, 1e18)))
  }

  /// The values of a label in a metric, each once, in their order.
  public func values(of label: String, in name: String) -> [String] {
    var values: [String] = []
    for sample in samples where sample.name == name {
      if let value = sample.labels[label], !values.contains(value) { values.append(value) }
    }
    return values
  }

  /// The bound of the class that `share` of a histogram's samples do not exceed, all series
  /// together; nil when there is none, or they exceed all bounds.
  public func bound(_ share: Double, of name: String) -> Double? {
    let buckets = samples.filter { $0.name == name + "_bucket" }
    var counts: [Double: Double] = [:]
    var all = 0.0
    for bucket in buckets {
      if let bound = bucket.labels["le"].flatMap(Double.init), bound.isFinite {
        counts[bound, default: 0] += bucket.value
      } else {
        all += bucket.value
      }
    }
    guard all > 0 else { return nil }
    return counts.sorted { $0.key < $1.key }.first { $0.value >= all * share }?.key
  }

  private static func sample(_ line: [UInt8]) -> Sample? {
    guard let first = line.first, first != UInt8(ascii: "#") else { return nil }
    let end = line.firstIndex { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: " ") }
    guard var position = end else { return nil }
    let name = String(decoding: line[..<position], as: UTF8.self)
    var labels: [String: String] = [:]
    if line[position] == UInt8(ascii: "{") {
      guard let after = read(&labels, line, from: position + 1) else { return nil }
      position = after
    }
    let words = line[position...].split(separator: UInt8(ascii: " "))
    let number = words.first.flatMap { Double(String(decoding: $0, as: UTF8.self)) }
    return number.map { Sample(name: name, labels: labels, value: $0) }
  }

  /// Reads labels up to the closing brace; returns what follows it.
  private static func read(
    _ labels: inout [String: String], _ line: [UInt8], from start: Int
  ) -> Int? {
    var position = start
    while position < line.count, line[position] != UInt8(ascii: "}") {
      guard let equals = line[position...].firstIndex(of: UInt8(ascii: "=")),
        equals + 1 < line.count, line[equals + 1] == UInt8(ascii: "\"")
      else { return nil }
      let name = String(decoding: line[position..<equals], as: UTF8.self)
      var value: [UInt8] = []
      position = equals + 2
      while position < line.count, line[position] != UInt8(ascii: "\"") {
        if line[position] == UInt8(ascii: "\\"), position + 1 < line.count {
          position += 1
          value.append(line[position] == UInt8(ascii: "n") ? 0x0A : line[position])
        } else {
          value.append(line[position])
        }
        position += 1
      }
      labels[name] = String(decoding: value, as: UTF8.self)
      position += 1
      if position < line.count, line[position] == UInt8(ascii: ",") { position += 1 }
    }
    return position < line.count ? position + 1 : nil
  }
}
