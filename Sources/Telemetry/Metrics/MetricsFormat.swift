import HTTP

/// How metrics are written.
public enum MetricsFormat: UInt8, Sendable, BitwiseCopyable, CaseIterable {
  /// Prometheus' text format 0.0.4, which knows no exemplars.
  case prometheus
  /// OpenMetrics 1.0.
  case openMetrics
  /// One JSON object.
  case json

  /// The media type.
  public var contentType: StaticString {
    switch self {
    case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    case .json: "application/json"
    }
  }

  /// The text that an Accept field prefers: OpenMetrics for who names it and does not like plain
  /// text better, else plain text, whatever the field says.
  public init(accept: Span<UInt8>) {
    let open = ContentNegotiation.acceptance(
      of: "application/openmetrics-text", kind: "application/*", in: accept)
    let plain = ContentNegotiation.acceptance(of: "text/plain", kind: "text/*", in: accept)
    let isWanted = open.isNamed && open.weight > 0 && open.weight >= plain.weight
    self = isWanted ? .openMetrics : .prometheus
  }
}
