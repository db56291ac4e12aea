import Basics
import Policy
import TLS

/// What the TLS of a plan is made of: settings and the names of files.
struct TLSMaterials {
  var servers: [ServerTLS?] = []
  private(set) var backends: [BackendTLS] = []
  private var backendNumbers: [BackendTLSSettings: Int] = [:]

  /// The TLS of one server.
  struct ServerTLS {
    var settings: ServerTLSSettings
    /// Sessions are not resumed across servers of different identity.
    var identity: String
    /// Where the server stands, for what is missing.
    var place: Place
  }

  /// The TLS of one kind of `proxy_pass https:`.
  struct BackendTLS {
    var settings: BackendTLSSettings
    var place: Place
  }

  /// The number of a location's `proxy_ssl_*` among `backends`: the same for locations that say the
  /// same, and for no others. The name is compared with each connection, for it may hold variables.
  mutating func number(of settings: BackendTLSSettings, _ place: Place) -> Int {
    var settings = settings
    settings.name = nil
    if let known = backendNumbers[settings] { return known }
    backendNumbers[settings] = backends.count
    backends.append(BackendTLS(settings: settings, place: place))
    return backends.count - 1
  }

  /// The keys for tickets of these servers' sessions: the old ones if they are replaced as often.
  func ticketKeys(keeping old: TicketKeys?) -> TicketKeys {
    let timeouts = servers.compactMap { $0?.settings.sessionTimeout }
    let longest = timeouts.map { Int($0.nanoseconds / 1_000_000_000) }.max() ?? 0
    let interval = max(3600, longest)
    if let old, old.interval == interval { return old }
    return TicketKeys(interval: interval)
  }

  /// Makes the contexts; of no use when errors were reported.
  func load(
    _ environment: ConfigurationEnvironment, _ reporter: DiagnosticReporter, keys: TicketKeys
  ) -> TLSTables {
    var loader = TLSLoader(environment: environment, reporter: reporter)
    let serverContexts = servers.map { server in
      server.flatMap { loader.serverContext($0, keys) }
    }
    let backendContexts = backends.compactMap { loader.backendContext($0) }
    return TLSTables(servers: serverContexts, backends: backendContexts, keys: keys)
  }
}

/// Reads the files of TLS and makes contexts of them.
private struct TLSLoader {
  let environment: ConfigurationEnvironment
  let reporter: DiagnosticReporter
  /// Files read so far, by path: many servers share them.
  private var files: [String: Result<[UInt8], FileProblem>] = [:]

  init(environment: ConfigurationEnvironment, reporter: DiagnosticReporter) {
    self.environment = environment
    self.reporter = reporter
  }

  mutating func serverContext(
    _ server: TLSMaterials.ServerTLS, _ keys: TicketKeys
  ) -> TLSServerContext? {
    let declared = server.settings
    var settings = TLSServerSettings()
    settings.common = common(declared.common, authorities: declared.common.authorities)
    settings.pairs = pairs(declared.common, "ssl_certificate", server.place)
    settings.rejectsHandshake = declared.rejectsHandshake ?? false
    settings.prefersServerCiphers = declared.prefersServerCiphers ?? true
    settings.sessionTimeout =
      declared.sessionTimeout.map { Int($0.nanoseconds / 1_000_000_000) }
      ?? settings.sessionTimeout
    settings.usesTickets = declared.usesTickets ?? true
    settings.offersHTTP2 = declared.offersHTTP2 ?? false
    settings.asksForCertificate = (declared.clientCertificates ?? .off) != .off
    settings.stapledResponse = declared.stapledResponse.flatMap { file($0) }
    settings.identity = server.identity
    guard reporter.errorCount == 0 else { return nil }
    do throws(TLSContextProblem) {
      return try TLSServerContext(settings, keys: keys)
    } catch {
      report(error, declared.common, stapled: declared.stapledResponse, server.place)
      return nil
    }
  }

  mutating func backendContext(_ backend: TLSMaterials.BackendTLS) -> TLSClientContext? {
    let declared = backend.settings
    var settings = TLSClientSettings()
    settings.common = common(declared.common, authorities: nil)
    settings.common.ciphers = declared.common.ciphers?.value ?? "DEFAULT"
    settings.common.verifyDepth = Int(declared.common.verifyDepth ?? 5)
    settings.verifies = declared.verifies ?? true
    settings.resumesSessions = declared.resumesSessions ?? true
    settings.speaksHTTP2 = declared.speaksHTTP2
    settings.pair = pairs(declared.common, "proxy_ssl_certificate", backend.place).first
    if settings.verifies && settings.common.authorities.isEmpty {
      settings.common.authorities = systemRoots(backend.place)
    }
    guard reporter.errorCount == 0 else { return nil }
    do throws(TLSContextProblem) {
      return try TLSClientContext(settings)
    } catch {
      report(error, declared.common, stapled: nil, backend.place)
      return nil
    }
  }

  // MARK: Files

  private mutating func file(_ setting: FileSetting) -> TLSFile? {
    let answer = files[setting.path] ?? environment.readFile(setting.path)
    files[setting.path] = answer
    switch answer {
    case .success(let bytes): return TLSFile(path: setting.path, bytes: bytes)
    case .failure(let problem):
      reporter.error(setting.place, "\"\(setting.path)\" can't be read: \(problem.reason)")
      return nil
    }
  }

  private mutating func common(
    _ declared: CommonTLSSettings, authorities: FileSetting?
  ) -> TLSCommonSettings {
    var settings = TLSCommonSettings()
    settings.versions = declared.versions?.value ?? settings.versions
    settings.ciphers = declared.ciphers?.value ?? settings.ciphers
    settings.ciphersuites = declared.ciphersuites?.value
    settings.groups = declared.groups.map { knownGroups($0) }
    settings.advertised = authorities.flatMap { file($0) }
    settings.authorities = [settings.advertised, declared.trusted.flatMap { file($0) }]
      .compactMap { $0 }
    settings.revocationLists = declared.revocationLists.flatMap { file($0) }
    settings.verifyDepth = declared.verifyDepth.map { Int($0) } ?? settings.verifyDepth
    if let passwords = declared.passwords.flatMap({ file($0) }) {
      settings.passwords = passwords.bytes.split(separator: 0x0A).map { line in
        line.last == 0x0D ? Array(line.dropLast()) : Array(line)
      }
    }
    return settings
  }

  private mutating func pairs(
    _ declared: CommonTLSSettings, _ name: String, _ place: Place
  ) -> [TLSPair] {
    if declared.certificates.count != declared.keys.count {
      let isKeyMissing = declared.certificates.count > declared.keys.count
      let extra =
        isKeyMissing
        ? declared.certificates[declared.keys.count] : declared.keys[declared.certificates.count]
      reporter.error(
        extra.place, isKeyMissing ? "the certificate has no key" : "the key has no certificate",
        expected: isKeyMissing ? "\(name)_key in the same block" : "\(name) in the same block")
    }
    var pairs: [TLSPair] = []
    for (certificate, key) in zip(declared.certificates, declared.keys) {
      guard let certificates = file(certificate), let keyFile = file(key) else { continue }
      warnOfDates(certificates, certificate.place)
      pairs.append(TLSPair(certificates: certificates, key: keyFile))
    }
    return pairs
  }

  /// A list without the groups that this OpenSSL does not know: confs are written for newer ones. A
  /// list of which none is known stays as it is, and is refused.
  private func knownGroups(_ setting: PlacedSetting<String>) -> String {
    guard !TLSGroups.areKnown(setting.value) else { return setting.value }
    let names = setting.value.split(separator: ":").map(String.init)
    let known = names.filter { TLSGroups.areKnown($0) }
    guard !known.isEmpty else { return setting.value }
    for name in names where !known.contains(name) {
      reporter.warning(
        setting.place, "the curve \(name) is unknown to this OpenSSL: it is not offered")
    }
    return known.joined(separator: ":")
  }

  private func warnOfDates(_ file: TLSFile, _ place: Place) {
    guard let now = environment.now else { return }
    switch TLSValidity.of(file, at: now) {
    case .valid: return
    case .expired: reporter.warning(place, "the certificate has expired")
    case .notYet: reporter.warning(place, "the certificate is not valid yet")
    }
  }

  /// Where Debian, Alpine and Arch keep the roots, and where Fedora does.
  private mutating func systemRoots(_ place: Place) -> [TLSFile] {
    let paths = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]
    for path in paths {
      let answer = files[path] ?? environment.readFile(path)
      files[path] = answer
      if case .success(let bytes) = answer { return [TLSFile(path: path, bytes: bytes)] }
    }
    reporter.error(
      place, "the system's CA certificates are missing (\(paths[0]))",
      expected: "the package ca-certificates, proxy_ssl_trusted_certificate or proxy_ssl_verify off"
    )
    return []
  }

  // MARK: Problems

  private func report(
    _ problem: TLSContextProblem, _ declared: CommonTLSSettings, stapled: FileSetting?,
    _ fallback: Place
  ) {
    let named: (path: String?, place: Place?) =
      switch problem.part {
      case .certificate(let number):
        (declared.certificates[number].path, declared.certificates[number].place)
      case .key(let number): (declared.keys[number].path, declared.keys[number].place)
      case .ciphers: (nil, declared.ciphers?.place)
      case .ciphersuites: (nil, declared.ciphersuites?.place)
      case .groups: (nil, declared.groups?.place)
      case .versions: (nil, declared.versions?.place)
      case .authorities:
        (
          (declared.trusted ?? declared.authorities)?.path,
          (declared.trusted ?? declared.authorities)?.place
        )
      case .revocationLists: (declared.revocationLists?.path, declared.revocationLists?.place)
      case .stapledResponse: (stapled?.path, stapled?.place)
      }
    let message = problem.problem.message
    reporter.error(
      named.place ?? fallback, named.path.map { "\"\($0)\": \(message)" } ?? message)
  }
}
