import Plan
import RegularExpressions
import Telemetry

/// What becomes of fields of backends' responses. A level with rules of one kind inherits none of
/// that kind.
struct ResponseRuleSettings {
  /// `proxy_redirect`
  var redirects: [RedirectRuleSetting]?
  /// `proxy_cookie_domain`; empty for `off`.
  var cookieDomains: [ValueRuleSetting]?
  /// `proxy_cookie_path`; empty for `off`.
  var cookiePaths: [ValueRuleSetting]?
  /// `proxy_cookie_flags`; empty for `off`.
  var cookieFlags: [CookieFlagSetting]?
  /// `proxy_ignore_headers`
  var ignored: ControlFields?
  /// `proxy_pass_header`, lowercase.
  var passed: [String] = []
  /// `charset`; empty for `off`.
  var charset: String?
  /// `charset_types`, lowercase.
  var charsetTypes: [String]?

  func inheriting(_ outer: ResponseRuleSettings) -> ResponseRuleSettings {
    var merged = self
    merged.redirects = redirects ?? outer.redirects
    merged.cookieDomains = cookieDomains ?? outer.cookieDomains
    merged.cookiePaths = cookiePaths ?? outer.cookiePaths
    merged.cookieFlags = cookieFlags ?? outer.cookieFlags
    merged.ignored = ignored ?? outer.ignored
    merged.passed = passed.isEmpty ? outer.passed : passed
    merged.charset = charset ?? outer.charset
    merged.charsetTypes = charsetTypes ?? outer.charsetTypes
    return merged
  }
}

/// A `proxy_redirect`.
enum RedirectRuleSetting {
  /// `off`: there are no rules, whatever stands beside it.
  case off
  /// `default`
  case standard
  case rule(ValueRuleSetting)
}

/// Something that is matched, and what comes in its place.
struct ValueRuleSetting {
  var pattern: Template
  var expression: RegularExpression?
  var replacement: Template
}

/// A `proxy_cookie_flags`.
struct CookieFlagSetting {
  var name: Template
  var expression: RegularExpression?
  var flags: [Template]
}
