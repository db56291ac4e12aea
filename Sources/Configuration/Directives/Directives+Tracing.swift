import Policy

/// `otel_*`: W3C Trace Context, by the names of nginx's OpenTelemetry module.
extension DirectiveCatalog {
  static let tracing: [Directive] = [
    Directive(
      "otel_trace_context", in: .everyLevel, "extract | inject | propagate | ignore",
      default: "ignore",
      """
      What is done with `traceparent`, `tracestate` and `baggage` (W3C Trace Context). `extract`: \
      the request continues the trace of the client's `traceparent`, which is passed on as it \
      came. `inject`: the request begins a new trace, and the backend gets a `traceparent` with \
      it, another one for each attempt. `propagate`: both. `ignore`: the headers pass like any \
      others. A trace is only continued if `request_id_trust` includes the peer; otherwise a new \
      one begins, and the client's value is logged as `client_traceparent`.
      """
    ) { builder, use in
      let modes: KeyValuePairs<String, TraceContextMode> = [
        "extract": .extract, "inject": .inject, "propagate": .propagate, "ignore": .ignore,
      ]
      builder.settings.tracing.context =
        builder.choice(use.arguments[0], modes) ?? builder.settings.tracing.context
    },
    Directive(
      "otel_trace", in: .everyLevel, "on | off | PERCENT% | $VARIABLE", default: "off",
      """
      Which traces are sampled, that is, whose `traceparent` says so. `on`: all. `off`: those that \
      are continued and whose parent is sampled. A percentage such as `10%` or `0.5%`: the same, \
      and so many of the new ones; the trace ID decides, so everybody who uses the same percentage \
      decides alike. A variable has one of these values; `1` means `on`, anything else `off`. \
      Requests with `otel_trace` have a trace ID in the log whether they are sampled or not.
      """
    ) { $0.otelTrace($1) },
  ]
}

extension ConfigurationBuilder {
  fileprivate func otelTrace(_ use: DirectiveUse) {
    let word = use.arguments[0]
    if word.text.contains("$") {
      guard let decision = template(word) else { return }
      settings.tracing.sampling = .variable(decision)
      return
    }
    let bytes = Array(word.text.utf8)
    guard let rule = SamplingRule(parsing: bytes.span) else {
      return invalidValue(
        word, expected: ["on", "off", "a percentage such as 10%", "a variable"])
    }
    settings.tracing.sampling = .rule(rule)
  }
}
