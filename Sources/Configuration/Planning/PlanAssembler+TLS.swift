import HTTP
import Plan
import Policy
import TLS
import Telemetry

/// `ssl_*` and `proxy_ssl_*`: which server and which location speaks TLS, and by which rules.
extension PlanAssembler {
  /// Notes that a server must have a certificate, because an address of its speaks TLS.
  func requireCertificate(_ server: Int, _ endpoint: Endpoint) {
    guard tls.servers[server] == nil else { return }
    let declaration = builder.servers[server]
    let settings = serverTLS[server]
    let rejects = settings.rejectsHandshake == true
    let hasFailed = ["ssl_certificate", "ssl_certificate_key", "ssl_reject_handshake"]
      .contains { builder.failed.contains($0) }
    if settings.common.certificates.isEmpty && settings.common.keys.isEmpty && !rejects
      && !hasFailed
    {
      reporter.error(
        declaration.place, "\(endpoint.name) uses TLS, but the server has no certificate",
        expected: "ssl_certificate and ssl_certificate_key, or ssl_reject_handshake on")
    }
    let needsAuthority: Bool =
      switch settings.clientCertificates ?? .off {
      case .on, .optional: true
      case .off, .optionalWithoutAuthority: false
      }
    let isFailed = ["ssl_client_certificate", "ssl_trusted_certificate"]
      .contains { builder.failed.contains($0) }
    if needsAuthority && settings.common.authorities == nil && settings.common.trusted == nil
      && !isFailed
    {
      reporter.error(
        declaration.place, "ssl_verify_client has no certificate authorities",
        expected: "ssl_client_certificate FILE")
    }
    let identity = "\(server) \(declaration.names.map(\.text).joined(separator: " "))"
    tls.servers[server] = TLSMaterials.ServerTLS(
      settings: settings, identity: identity, place: declaration.place)
  }

  /// Has a location speak TLS to its upstream.
  func setBackendTLS(
    _ pass: PassDeclaration, _ given: BackendTLSSettings, _ plan: inout LocationPlan
  ) {
    var settings = given
    if settings.verifies == nil, usesNginxDefaults {
      settings.verifies = false
      // Where only a variable tells, TLS may never be spoken.
      if pass.authority.hasPrefix("$") { return setContext(pass, settings, &plan) }
      reporter.warning(
        pass.place, "the backend's certificate is not verified, which is nginx's default",
        expected: "\(pass.isGRPC ? "grpc" : "proxy")_ssl_verify on, or off if this is intended")
    }
    setContext(pass, settings, &plan)
  }

  private func setContext(
    _ pass: PassDeclaration, _ settings: BackendTLSSettings, _ plan: inout LocationPlan
  ) {
    plan.backendTLS = tls.number(of: settings, pass.place)
    plan.sendsBackendName = settings.sendsName ?? true
    let text = settings.name?.value ?? defaultBackendName(pass)
    let place = settings.name?.place ?? pass.place
    if let name = builder.template(text, place: { _, _ in place }) { plan.backendName = name }
  }

  /// The name as `proxy_pass` has it, without port and brackets. A unix socket has none to check.
  private func defaultBackendName(_ pass: PassDeclaration) -> String {
    switch pass.target {
    case .unix: "localhost"
    case .computed: "$proxy_host"
    case .name(let name): name
    case .host(let host, _): host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    }
  }
}
