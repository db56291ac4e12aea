import Basics
import Policy
import Telemetry

/// `otel_trace` and `otel_trace_context` of one place.
public struct TracingPlan: Sendable, BitwiseCopyable {
  /// A client's context is continued, if the client is trusted.
  public var extracts = false
  /// Backends are told the context.
  public var injects = false
  /// Which traces are sampled.
  public var sampling = SamplingRule.off
  /// `otel_trace $variable`: what decides about each request; empty for `sampling`.
  public var decision = Template(parts: .empty)

  /// No traces.
  public init() {}

  /// True when its requests belong to traces.
  @inlinable public var isOn: Bool {
    extracts || injects || sampling != .off || !decision.isEmpty
  }
}
