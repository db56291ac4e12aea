import HTTP
import Policy

/// `request_id*`: each stands at any level, and an inner one overrides that directive alone.
extension DirectiveCatalog {
  static let requestID: [Directive] = [
    Directive(
      "request_id", in: .everyLevel, "on | generate | pass | off", default: "on",
      """
      What is done about IDs. `on`: a valid ID from a trusted peer is kept, else one is made. \
      `generate`: one is always made. `pass`: a valid one is kept, none is ever made. `off`: the \
      header passes like any other, both ways.
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
      The header that carries the ID: from clients, to backends and on responses. It is written \
      as it stands here, and recognised in any case.
      """
    ) { $0.requestIDHeader($1) },
    Directive(
      "request_id_format", in: .everyLevel, "uuid4 | uuid7 | ulid | hex", default: "uuid4",
      """
      How a made ID looks. `uuid4`: 36 characters, random. `uuid7`: the same, in the order of \
      time. `ulid`: 26 characters, in the order of time. `hex`: 32 hexadecimal digits, random.
      """
    ) { builder, use in
      let formats: KeyValuePairs<String, RequestIDFormat> = [
        "uuid4": .uuid4, "uuid7": .uuid7, "ulid": .ulid, "hex": .hex,
      ]
      builder.settings.requestID.format = builder.choice(use.arguments[0], formats)
    },
    Directive(
      "request_id_trust", in: .everyLevel, "all | none | ADDRESS | CIDR | unix: | mtls …",
      count: .atLeast(1), default: "all",
      """
      The peers whose IDs are kept. What another peer sends is replaced, and logged as \
      `client_request_id`. The peer is the one of the connection, or the client that it announces \
      by the PROXY protocol, if `set_real_ip_from` and `real_ip_header proxy_protocol` say so. It \
      is never a client that only a header names. `mtls`: whoever shows a certificate that holds \
      (`ssl_verify_client`).
      """
    ) { builder, use in
      builder.settings.requestID.trust = builder.trust(use.arguments, allowsWords: true)
    },
    .number(
      "request_id_max_length", in: .everyLevel, 1...UInt64(Limits.requestIDBytes), default: "128",
      \.requestID.maximumLength,
      "The longest ID that is kept, in characters. A longer one is invalid; none is ever cut."),
    Directive(
      "request_id_invalid", in: .everyLevel, "replace | reject", default: "replace",
      """
      What is done about an invalid ID. `replace`: one is made, and what came is logged. `reject`: \
      the request is answered with 400.
      """
    ) { builder, use in
      builder.settings.requestID.rejectsInvalid = builder.choice(
        use.arguments[0], ["replace": false, "reject": true])
    },
    Directive(
      "request_id_cors", in: .everyLevel, "off | on | ORIGIN …", count: .atLeast(1), default: "off",
      """
      Whether page scripts of other origins may read and send the ID. `on`: the header's name is \
      merged into `Access-Control-Expose-Headers` of responses that carry \
      `Access-Control-Allow-Origin`, and into a preflight's `Access-Control-Allow-Headers`. \
      Origins such as `https://app.example.com` instead of `on`: besides, Waybill's own errors \
      carry `Access-Control-Allow-Origin` for these.
      """
    ) { $0.requestIDCrossOrigin($1) },
  ]
}

extension ConfigurationBuilder {
  fileprivate func requestIDHeader(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard let name = fieldName(word) else { return }
    guard FieldSyntax.classify(name) == .other else {
      reporter.error(
        word.place, "\"\(name)\" has a meaning of its own and can't carry the ID",
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
        word.place, "\"\(word.text)\" is no origin",
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
