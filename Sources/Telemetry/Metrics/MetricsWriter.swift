import Basics

/// Writes metrics as text, family by family: `begin`, then its samples, and `finish` at the end.
///
/// What does not fit sets `overflowed`, as in `ByteWriter`.
public struct MetricsWriter {
  /// What was written.
  public private(set) var bytes: ByteWriter
  let format: MetricsFormat
  private var family = MetricFamily("", .gauge, "")
  private var familyCount = 0
  private var hasSample = false

  /// A writer that appends to `bytes`.
  public init(_ bytes: ByteWriter, format: MetricsFormat) {
    self.bytes = bytes
    self.format = format
    if format == .json { self.bytes.append("{") }
  }

  /// Begins a family; the samples that follow are its own.
  public mutating func begin(_ family: MetricFamily) {
    endFamily()
    self.family = family
    familyCount &+= 1
    hasSample = false
    if format == .json { return beginObject() }
    describe("# HELP ", family.help)
    describe("# TYPE ", kindName)
    if format == .openMetrics && family.unit.utf8CodeUnitCount > 0 {
      describe("# UNIT ", family.unit)
    }
  }

  /// Ends the last family and the whole.
  public mutating func finish() {
    endFamily()
    switch format {
    case .prometheus: break
    case .openMetrics: bytes.append("# EOF\n")
    case .json: bytes.append("}\n")
    }
  }

  /// Writes a sample of a counter or a gauge.
  public mutating func sample(_ labels: [MetricLabel], _ value: UInt64) {
    write(labels, nil, value)
  }

  /// Writes a sample that has one label more than others of the same row.
  public mutating func sample(_ labels: [MetricLabel], _ last: MetricLabel, _ value: UInt64) {
    write(labels, last, value)
  }

  private mutating func write(_ labels: [MetricLabel], _ last: MetricLabel?, _ value: UInt64) {
    if format == .json {
      beginSample(labels, last)
      bytes.append(",\"value\":")
      bytes.append(decimal: value)
      return bytes.append("}")
    }
    beginLine(family.kind == .counter ? "_total" : "", labels, last)
    bytes.append(decimal: value)
    bytes.append("\n")
  }

  /// Writes a gauge's sample that is a time, in microseconds, as seconds.
  public mutating func sample(_ labels: [MetricLabel], microseconds: UInt64) {
    if format == .json {
      beginSample(labels)
      bytes.append(",\"value\":")
      bytes.append(microsecondsAsSeconds: microseconds)
      return bytes.append("}")
    }
    beginLine("", labels)
    bytes.append(microsecondsAsSeconds: microseconds)
    bytes.append("\n")
  }

  /// Writes a histogram. Its buckets are cumulative in every format.
  public mutating func histogram(_ labels: [MetricLabel], _ histogram: HistogramSnapshot) {
    if format == .json { return object(labels, histogram) }
    var count: UInt64 = 0
    for bucket in histogram.buckets.indices {
      count &+= histogram.buckets[bucket]
      beginLine("_bucket", labels, bound: HistogramBounds.name(of: bucket))
      bytes.append(decimal: count)
      if format == .openMetrics, bucket < histogram.exemplars.count,
        let exemplar = histogram.exemplars[bucket]
      {
        append(exemplar)
      }
      bytes.append("\n")
    }
    beginLine("_sum", labels)
    append(nanosecondsAsSeconds: histogram.sum)
    bytes.append("\n")
    beginLine("_count", labels)
    bytes.append(decimal: count)
    bytes.append("\n")
  }

  // MARK: Text

  private var kindName: StaticString {
    switch family.kind {
    case .counter: "counter"
    case .gauge: "gauge"
    case .histogram: "histogram"
    }
  }

  /// A line about the family. OpenMetrics names a counter without the `_total` of its samples.
  private mutating func describe(_ title: StaticString, _ text: StaticString) {
    bytes.append(title)
    bytes.append(family.name)
    if format == .prometheus && family.kind == .counter { bytes.append("_total") }
    bytes.append(" ")
    bytes.append(text)
    bytes.append("\n")
  }

  /// Writes a sample's name, its labels, and the blank before its value.
  private mutating func beginLine(
    _ suffix: StaticString, _ labels: [MetricLabel], _ last: MetricLabel? = nil,
    bound: StaticString? = nil
  ) {
    bytes.append(family.name)
    bytes.append(suffix)
    var separator: StaticString = "{"
    for label in labels {
      bytes.append(separator)
      separator = ","
      bytes.append(label.text.span)
    }
    if let last {
      bytes.append(separator)
      separator = ","
      bytes.append(last.text.span)
    }
    if let bound {
      bytes.append(separator)
      bytes.append("le=\"")
      bytes.append(bound)
      bytes.append("\"")
    }
    bytes.append(labels.isEmpty && last == nil && bound == nil ? " " : "} ")
  }

  private mutating func append(_ exemplar: ExemplarSnapshot) {
    bytes.append(" # {")
    bytes.append(MetricLabel("request_id", exemplar.requestID).text.span)
    bytes.append("} ")
    append(nanosecondsAsSeconds: exemplar.value)
    bytes.append(" ")
    bytes.append(microsecondsAsSeconds: exemplar.time)
  }

  private mutating func append(nanosecondsAsSeconds nanoseconds: UInt64) {
    bytes.append(decimal: nanoseconds / 1_000_000_000)
    bytes.append(".")
    bytes.append(decimal: nanoseconds % 1_000_000_000, width: 9)
  }

  // MARK: JSON

  private mutating func beginObject() {
    bytes.append(familyCount == 1 ? "\"" : ",\"")
    bytes.append(family.name)
    if family.kind == .counter { bytes.append("_total") }
    bytes.append("\":{\"type\":\"")
    bytes.append(kindName)
    bytes.append("\",\"help\":\"")
    bytes.append(family.help)
    bytes.append("\",\"samples\":[")
  }

  private mutating func endFamily() {
    if familyCount > 0 && format == .json { bytes.append("]}") }
  }

  private mutating func beginSample(_ labels: [MetricLabel], _ last: MetricLabel? = nil) {
    if hasSample { bytes.append(",") }
    hasSample = true
    bytes.append("{\"labels\":{")
    for (index, label) in labels.enumerated() { append(member: label, isFirst: index == 0) }
    if let last { append(member: last, isFirst: labels.isEmpty) }
    bytes.append("}")
  }

  private mutating func append(member label: MetricLabel, isFirst: Bool) {
    bytes.append(isFirst ? "\"" : ",\"")
    bytes.append(label.name.span)
    bytes.append("\":\"")
    bytes.appendEscaped(label.value.span, .json)
    bytes.append("\"")
  }

  private mutating func object(_ labels: [MetricLabel], _ histogram: HistogramSnapshot) {
    beginSample(labels)
    bytes.append(",\"buckets\":{")
    var count: UInt64 = 0
    for bucket in histogram.buckets.indices {
      count &+= histogram.buckets[bucket]
      bytes.append(bucket == 0 ? "\"" : ",\"")
      bytes.append(HistogramBounds.name(of: bucket))
      bytes.append("\":")
      bytes.append(decimal: count)
    }
    bytes.append("},\"sum\":")
    append(nanosecondsAsSeconds: histogram.sum)
    bytes.append(",\"count\":")
    bytes.append(decimal: count)
    if histogram.exemplars.contains(where: { $0 != nil }) { list(histogram.exemplars) }
    bytes.append("}")
  }

  private mutating func list(_ exemplars: [ExemplarSnapshot?]) {
    var opening: StaticString = ",\"exemplars\":["
    for case (let bucket, let exemplar?) in exemplars.enumerated() {
      bytes.append(opening)
      opening = ","
      bytes.append("{\"le\":\"")
      bytes.append(HistogramBounds.name(of: bucket))
      bytes.append("\",\"request_id\":\"")
      bytes.appendEscaped(exemplar.requestID.span, .json)
      bytes.append("\",\"value\":")
      append(nanosecondsAsSeconds: exemplar.value)
      bytes.append(",\"time\":")
      bytes.append(microsecondsAsSeconds: exemplar.time)
      bytes.append("}")
    }
    bytes.append("]")
  }
}
