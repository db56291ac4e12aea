import Plan

/// What `grpc_*` say at one level: the same as their namesakes of `proxy_*`, for the locations that
/// have `grpc_pass`. A directive of either family leaves the other alone, as in nginx.
struct BackendSettings {
  /// A directive has said something.
  var isSaid = false
  var proxy = ProxySettings()
  var tls = BackendTLSSettings()
  var requestFields: [FieldSetting] = []
  var hasRequestFields = false
  var hiddenFields: [String] = []
  var hiddenNames: Set<String> = []
  var hostFieldPlace: Place?
  var lengthFieldPlace: Place?
  var ignored: ControlFields?
  var passed: [String] = []
  var interceptsErrors: Bool?

  func inheriting(_ outer: BackendSettings, replacesLists: Bool) -> BackendSettings {
    guard isSaid, outer.isSaid else { return isSaid ? self : outer }
    // Levels are merged by one set of rules, those of `Settings`.
    var (inner, around) = (Settings(), Settings())
    inner.swapBackend(with: self)
    around.swapBackend(with: outer)
    var merged = inner.mergingBackend(around, replacesLists: replacesLists).backend
    merged.isSaid = true
    return merged
  }
}

extension Settings {
  /// The part of the settings that `grpc_*` have, too.
  var backend: BackendSettings {
    BackendSettings(
      isSaid: false, proxy: proxy, tls: backendTLS, requestFields: requestFields,
      hasRequestFields: hasRequestFields,
      hiddenFields: hiddenFields,
      hiddenNames: hiddenNames, hostFieldPlace: hostFieldPlace,
      lengthFieldPlace: lengthFieldPlace, ignored: responseRules.ignored,
      passed: responseRules.passed, interceptsErrors: redirection.interceptsErrors)
  }

  /// Puts another such part in its place.
  mutating func swapBackend(with other: BackendSettings) {
    proxy = other.proxy
    backendTLS = other.tls
    requestFields = other.requestFields
    hasRequestFields = other.hasRequestFields
    hiddenFields = other.hiddenFields
    hiddenNames = other.hiddenNames
    hostFieldPlace = other.hostFieldPlace
    lengthFieldPlace = other.lengthFieldPlace
    responseRules.ignored = other.ignored
    responseRules.passed = other.passed
    redirection.interceptsErrors = other.interceptsErrors
  }

  /// Has what follows be said of gRPC instead of HTTP, or the other way round.
  mutating func exchangeFamilies() {
    let own = backend
    swapBackend(with: grpc)
    grpc = own
  }

  /// What holds where `grpc_pass` stands. Such calls are never read whole before they are passed
  /// on, and nothing rewrites what comes back.
  var ofGRPC: Settings {
    var settings = self
    settings.exchangeFamilies()
    settings.proxy.buffersRequests = false
    settings.proxy.speaksHTTP2 = true
    // A stream of messages has no size: only what is written bounds it, not nginx's default.
    settings.client.maximumContentBytes = client.maximumContentBytes ?? 0
    settings.responseRules.redirects = [.off]
    settings.responseRules.cookieDomains = nil
    settings.responseRules.cookiePaths = nil
    settings.responseRules.cookieFlags = nil
    return settings
  }
}
