// What a conf file says about TLS, with the content of the files that it names.

/// A file as it was read.
public struct TLSFile: Equatable, Sendable {
  /// Its path, for messages.
  public var path: String
  /// Its bytes.
  public var bytes: [UInt8]

  /// The file given.
  public init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
  }
}

/// A certificate with the chain up to its root, and its key.
public struct TLSPair: Equatable, Sendable {
  /// The server's own certificate first.
  public var certificates: TLSFile
  /// Its key.
  public var key: TLSFile

  /// The pair given.
  public init(certificates: TLSFile, key: TLSFile) {
    self.certificates = certificates
    self.key = key
  }
}

/// Versions of the protocol.
public struct TLSVersions: OptionSet, Hashable, Sendable {
  /// One bit for each member, in the order of their age.
  public let rawValue: UInt8
  /// The set of these bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// TLS 1.0
  public static let tls10 = TLSVersions(rawValue: 1)
  /// TLS 1.1
  public static let tls11 = TLSVersions(rawValue: 2)
  /// TLS 1.2
  public static let tls12 = TLSVersions(rawValue: 4)
  /// TLS 1.3
  public static let tls13 = TLSVersions(rawValue: 8)
}

/// What both sides of a connection may be told.
public struct TLSCommonSettings: Equatable, Sendable {
  /// `ssl_protocols`, `proxy_ssl_protocols`
  public var versions: TLSVersions = [.tls12, .tls13]
  /// `ssl_ciphers`, `proxy_ssl_ciphers`: up to TLS 1.2.
  public var ciphers = TLSCommonSettings.defaultCiphers
  /// `ssl_ciphersuites`: of TLS 1.3; nil for OpenSSL's own choice.
  public var ciphersuites: String?
  /// `ssl_ecdh_curve`; nil for OpenSSL's own choice.
  public var groups: String?
  /// The authorities that the peer's certificate may come from.
  public var authorities: [TLSFile] = []
  /// Those of them whose names a client is told.
  public var advertised: TLSFile?
  /// `ssl_crl`, `proxy_ssl_crl`
  public var revocationLists: TLSFile?
  /// `ssl_verify_depth`, `proxy_ssl_verify_depth`: certificates between the peer's and the root.
  public var verifyDepth = 1
  /// `ssl_password_file`: tried one by one.
  public var passwords: [[UInt8]] = []

  /// The defaults.
  public init() {}

  /// Forward secrecy and authenticated encryption only: what every browser since 2014 speaks.
  public static let defaultCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    + "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    + "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
}

/// The TLS of a `server`.
public struct TLSServerSettings: Equatable, Sendable {
  /// See `TLSCommonSettings`.
  public var common = TLSCommonSettings()
  /// `ssl_certificate` and `ssl_certificate_key`, of different kinds of key.
  public var pairs: [TLSPair] = []
  /// `ssl_reject_handshake`: clients that ask for its names are refused, so it needs no pair.
  public var rejectsHandshake = false
  /// `ssl_prefer_server_ciphers`
  public var prefersServerCiphers = true
  /// `ssl_session_timeout`, in seconds.
  public var sessionTimeout = 300
  /// `ssl_session_tickets`
  public var usesTickets = true
  /// `http2`: clients are offered HTTP/2.
  public var offersHTTP2 = false
  /// Whether clients are asked for a certificate. One that does not hold does not end the
  /// handshake: whoever serves the request decides.
  public var asksForCertificate = false
  /// `ssl_stapling_file`: an OCSP response in DER.
  public var stapledResponse: TLSFile?
  /// Sessions of servers with other names are not resumed: see RFC 8446 section 4.6.1 and what
  /// goes wrong when a session crosses over to a server that asks for client certificates.
  public var identity = ""

  /// The defaults.
  public init() {}
}

/// The TLS of a `proxy_pass https:`.
public struct TLSClientSettings: Equatable, Sendable {
  /// See `TLSCommonSettings`.
  public var common = TLSCommonSettings()
  /// `proxy_ssl_certificate` and `proxy_ssl_certificate_key`
  public var pair: TLSPair?
  /// `proxy_ssl_verify`
  public var verifies = true
  /// `proxy_ssl_session_reuse`
  public var resumesSessions = true
  /// The backend is spoken to in HTTP/2, and told so by ALPN.
  public var speaksHTTP2 = false

  /// The defaults.
  public init() {}
}

/// Which setting a problem is about, so that a message can point at its line.
public enum TLSPart: Hashable, Sendable {
  /// `ssl_certificate`, by its number.
  case certificate(Int)
  /// `ssl_certificate_key`, by its number.
  case key(Int)
  case ciphers, ciphersuites, groups, authorities, revocationLists, stapledResponse, versions
}
