import HTTP
import Policy

/// `request_id*`: each stands at any level, and an inner one overrides that directive alone.
extension DirectiveCatalog {
  static let requestID: [Directive] = [
    Directive(
      "request_id", in: .everyLevel, "on | generate | pass | off", default: "on",
      """
      How IDs are handled. `on`: keep a valid ID from a trusted peer, otherwise generate one. \
      `generate`: always generate one. `pass`: keep a valid one, never generate one. `off`: pass \
      the header on like any other, in both directions.
      """
    ) { builder, use in
      let modes: KeyValuePairs<String, RequestIDMode> = [
        "on": .on, "generate": .generate, "pass": .pass, "off": .off,
      ]
      builder.settings.requestID.mode = builder.choice(use.arguments[0], modes)
    },
    Directive(
      "request_id_header", in: .everyLevel, "NAME", default: "X-Request-ID",
      """
      The header that carries the ID: from clients, to backends and in responses. It is sent as \
      spelled here and recognized in any case.
      """
    ) { $0.requestIDHeader($1) },
    Directive(
      "request_id_format", in: .everyLevel, "uuid4 | uuid7 | ulid | hex | trace",
      default: "uuid4",
      """
      The format of generated IDs. `uuid4`: 36 characters, random. `uuid7`: the same length, sorts \
      by time. `ulid`: 26 characters, sorts by time. `hex`: 32 hexadecimal digits, random. \
      `trace`: the same, and it is the trace ID of a new trace. A request that continues a trace \
      (`otel_trace_context extract` or `propagate`) and brings no ID has the trace ID as its own. \
      If both come, both are kept, and differ.
      """
    ) { builder, use in
      let formats: KeyValuePairs<String, RequestIDFormat> = [
        "uuid4": .uuid4, "uuid7": .uuid7, "ulid": .ulid, "hex": .hex,
        "trace": .trace,
      ]
      builder.settings.requestID.format = builder.choice(use.arguments[0], formats)
    },
    Directive(
      "request_id_trust", in: .everyLevel, "all | none | ADDRESS | CIDR | unix: | mtls …",
      count: .atLeast(1), default: "all",
      """
      The peers whose IDs are kept, and whose traces are continued (`otel_trace_context`). An ID \
      from any other peer is replaced, and logged as `client_request_id`. The peer is the one at \
      the other end of the connection or, with `set_real_ip_from` and `real_ip_header \
      proxy_protocol`, the client that it announces with the PROXY protocol, but never a client \
      named only by a header. `mtls`: peers with a valid client certificate (`ssl_verify_client`).
      """
    ) { builder, use in
      builder.settings.requestID.trust = builder.trust(use.arguments, allowsWords: true)
    },
    .number(
      "request_id_max_length", in: .everyLevel, 1...UInt64(Limits.requestIDBytes), default: "128",
      \.requestID.maximumLength,
      """
      The longest ID that is accepted, in characters. A longer one is invalid; IDs are never \
      truncated.
      """),
    Directive(
      "request_id_invalid", in: .everyLevel, "replace | reject", default: "replace",
      """
      How an invalid ID is handled. `replace`: generate a new one and log the received value. \
      `reject`: respond with 400.
      """
    ) { builder, use in
      builder.settings.requestID.rejectsInvalid = builder.choice(
        use.arguments[0], ["replace": false, "reject": true])
    },
    Directive(
      "request_id_cors", in: .everyLevel, "off | on | ORIGIN …", count: .atLeast(1), default: "off",
      """
      Whether page scripts from other origins may read and send the ID. `on`: the header's name is \
      added to `Access-Control-Expose-Headers` in responses with `Access-Control-Allow-Origin`, \
      and to `Access-Control-Allow-Headers` in preflight responses. Origins such as \
      `https://app.example.com` instead of `on`: in addition, Waybill's own errors carry \
      `Access-Control-Allow-Origin` for these origins.
      """
    ) { $0.requestIDCrossOrigin($1) },
    .flag(
      "request_id_server_timing", in: .everyLevel, default: "off", \.requestID.sendsServerTiming,
      """
      Whether responses have a `Server-Timing` header that page scripts can read: \
      `request_id;desc="ID"`, and `traceparent;desc="00-…"` if the request belongs to a trace. A \
      backend's own `Server-Timing` stays. Scripts from other origins need `Timing-Allow-Origin`.
      """),
  ]
}

extension ConfigurationBuilder {
  fileprivate func requestIDHeader(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard let name = fieldName(word) else { return }
    guard FieldSyntax.classify(name) == .other else {
      reporter.error(
        word.place, "\"\(name)\" has another meaning and can't carry the ID",
        expected: "a header such as X-Request-ID or X-Correlation-ID")
      return
    }
    settings.requestID.header = name
  }

  fileprivate func requestIDCrossOrigin(_ use: DirectiveUse) {
    if use.arguments.count == 1, ["on", "off"].contains(use.arguments[0].text) {
      settings.requestID.crossOrigin = CrossOriginSetting(
        isOn: use.arguments[0].text == "on", origins: [])
      return
    }
    for word in use.arguments where !isOrigin(word.text) {
      reporter.error(
        word.place, "\"\(word.text)\" is not an origin",
        expected: "on, off, or origins such as https://app.example.com")
      return
    }
    settings.requestID.crossOrigin = CrossOriginSetting(
      isOn: true, origins: use.arguments.map { $0.text.lowercased() })
  }

  /// True for scheme, host and optional port, without a path (RFC 6454 section 6.2).
  private func isOrigin(_ text: String) -> Bool {
    guard let scheme = ["https://", "http://"].first(where: { text.lowercased().hasPrefix($0) })
    else { return false }
    let authority = text.dropFirst(scheme.count)
    return !authority.isEmpty
      && authority.utf8.allSatisfy { byte in
        byte > 0x20 && byte < 0x7F && !"/?#@\\\"$*,;".utf8.contains(byte)
      }
  }
}
