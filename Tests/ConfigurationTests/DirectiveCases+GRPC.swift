/// `grpc_*`: what is said of `proxy_*` is said of them.
extension DirectiveCases {
  static let grpc: [Case] = pass + twins

  private static let pass: [Case] = [
    Case("location", "grpc_pass grpc://127.0.0.1:50051;"),
    Case("location", "grpc_pass 127.0.0.1:50051;"),
    Case("location", "grpc_pass grpc://unix:/run/app.sock;"),
    Case("location", "grpc_pass unix:/run/app.sock;"),
    Case("location", "grpc_pass grpc://$host:50051;"),
    Case("location", "grpc_pass $host:50051; grpc_ssl_verify off;"),
    Case(
      "location", "grpc_pass http://127.0.0.1:50051;",
      "\"http://127.0.0.1:50051\" does not begin with grpc:// or grpcs://"),
    Case(
      "location", "grpc_pass grpc://127.0.0.1:50051/a;", "grpc_pass can't have a path: \"/a\""),
    Case("location", "grpc_pass grpc://nowhere;", "\"nowhere\" is no upstream, and has no port"),
    Case("server", "grpc_pass grpc://a:1;", "\"grpc_pass\" is not allowed in \"server\""),
  ]

  /// The directives that both families have.
  private static let names = [
    "set_header", "hide_header", "pass_header", "ignore_headers", "connect_timeout",
    "read_timeout", "send_timeout", "next_upstream", "next_upstream_tries",
    "next_upstream_timeout", "intercept_errors", "response_head_size", "response_max_headers",
    "max_interim_responses", "ssl_verify", "ssl_trusted_certificate", "ssl_name",
    "ssl_server_name", "ssl_certificate", "ssl_certificate_key", "ssl_password_file",
    "ssl_protocols", "ssl_ciphers", "ssl_verify_depth", "ssl_crl", "ssl_session_reuse",
  ]

  private static let twins: [Case] = (proxy + fields + responseRules + listing + redirection + tls)
    .filter { one in
      names.contains {
        one.line.hasPrefix("proxy_\($0) ") || one.line.hasPrefix("proxy_\($0);")
      } && !one.line.contains("proxy_pass ")
    }
    .map {
      Case(
        $0.context, $0.line.replacing("proxy_", with: "grpc_"),
        $0.message?.replacing("proxy_", with: "grpc_"))
    }
}
