import Basics
import HTTP
import Policy
import Telemetry

/// What one level (top level, a `server`, a `location`) says itself; nil where it says nothing.
/// `inheriting` fills the gaps from the level around it, so each directive is inherited on its own.
struct Settings {
  var requestID = RequestIDSettings()
  var client = ClientSettings()
  var realIP = RealIPSettings()
  var proxy = ProxySettings()
  var serverTLS = ServerTLSSettings()
  var backendTLS = BackendTLSSettings()
  var logs = LogSettings()
  /// `proxy_set_header`
  var requestFields: [FieldSetting] = []
  /// True once this level has a `proxy_set_header`, also one that sets nothing.
  var hasRequestFields = false
  /// `add_header`
  var responseFields: [FieldSetting] = []
  /// True once this level has an `add_header`, also one that adds nothing.
  var hasResponseFields = false
  /// `proxy_hide_header`, lowercase.
  var hiddenFields: [String] = []
  /// This level's of them.
  var hiddenNames: Set<String> = []
  /// Where this level's `proxy_set_header Host` stands.
  var hostFieldPlace: Place?
  /// Where this level's `proxy_set_header Content-Length ""` stands.
  var lengthFieldPlace: Place?
  /// `types`
  var mediaTypes: MediaTypes?
  var redirects = RedirectSettings()
  var files = FileSettings()
  var redirection = RedirectionSettings()
  var rewriting = RewriteSettings()
  var responseRules = ResponseRuleSettings()
  var contentStages = ContentStageSettings()
  var admission = AdmissionSettings()
  var names = NameSettings()
  var tracing = TracingSettings()
  /// `grpc_*`
  var grpc = BackendSettings()
  /// The directives that say what is done anyway.
  var stated: Set<String> = []

  /// These settings, and the ones of `outer` for what they leave open. With `replacesLists` a list
  /// of this level takes the place of the outer one, as in nginx; else it is added to it.
  func inheriting(_ outer: Settings, replacesLists: Bool = false) -> Settings {
    var merged = mergingBackend(outer, replacesLists: replacesLists)
    merged.requestID = requestID.inheriting(outer.requestID)
    merged.client = client.inheriting(outer.client)
    merged.realIP = realIP.inheriting(outer.realIP)
    merged.serverTLS = serverTLS.inheriting(outer.serverTLS)
    merged.logs = logs.inheriting(outer.logs)
    merged.mediaTypes = mediaTypes ?? outer.mediaTypes
    merged.redirects = redirects.inheriting(outer.redirects)
    merged.files = files.inheriting(outer.files)
    merged.rewriting = rewriting.inheriting(outer.rewriting)
    merged.contentStages = contentStages.inheriting(outer.contentStages)
    merged.admission = admission.inheriting(outer.admission)
    merged.names = names.inheriting(outer.names)
    merged.tracing = tracing.inheriting(outer.tracing)
    merged.stated.formUnion(outer.stated)
    merged.grpc = grpc.inheriting(outer.grpc, replacesLists: replacesLists)
    if !replacesLists {
      merged.responseFields = FieldSetting.merge(responseFields, over: outer.responseFields)
    } else if !hasResponseFields {
      merged.responseFields = outer.responseFields
    }
    return merged
  }

  /// The same for what `grpc_*` have, too, and nothing else.
  func mergingBackend(_ outer: Settings, replacesLists: Bool) -> Settings {
    var merged = self
    merged.proxy = proxy.inheriting(outer.proxy)
    merged.backendTLS = backendTLS.inheriting(outer.backendTLS)
    merged.redirection = redirection.inheriting(outer.redirection)
    merged.responseRules = responseRules.inheriting(outer.responseRules)
    let hidden = hiddenNames
    if hidden.isEmpty {
      merged.hiddenFields = outer.hiddenFields
    } else if !replacesLists {
      merged.hiddenFields += outer.hiddenFields.filter { !hidden.contains($0) }
    }
    if !replacesLists {
      merged.requestFields = FieldSetting.merge(requestFields, over: outer.requestFields)
    } else if !hasRequestFields {
      merged.requestFields = outer.requestFields
    }
    return merged
  }
}

/// `client_*`, `send_timeout`, `keepalive_*`, `large_client_header_buffers`, `default_type`.
struct ClientSettings {
  var headerTimeout: Interval?
  var bodyTimeout: Interval?
  var sendTimeout: Interval?
  var keepaliveTimeout: Interval?
  var keepaliveRequests: UInt64?
  var maximumContentBytes: UInt64?
  var headerBuffers: (number: Int, bytes: Int)?
  var maximumFieldCount: UInt64?
  var defaultType: String?
  var bodyBufferBytes: UInt64?
  var bodyFolder: String?
  var mergesSlashes: Bool?
  var ignoresInvalidNames: Bool?
  var allowsUnderscores: Bool?
  /// `limit_rate`, an empty template for 0.
  var rate: Template?
  /// `limit_rate_after`
  var unlimitedBytes: Template?

  func inheriting(_ outer: ClientSettings) -> ClientSettings {
    var merged = self
    merged.headerTimeout = headerTimeout ?? outer.headerTimeout
    merged.bodyTimeout = bodyTimeout ?? outer.bodyTimeout
    merged.sendTimeout = sendTimeout ?? outer.sendTimeout
    merged.keepaliveTimeout = keepaliveTimeout ?? outer.keepaliveTimeout
    merged.keepaliveRequests = keepaliveRequests ?? outer.keepaliveRequests
    merged.maximumContentBytes = maximumContentBytes ?? outer.maximumContentBytes
    merged.headerBuffers = headerBuffers ?? outer.headerBuffers
    merged.maximumFieldCount = maximumFieldCount ?? outer.maximumFieldCount
    merged.defaultType = defaultType ?? outer.defaultType
    merged.bodyBufferBytes = bodyBufferBytes ?? outer.bodyBufferBytes
    merged.bodyFolder = bodyFolder ?? outer.bodyFolder
    merged.mergesSlashes = mergesSlashes ?? outer.mergesSlashes
    merged.ignoresInvalidNames = ignoresInvalidNames ?? outer.ignoresInvalidNames
    merged.allowsUnderscores = allowsUnderscores ?? outer.allowsUnderscores
    merged.rate = rate ?? outer.rate
    merged.unlimitedBytes = unlimitedBytes ?? outer.unlimitedBytes
    return merged
  }

  /// `ignore_invalid_headers`, `underscores_in_headers`
  var fieldNames: FieldNameRule {
    if ignoresInvalidNames == false { return .all }
    return allowsUnderscores == true ? .underscores : .plain
  }

  /// The bounds on heads.
  var headLimits: HeadLimits {
    let bytes = headerBuffers?.bytes ?? Limits.headLineBytes
    let total = headerBuffers.map { $0.number * $0.bytes } ?? Limits.headBytes
    return HeadLimits(
      maximumLineBytes: bytes, maximumHeadBytes: total,
      maximumFieldCount: maximumFieldCount.map { Int($0) } ?? Limits.fieldCount)
  }
}

/// The `types` of one level, which all inner levels share.
final class MediaTypes {
  /// Media types by extension in lowercase.
  var byExtension: [String: String] = [:]
}

/// `absolute_redirect`, `server_name_in_redirect`, `port_in_redirect`.
struct RedirectSettings {
  var isAbsolute: Bool?
  var usesServerName: Bool?
  var showsPort: Bool?

  func inheriting(_ outer: RedirectSettings) -> RedirectSettings {
    RedirectSettings(
      isAbsolute: isAbsolute ?? outer.isAbsolute,
      usesServerName: usesServerName ?? outer.usesServerName,
      showsPort: showsPort ?? outer.showsPort)
  }
}

/// `set_real_ip_from`, `real_ip_*`.
struct RealIPSettings {
  var trust: TrustSetting?
  var header: RealIPHeaderSetting?
  var isRecursive: Bool?

  /// True when a level says nothing itself.
  var isEmpty: Bool { trust == nil && header == nil && isRecursive == nil }

  func inheriting(_ outer: RealIPSettings) -> RealIPSettings {
    RealIPSettings(
      trust: trust ?? outer.trust, header: header ?? outer.header,
      isRecursive: isRecursive ?? outer.isRecursive)
  }
}

/// `real_ip_header`
enum RealIPHeaderSetting {
  case field(String)
  case xForwardedFor
  case proxyProtocol
}

/// `proxy_*`
struct ProxySettings {
  var connectTimeout: Interval?
  var readTimeout: Interval?
  var sendTimeout: Interval?
  var retryConditions: RetryConditions?
  var retryTries: UInt64?
  var retryTimeout: Interval?
  var ignoresClientAbort: Bool?
  var responseHeadBytes: UInt64?
  var responseFieldCount: UInt64?
  var interimResponses: UInt64?
  var buffersRequests: Bool?
  var passesFields: Bool?
  var passesContent: Bool?
  var method: Template?
  /// `proxy_buffering`
  var buffersResponses: Bool?
  var buffers = ResponseBufferSettings()
  /// `proxy_http_version 2`
  var speaksHTTP2: Bool?

  func inheriting(_ outer: ProxySettings) -> ProxySettings {
    var merged = self
    merged.connectTimeout = connectTimeout ?? outer.connectTimeout
    merged.readTimeout = readTimeout ?? outer.readTimeout
    merged.sendTimeout = sendTimeout ?? outer.sendTimeout
    merged.retryConditions = retryConditions ?? outer.retryConditions
    merged.retryTries = retryTries ?? outer.retryTries
    merged.retryTimeout = retryTimeout ?? outer.retryTimeout
    merged.ignoresClientAbort = ignoresClientAbort ?? outer.ignoresClientAbort
    merged.responseHeadBytes = responseHeadBytes ?? outer.responseHeadBytes
    merged.responseFieldCount = responseFieldCount ?? outer.responseFieldCount
    merged.interimResponses = interimResponses ?? outer.interimResponses
    merged.buffersRequests = buffersRequests ?? outer.buffersRequests
    merged.passesFields = passesFields ?? outer.passesFields
    merged.passesContent = passesContent ?? outer.passesContent
    merged.method = method ?? outer.method
    merged.buffersResponses = buffersResponses ?? outer.buffersResponses
    merged.buffers = buffers.inheriting(outer.buffers)
    merged.speaksHTTP2 = speaksHTTP2 ?? outer.speaksHTTP2
    return merged
  }

  /// `proxy_response_head_size`, `proxy_response_max_headers`
  var responseHeadLimits: HeadLimits {
    let bytes = responseHeadBytes.map { Int($0) } ?? Limits.responseHeadBytes
    return HeadLimits(
      maximumLineBytes: bytes, maximumHeadBytes: bytes,
      maximumFieldCount: responseFieldCount.map { Int($0) } ?? Limits.responseFieldCount)
  }

  /// `proxy_next_upstream*`
  var retry: RetryPolicy {
    RetryPolicy(
      conditions: retryConditions ?? [.error, .timeout], maximumTries: Int(retryTries ?? 0),
      timeout: retryTimeout ?? .endless)
  }
}

/// A set of peers: `set_real_ip_from`, `request_id_trust`.
struct TrustSetting {
  var includesAll = false
  var includesUnix = false
  var includesVerified = false
  var networks: [Network] = []
  /// The ranges as they were written.
  var ranges: [String] = []
}
