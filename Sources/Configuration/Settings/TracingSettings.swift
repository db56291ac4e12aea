import Plan
import Policy
import Telemetry

/// What one level says of traces; nil where it says nothing.
struct TracingSettings {
  /// `otel_trace_context`
  var context: TraceContextMode?
  /// `otel_trace`
  var sampling: SamplingSetting?

  func inheriting(_ outer: TracingSettings) -> TracingSettings {
    TracingSettings(context: context ?? outer.context, sampling: sampling ?? outer.sampling)
  }

  /// The same with defaults where nothing was said.
  var plan: TracingPlan {
    var plan = TracingPlan()
    plan.extracts = context == .extract || context == .propagate
    plan.injects = context == .inject || context == .propagate
    switch sampling {
    case nil: break
    case .rule(let rule): plan.sampling = rule
    case .variable(let decision): plan.decision = decision
    }
    return plan
  }
}

/// `otel_trace_context`
enum TraceContextMode {
  case extract, inject, propagate, ignore
}

/// `otel_trace`
enum SamplingSetting {
  case rule(SamplingRule)
  case variable(Template)
}
