import Basics
import Policy

/// What one level says of the request ID; nil where it says nothing.
struct RequestIDSettings {
  var mode: RequestIDMode?
  var header: String?
  var format: RequestIDFormat?
  var trust: TrustSetting?
  var maximumLength: UInt64?
  var rejectsInvalid: Bool?
  var crossOrigin: CrossOriginSetting?
  var sendsServerTiming: Bool?

  func inheriting(_ outer: RequestIDSettings) -> RequestIDSettings {
    RequestIDSettings(
      mode: mode ?? outer.mode, header: header ?? outer.header, format: format ?? outer.format,
      trust: trust ?? outer.trust, maximumLength: maximumLength ?? outer.maximumLength,
      rejectsInvalid: rejectsInvalid ?? outer.rejectsInvalid,
      crossOrigin: crossOrigin ?? outer.crossOrigin,
      sendsServerTiming: sendsServerTiming ?? outer.sendsServerTiming)
  }

  /// The header's name in force.
  var effectiveHeader: String { header ?? "X-Request-ID" }
  /// The mode in force.
  var effectiveMode: RequestIDMode { mode ?? .on }

  /// Who is believed when something or nothing was said.
  var effectiveTrust: TrustSetting { trust ?? TrustSetting(includesAll: true) }

  /// The policy, with defaults where nothing was said; `trust` is `effectiveTrust`.
  func freeze(_ arena: Arena, trust: PeerTrust) -> RequestIDPolicy {
    let exposure = crossOrigin ?? CrossOriginSetting(isOn: false, origins: [])
    return RequestIDPolicy(
      mode: effectiveMode, format: format ?? .uuid4, rejectsInvalid: rejectsInvalid ?? false,
      maximumLength: Int(maximumLength ?? 128),
      trust: trust,
      header: arena.freeze(effectiveHeader),
      crossOrigin: CrossOriginExposure(
        isOn: exposure.isOn, origins: arena.freeze(exposure.origins.map { arena.freeze($0) })))
  }
}

/// `request_id_cors`
struct CrossOriginSetting {
  var isOn: Bool
  var origins: [String]
}
