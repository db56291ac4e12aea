import Basics
import Policy
import TLS

/// A file that a directive names. Two are equal when they name the same, wherever they stand.
struct FileSetting: Hashable {
  /// Absolute, or relative to the folder that the program was started in.
  var path: String
  /// Where it is named.
  var place: Place

  static func == (one: FileSetting, other: FileSetting) -> Bool { one.path == other.path }

  func hash(into hasher: inout Hasher) { hasher.combine(path) }
}

/// A value, and where it stands. Two are equal when their values are.
struct PlacedSetting<Value: Hashable>: Hashable {
  var value: Value
  var place: Place

  static func == (one: PlacedSetting, other: PlacedSetting) -> Bool { one.value == other.value }

  func hash(into hasher: inout Hasher) { hasher.combine(value) }
}

/// What `ssl_*` and `proxy_ssl_*` have in common, as one level says it; nil where it says nothing.
struct CommonTLSSettings: Hashable {
  var versions: PlacedSetting<TLSVersions>?
  var ciphers: PlacedSetting<String>?
  var ciphersuites: PlacedSetting<String>?
  var groups: PlacedSetting<String>?
  /// In the order of the directives; the keys stand at the same index.
  var certificates: [FileSetting] = []
  var keys: [FileSetting] = []
  /// True when this level says that there are none: `proxy_ssl_certificate ""`.
  var hasNoCertificates = false
  var passwords: FileSetting?
  /// `ssl_client_certificate`
  var authorities: FileSetting?
  /// `ssl_trusted_certificate`, `proxy_ssl_trusted_certificate`
  var trusted: FileSetting?
  var verifyDepth: UInt64?
  var revocationLists: FileSetting?

  func inheriting(_ outer: CommonTLSSettings) -> CommonTLSSettings {
    var merged = self
    merged.versions = versions ?? outer.versions
    merged.ciphers = ciphers ?? outer.ciphers
    merged.ciphersuites = ciphersuites ?? outer.ciphersuites
    merged.groups = groups ?? outer.groups
    if certificates.isEmpty && keys.isEmpty && !hasNoCertificates {
      // A pair belongs together: half of it is never taken from another level.
      merged.certificates = outer.certificates
      merged.keys = outer.keys
    }
    merged.passwords = passwords ?? outer.passwords
    merged.authorities = authorities ?? outer.authorities
    merged.trusted = trusted ?? outer.trusted
    merged.verifyDepth = verifyDepth ?? outer.verifyDepth
    merged.revocationLists = revocationLists ?? outer.revocationLists
    return merged
  }
}

/// `ssl_*`
struct ServerTLSSettings {
  var common = CommonTLSSettings()
  var prefersServerCiphers: Bool?
  var sessionTimeout: Interval?
  var usesTickets: Bool?
  var clientCertificates: ClientCertificateRule?
  var stapledResponse: FileSetting?
  var rejectsHandshake: Bool?
  /// `ssl`
  var isOn: Bool?
  /// `http2`
  var offersHTTP2: Bool?

  func inheriting(_ outer: ServerTLSSettings) -> ServerTLSSettings {
    ServerTLSSettings(
      common: common.inheriting(outer.common),
      prefersServerCiphers: prefersServerCiphers ?? outer.prefersServerCiphers,
      sessionTimeout: sessionTimeout ?? outer.sessionTimeout,
      usesTickets: usesTickets ?? outer.usesTickets,
      clientCertificates: clientCertificates ?? outer.clientCertificates,
      stapledResponse: stapledResponse ?? outer.stapledResponse,
      rejectsHandshake: rejectsHandshake ?? outer.rejectsHandshake, isOn: isOn ?? outer.isOn,
      offersHTTP2: offersHTTP2 ?? outer.offersHTTP2)
  }
}

/// `proxy_ssl_*`. Equal ones make equal connections, but for what variables of the name stand for.
struct BackendTLSSettings: Hashable {
  var common = CommonTLSSettings()
  var verifies: Bool?
  var name: PlacedSetting<String>?
  var sendsName: Bool?
  var resumesSessions: Bool?
  /// The location speaks HTTP/2: set when its plan is made.
  var speaksHTTP2 = false

  func inheriting(_ outer: BackendTLSSettings) -> BackendTLSSettings {
    BackendTLSSettings(
      common: common.inheriting(outer.common), verifies: verifies ?? outer.verifies,
      name: name ?? outer.name, sendsName: sendsName ?? outer.sendsName,
      resumesSessions: resumesSessions ?? outer.resumesSessions)
  }
}
