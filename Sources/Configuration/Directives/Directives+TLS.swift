import Basics
import Policy
import TLS

/// `ssl_*`: TLS with clients.
extension DirectiveCatalog {
  private static let serverLevels: DirectiveContexts = [.top, .server]

  static let clientTLS: [Directive] = [
    .file(
      "ssl_certificate", in: serverLevels, isRepeatable: true,
      """
      The server's certificate in PEM format, followed by its intermediate certificates. Can be \
      given several times, with keys of different types (ECDSA and RSA).
      """
    ) { $0.settings.serverTLS.common.certificates.append($1) },
    .file(
      "ssl_certificate_key", in: serverLevels, isRepeatable: true,
      "The key in PEM format that belongs to the `ssl_certificate` in the same position."
    ) { $0.settings.serverTLS.common.keys.append($1) },
    .file(
      "ssl_password_file", in: serverLevels,
      "Passwords of encrypted keys, one per line, tried in turn."
    ) { $0.settings.serverTLS.common.passwords = $1 },
    Directive(
      "ssl_protocols", in: serverLevels, "[TLSv1] [TLSv1.1] [TLSv1.2] [TLSv1.3]",
      count: 1...4, default: "TLSv1.2 TLSv1.3",
      "The TLS versions to accept. The system's OpenSSL may refuse those before 1.2."
    ) { builder, use in
      builder.settings.serverTLS.common.versions = builder.tlsVersions(use)
    },
    Directive(
      "ssl_ciphers", in: serverLevels, "CIPHERS", default: TLSCommonSettings.defaultCiphers,
      """
      The ciphers for TLS 1.2 in OpenSSL's notation. All default ciphers have forward secrecy and \
      authenticated encryption.
      """
    ) { builder, use in
      builder.settings.serverTLS.common.ciphers = builder.placed(use)
    },
    Directive(
      "ssl_ciphersuites", in: serverLevels, "SUITES",
      "The cipher suites for TLS 1.3 in OpenSSL's notation; by default, all of OpenSSL's."
    ) { builder, use in
      builder.settings.serverTLS.common.ciphersuites = builder.placed(use)
    },
    .flag(
      "ssl_prefer_server_ciphers", in: serverLevels, default: "on",
      \.serverTLS.prefersServerCiphers,
      """
      Whether the server's cipher order takes precedence. Clients that prefer ChaCha20 still get \
      it, because they lack AES in hardware. (nginx's default is `off`.)
      """),
    Directive(
      "ssl_ecdh_curve", in: serverLevels, "CURVE[:CURVE…]", default: "auto",
      "The groups for key exchange, in order; `auto` leaves the choice to OpenSSL."
    ) { builder, use in
      guard use.arguments[0].text != "auto" else { return }
      builder.settings.serverTLS.common.groups = builder.placed(use)
    },
    .time(
      "ssl_session_timeout", in: serverLevels, default: "5m", \.serverTLS.sessionTimeout,
      "How long a session can be resumed."),
    .flag(
      "ssl_session_tickets", in: serverLevels, default: "on", \.serverTLS.usesTickets,
      """
      Whether sessions can be resumed with tickets. Ticket keys are generated at startup, shared \
      by all workers and replaced every hour, or every `ssl_session_timeout` if that is longer.
      """),
    .file(
      "ssl_client_certificate", in: serverLevels,
      """
      The certificate authorities, in PEM format, that client certificates must come from. Their \
      names are sent to clients.
      """
    ) { $0.settings.serverTLS.common.authorities = $1 },
    .file(
      "ssl_trusted_certificate", in: serverLevels,
      """
      Additional certificate authorities for client certificates; their names are not sent to \
      clients.
      """
    ) { $0.settings.serverTLS.common.trusted = $1 },
    Directive(
      "ssl_verify_client", in: serverLevels, "off | on | optional | optional_no_ca",
      default: "off",
      """
      Whether clients are asked for a certificate. `on`: requests without a certificate, or with \
      an invalid one, get 400. `optional`: requests with an invalid one get 400. `optional_no_ca`: \
      any certificate is accepted; check `$ssl_client_verify`.
      """
    ) { builder, use in
      let rules: KeyValuePairs<String, ClientCertificateRule> = [
        "off": .off, "on": .on, "optional": .optional,
        "optional_no_ca": .optionalWithoutAuthority,
      ]
      builder.settings.serverTLS.clientCertificates = builder.choice(use.arguments[0], rules)
    },
    .number(
      "ssl_verify_depth", in: serverLevels, 0...100, default: "1",
      \.serverTLS.common.verifyDepth,
      "The maximum number of certificates between a client's certificate and its root."),
    .file(
      "ssl_crl", in: serverLevels,
      "Revoked client certificates: revocation lists in PEM format, one for each authority."
    ) { $0.settings.serverTLS.common.revocationLists = $1 },
    .file(
      "ssl_stapling_file", in: serverLevels,
      "An OCSP response in DER format, sent to clients that request it."
    ) { $0.settings.serverTLS.stapledResponse = $1 },
    .flag(
      "ssl", in: serverLevels, default: "off", \.serverTLS.isOn,
      """
      Whether all addresses of a server use TLS, as if each `listen` had `ssl`. (nginx removed \
      this directive in 1.25.1.)
      """),
    .flag(
      "http2", in: serverLevels, default: "off", \.serverTLS.offersHTTP2,
      """
      Whether clients may speak HTTP/2: with TLS they are offered it (ALPN), without TLS they must \
      know it (prior knowledge). On an address that several servers share without TLS, one of them \
      is enough; with TLS the one that the client names decides.
      """),
    Directive(
      "ssl_session_cache", in: serverLevels, "off | none | [builtin[:SIZE]] [shared:NAME:SIZE]",
      count: 1...2, default: "none",
      "Checked, but has no effect: sessions are resumed with tickets, which all workers share."
    ) { $0.sessionCache($1) },
    Directive(
      "ssl_conf_command", in: serverLevels, "COMMAND VALUE", count: 2...2, isRepeatable: true,
      """
      OpenSSL configuration commands: `Ciphersuites` and `Groups` (`Curves`) correspond to \
      `ssl_ciphersuites` and `ssl_ecdh_curve`; `Options` with `KTLS`, `PrioritizeChaCha`, \
      `ServerPreference` or `-SessionTicket` has no effect. Others are rejected.
      """
    ) { $0.tlsCommand($1) },
    .flag(
      "ssl_reject_handshake", in: serverLevels, default: "off", \.serverTLS.rejectsHandshake,
      "Rejects TLS handshakes for the server's names; no certificate is needed then."),
  ]
}

extension Directive {
  /// `NAME FILE`
  static func file(
    _ name: String, in contexts: DirectiveContexts, isRepeatable: Bool = false,
    mayBeEmpty: Bool = false, _ summary: String,
    _ note: @escaping @Sendable (ConfigurationBuilder, FileSetting) -> Void
  ) -> Directive {
    Directive(name, in: contexts, "FILE", isRepeatable: isRepeatable, summary) { builder, use in
      let word = use.arguments[0]
      guard !word.text.isEmpty else {
        if mayBeEmpty { return builder.settings.backendTLS.common.hasNoCertificates = true }
        return builder.reporter.error(word.place, "the path is empty")
      }
      note(builder, FileSetting(path: builder.absolute(word.text), place: word.place))
    }
  }
}

extension ConfigurationBuilder {
  fileprivate func sessionCache(_ use: DirectiveUse) {
    for word in use.arguments {
      let parts = word.text.split(separator: ":", omittingEmptySubsequences: false)
      let isValid =
        switch (String(parts[0]), parts.count) {
        case ("off", 1), ("none", 1), ("builtin", 1): true
        case ("builtin", 2): UInt32(parts[1]) != nil
        case ("shared", 3): !parts[1].isEmpty && Units.byteCount(String(parts[2])) != nil
        default: false
        }
      guard isValid else {
        return reporter.error(
          word.place, "invalid session cache \"\(word.text)\"",
          expected: "off, none, builtin[:SIZE] or shared:NAME:SIZE")
      }
    }
    needless["ssl_session_cache", default: 0] += 1
  }

  fileprivate func tlsCommand(_ use: DirectiveUse) {
    let (command, value) = (use.arguments[0], use.arguments[1])
    let setting = PlacedSetting(value: value.text, place: value.place)
    switch command.text.lowercased() {
    case "ciphersuites": settings.serverTLS.common.ciphersuites = setting
    case "groups", "curves": settings.serverTLS.common.groups = setting
    case "options":
      let harmless = ["ktls", "prioritizechacha", "serverpreference", "-sessionticket"]
      let options = value.text.lowercased().split(separator: ",").map(String.init)
      guard options.allSatisfy(harmless.contains) else { fallthrough }
      needless["ssl_conf_command", default: 0] += 1
    default:
      reporter.error(
        command.place,
        "\"ssl_conf_command \(command.text) \(value.text)\" is not supported by Waybill",
        expected: "Ciphersuites, Groups or Options with KTLS or PrioritizeChaCha")
    }
  }

  /// The first argument and its place.
  func placed(_ use: DirectiveUse) -> PlacedSetting<String> {
    PlacedSetting(value: use.arguments[0].text, place: use.arguments[0].place)
  }

  /// `ssl_protocols`, `proxy_ssl_protocols`
  func tlsVersions(_ use: DirectiveUse) -> PlacedSetting<TLSVersions>? {
    let known: KeyValuePairs<String, TLSVersions> = [
      "TLSv1.2": .tls12, "TLSv1.3": .tls13, "TLSv1.1": .tls11, "TLSv1": .tls10,
    ]
    var versions: TLSVersions = []
    for word in use.arguments {
      if word.text.hasPrefix("SSLv") {
        reporter.error(
          word.place, "\(word.text) is insecure and not supported", expected: "TLSv1.2 TLSv1.3")
        return nil
      }
      guard let version = choice(word, known) else { return nil }
      versions.formUnion(version)
    }
    return PlacedSetting(value: versions, place: use.arguments[0].place)
  }
}
