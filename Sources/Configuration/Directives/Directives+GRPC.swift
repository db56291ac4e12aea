/// `grpc_*`: `grpc_pass`, and what is said of it as `proxy_*` say it of `proxy_pass`.
extension DirectiveCatalog {
  static let grpc: [Directive] =
    [
      Directive(
        "grpc_pass", in: [.location, .locationIf],
        "[grpc[s]://]UPSTREAM | [grpc[s]://]HOST:PORT | [grpc[s]://]unix:PATH",
        """
        Passes requests to gRPC servers over HTTP/2: to an `upstream`, to a host (all its \
        addresses, in turn) or to a Unix socket; with `grpcs`, over TLS. Messages and trailers \
        are passed on in both directions as they arrive. `client_max_body_size` limits a call \
        only where it is set, and `client_body_timeout` does not apply. Waybill's own errors are \
        gRPC errors (`grpc-status`, `grpc-message`). The argument may contain variables. \
        `proxy_*` directives do not apply; settings without a `grpc_*` directive have their \
        defaults.
        """
      ) { $0.grpcPass($1) }
    ] + names.map { Directive(gRPC: $0) }

  /// The names that both families have, without `proxy_` and `grpc_`.
  private static let names = [
    "set_header", "hide_header", "pass_header", "ignore_headers", "connect_timeout",
    "read_timeout", "send_timeout", "next_upstream", "next_upstream_tries",
    "next_upstream_timeout", "intercept_errors", "response_head_size", "response_max_headers",
    "max_interim_responses", "ssl_verify", "ssl_trusted_certificate", "ssl_name",
    "ssl_server_name", "ssl_certificate", "ssl_certificate_key", "ssl_password_file",
    "ssl_protocols", "ssl_ciphers", "ssl_verify_depth", "ssl_crl", "ssl_session_reuse",
  ]

  /// The directives of `proxy_*` by name.
  fileprivate static let proxyDirectives: [String: Directive] = Dictionary(
    uniqueKeysWithValues: (proxying + fields + responseRules + redirection + backendTLS).map {
      ($0.name, $0)
    })
}

extension Directive {
  /// The directive `grpc_NAME`: it does to gRPC's settings what `proxy_NAME` does to the others.
  fileprivate init(gRPC name: String) {
    guard let twin = DirectiveCatalog.proxyDirectives["proxy_\(name)"] else {
      preconditionFailure("there is no proxy_\(name)")
    }
    self.init(
      "grpc_\(name)", in: twin.contexts, twin.arguments, count: twin.argumentCounts,
      default: twin.defaultText, isRepeatable: twin.isRepeatable,
      "The same as `\(twin.name)`, for `grpc_pass`."
    ) { builder, use in
      builder.settings.exchangeFamilies()
      twin.build(builder, use)
      builder.settings.exchangeFamilies()
      builder.settings.grpc.isSaid = true
    }
  }
}
