import TLS

/// `proxy_ssl_*`: TLS with backends.
extension DirectiveCatalog {
  static let backendTLS: [Directive] = [
    .flag(
      "proxy_ssl_verify", in: .everyLevel, default: "on", \.backendTLS.verifies,
      "Whether a backend's certificate must hold: 502. (nginx's default is `off`.)"),
    .file(
      "proxy_ssl_trusted_certificate", in: .everyLevel,
      """
      The authorities, in PEM, that backends' certificates must come from: the system's by default.
      """
    ) { $0.settings.backendTLS.common.trusted = $1 },
    Directive(
      "proxy_ssl_name", in: .everyLevel, "NAME", default: "$proxy_host",
      """
      The name that a backend's certificate must hold, and that is asked for; the host of \
      `proxy_pass` by default. A port, brackets and a final dot are left out.
      """
    ) { builder, use in
      builder.settings.backendTLS.name = builder.placed(use)
    },
    .flag(
      "proxy_ssl_server_name", in: .everyLevel, default: "on", \.backendTLS.sendsName,
      "Whether the name is sent to the backend (SNI). (nginx's default is `off`.)"),
    .file(
      "proxy_ssl_certificate", in: .everyLevel, mayBeEmpty: true,
      "The certificate that is shown to backends, in PEM; `\"\"` shows none."
    ) { $0.settings.backendTLS.common.certificates = [$1] },
    .file(
      "proxy_ssl_certificate_key", in: .everyLevel, mayBeEmpty: true,
      "Its key, in PEM; `\"\"` for none."
    ) { $0.settings.backendTLS.common.keys = [$1] },
    .file(
      "proxy_ssl_password_file", in: .everyLevel,
      "Passwords of an encrypted key, one in a line; each is tried."
    ) { $0.settings.backendTLS.common.passwords = $1 },
    Directive(
      "proxy_ssl_protocols", in: .everyLevel, "[TLSv1] [TLSv1.1] [TLSv1.2] [TLSv1.3]",
      count: 1...4, default: "TLSv1.2 TLSv1.3", "The versions that backends are spoken to in."
    ) { builder, use in
      builder.settings.backendTLS.common.versions = builder.tlsVersions(use)
    },
    Directive(
      "proxy_ssl_ciphers", in: .everyLevel, "CIPHERS", default: "DEFAULT",
      "The ciphers of TLS 1.2 towards backends, in OpenSSL's notation."
    ) { builder, use in
      builder.settings.backendTLS.common.ciphers = builder.placed(use)
    },
    .number(
      "proxy_ssl_verify_depth", in: .everyLevel, 0...100, default: "5",
      \.backendTLS.common.verifyDepth,
      "How many certificates may stand between a backend's and its root. (nginx's default is 1.)"),
    .file(
      "proxy_ssl_crl", in: .everyLevel,
      "Revoked certificates of backends: revocation lists in PEM, one for each authority."
    ) { $0.settings.backendTLS.common.revocationLists = $1 },
    .flag(
      "proxy_ssl_session_reuse", in: .everyLevel, default: "on", \.backendTLS.resumesSessions,
      "Whether a new connection resumes the session of an earlier one."),
  ]
}
