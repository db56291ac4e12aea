import Basics
import Policy

/// A place where a conf file relies on a default that is not nginx's.
public struct DefaultDifference: Equatable, Sendable {
  /// `file:line` of the block that leaves it open.
  public var source: String
  /// The directive.
  public var directive: String
  /// What holds here and what in nginx, as a clause.
  public var difference: String
  /// The directives that would settle it, as they are written.
  public var settledBy: String

  /// One line: place, difference, and what would settle it.
  public var text: String {
    "\(source): \(directive) is not set: \(difference); to be explicit: \(settledBy)"
  }
}

/// Finds the defaults that a conf file relies on.
extension PlanAssembler {
  /// What concerns the process and the file as a whole.
  func noteProcessDifferences() {
    let place = Place(file: 0, offset: 0, count: 0)
    if builder.process.workerThreads == nil, !builder.usedNames.contains("worker_processes"),
      !builder.usedNames.contains("worker_threads")
    {
      differ(
        place, "worker_processes", "one worker per processor, 1 in nginx",
        "worker_processes auto;")
    }
    if builder.process.workerConnections == nil {
      differ(
        place, "worker_connections", "16384 per worker, 512 in nginx",
        "worker_connections 16384;")
    }
    let workers = builder.process.workerShutdownTimeout
    if builder.process.shutdownTimeout == nil,
      workers.map({ $0.nanoseconds > Limits.shutdownTimeout.nanoseconds }) ?? true
    {
      differ(
        place, "shutdown_timeout", "30s after SIGQUIT, unlimited in nginx", "shutdown_timeout 30s;")
    }
  }

  /// What concerns a server.
  func noteDifferences(of server: ServerDeclaration, _ settings: Settings) {
    if settings.logs.access == nil, !settings.logs.accessIsOff {
      differ(
        server.place, "access_log", "JSON on standard output, a file in nginx's prefix there",
        "access_log stdout json;")
    }
    if settings.logs.errors == nil {
      differ(
        server.place, "error_log", "standard error from notice on, a file in nginx's prefix there",
        "error_log stderr notice;")
    }
    guard server.listens.contains(where: \.isSecure) || settings.serverTLS.isOn == true else {
      return
    }
    if settings.serverTLS.prefersServerCiphers == nil {
      differ(
        server.place, "ssl_prefer_server_ciphers", "on, off in nginx",
        "ssl_prefer_server_ciphers on;")
    }
    if settings.serverTLS.common.ciphers == nil {
      differ(
        server.place, "ssl_ciphers", "forward secrecy only, HIGH:!aNULL:!MD5 in nginx",
        "ssl_ciphers with a list;")
    }
  }

  /// What concerns a location, and where it inherits from.
  func noteDifferences(
    of location: LocationDeclaration, _ settings: Settings, own: Settings, outer: Settings
  ) {
    noteLogFormats(own.logs)
    guard !usesNginxDefaults else { return notePassDifferences(location, settings) }
    if settings.client.maximumContentBytes == nil {
      differ(
        location.place, "client_max_body_size", "unlimited, 1m in nginx", "client_max_body_size 0;")
    }
    let lists: [(String, Bool)] = [
      ("proxy_set_header", own.hasRequestFields && !outer.requestFields.isEmpty),
      ("add_header", !own.responseFields.isEmpty && !outer.responseFields.isEmpty),
      ("proxy_hide_header", !own.hiddenFields.isEmpty && !outer.hiddenFields.isEmpty),
    ]
    for (name, isMixed) in lists where isMixed {
      differ(
        location.place, "nginx_defaults",
        "the outer levels' \(name) also apply, nginx drops them", "nginx_defaults on;")
    }
    if settings.redirects.isAbsolute == nil, let answer = location.answer,
      [301, 302, 303, 307, 308].contains(answer.status)
    {
      differ(
        location.place, "absolute_redirect", "off, on in nginx", "absolute_redirect off;")
    }
    notePassDifferences(location, settings)
  }

  /// An `access_log` without a format, on a level of its own.
  func noteLogFormats(_ logs: LogSettings) {
    guard !usesNginxDefaults else { return }
    for log in logs.access ?? [] where log.format == nil {
      differ(log.place, "the format of access_log", "json, combined in nginx", "access_log … json;")
    }
  }

  private func notePassDifferences(_ location: LocationDeclaration, _ settings: Settings) {
    guard let pass = location.pass, location.answer == nil else { return }
    let place = pass.place
    if pass.isGRPC { return noteGRPCDifferences(pass, settings.ofGRPC) }
    if settings.proxy.ignoresClientAbort == nil {
      differ(
        place, "proxy_ignore_client_abort", "on, off in nginx", "proxy_ignore_client_abort on;")
    }
    if !usesNginxDefaults, !setsHost(settings) {
      differ(
        place, "proxy_set_header Host", "the client's Host, $proxy_host in nginx",
        "proxy_set_header Host $http_host;")
    }
    if pass.isSecure { noteBackendTLSDifferences(place, settings.backendTLS, "proxy") }
  }

  private func noteGRPCDifferences(_ pass: PassDeclaration, _ settings: Settings) {
    if !usesNginxDefaults, !setsHost(settings) {
      differ(
        pass.place, "grpc_set_header Host", "the client's, that of grpc_pass in nginx",
        "grpc_set_header Host $http_host;")
    }
    if pass.isSecure { noteBackendTLSDifferences(pass.place, settings.backendTLS, "grpc") }
  }

  private func setsHost(_ settings: Settings) -> Bool {
    hostIsSet.made(of: settings.requestFields) { fields in
      fields.contains { $0.name.text.lowercased() == "host" }
    }
  }

  private func noteBackendTLSDifferences(
    _ place: Place, _ settings: BackendTLSSettings, _ family: String
  ) {
    if settings.verifies == nil, !usesNginxDefaults {
      differ(place, "\(family)_ssl_verify", "on, off in nginx", "\(family)_ssl_verify on;")
    }
    if settings.sendsName == nil {
      differ(
        place, "\(family)_ssl_server_name", "on, off in nginx", "\(family)_ssl_server_name on;")
    }
    let verifies = settings.verifies ?? !usesNginxDefaults
    if settings.common.verifyDepth == nil, verifies {
      differ(place, "\(family)_ssl_verify_depth", "5, 1 in nginx", "\(family)_ssl_verify_depth 5;")
    }
  }

  private func differ(
    _ place: Place, _ directive: String, _ difference: String, _ settledBy: String
  ) {
    differences.append((place, directive, difference, settledBy))
  }

  /// How many were found, by directive.
  var differenceCounts: [String: Int] {
    differences.reduce(into: [:]) { $0[$1.directive, default: 0] += 1 }
  }

  /// All that were found, each once, in the order of the text.
  func sortedDifferences() -> [DefaultDifference] {
    var seen: Set<String> = []
    let ordered = differences.enumerated().sorted {
      let (left, right) = ($0.element.place, $1.element.place)
      return (left.file, left.offset, $0.offset) < (right.file, right.offset, $1.offset)
    }
    return ordered.compactMap { _, one in
      let difference = DefaultDifference(
        source: source(one.place), directive: one.directive, difference: one.difference,
        settledBy: one.settledBy)
      return seen.insert(difference.text).inserted ? difference : nil
    }
  }
}
