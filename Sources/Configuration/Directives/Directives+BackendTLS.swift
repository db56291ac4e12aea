import TLS

/// `proxy_ssl_*`: TLS with backends.
extension DirectiveCatalog {
  static let backendTLS: [Directive] = [
    .flag(
      "proxy_ssl_verify", in: .everyLevel, default: "on", \.backendTLS.verifies,
      """
      Whether backends' certificates are verified; if one is not valid, 502. (nginx's default is \
      `off`.)
      """),
    .file(
      "proxy_ssl_trusted_certificate", in: .everyLevel,
      """
      The certificate authorities, in PEM format, that backends' certificates must come from; by \
      default, the system's.
      """
    ) { $0.settings.backendTLS.common.trusted = $1 },
    Directive(
      "proxy_ssl_name", in: .everyLevel, "NAME", default: "$proxy_host",
      """
      The name to request from the backend and to verify in its certificate; by default, the host \
      in `proxy_pass`. A port, brackets and a trailing dot are removed.
      """
    ) { builder, use in
      builder.settings.backendTLS.name = builder.placed(use)
    },
    .flag(
      "proxy_ssl_server_name", in: .everyLevel, default: "on", \.backendTLS.sendsName,
      "Whether the name is sent to the backend (SNI). (nginx's default is `off`.)"),
    .file(
      "proxy_ssl_certificate", in: .everyLevel, mayBeEmpty: true,
      "The certificate to present to backends, in PEM format; `\"\"` for none."
    ) { $0.settings.backendTLS.common.certificates = [$1] },
    .file(
      "proxy_ssl_certificate_key", in: .everyLevel, mayBeEmpty: true,
      "Its key, in PEM format; `\"\"` for none."
    ) { $0.settings.backendTLS.common.keys = [$1] },
    .file(
      "proxy_ssl_password_file", in: .everyLevel,
      "Passwords of an encrypted key, one per line, tried in turn."
    ) { $0.settings.backendTLS.common.passwords = $1 },
    Directive(
      "proxy_ssl_protocols", in: .everyLevel, "[TLSv1] [TLSv1.1] [TLSv1.2] [TLSv1.3]",
      count: 1...4, default: "TLSv1.2 TLSv1.3", "The TLS versions to use with backends."
    ) { builder, use in
      builder.settings.backendTLS.common.versions = builder.tlsVersions(use)
    },
    Directive(
      "proxy_ssl_ciphers", in: .everyLevel, "CIPHERS", default: "DEFAULT",
      "The ciphers for TLS 1.2 with backends, in OpenSSL's notation."
    ) { builder, use in
      builder.settings.backendTLS.common.ciphers = builder.placed(use)
    },
    .number(
      "proxy_ssl_verify_depth", in: .everyLevel, 0...100, default: "5",
      \.backendTLS.common.verifyDepth,
      """
      The maximum number of certificates between a backend's certificate and its root. (nginx's \
      default is 1.)
      """),
    .file(
      "proxy_ssl_crl", in: .everyLevel,
      "Revoked backend certificates: revocation lists in PEM format, one for each authority."
    ) { $0.settings.backendTLS.common.revocationLists = $1 },
    .flag(
      "proxy_ssl_session_reuse", in: .everyLevel, default: "on", \.backendTLS.resumesSessions,
      "Whether new connections resume the session of an earlier one."),
  ]
}
