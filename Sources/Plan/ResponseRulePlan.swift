import Basics
import Policy
import Telemetry

/// What becomes of fields of a backend's response on their way to the client: `proxy_redirect`,
/// `proxy_cookie_*`, `charset`, and the fields that nginx obeys.
public struct ResponseRulePlan: Sendable, BitwiseCopyable {
  /// Bit n is set when a field whose name has n bytes (less multiples of 32) may get another value.
  public var nameLengths: UInt32 = 0
  /// `proxy_redirect`: the first rule that matches counts.
  public var redirects: FrozenArray<ValueRule> = .empty
  /// `proxy_cookie_domain`
  public var cookieDomains: FrozenArray<ValueRule> = .empty
  /// `proxy_cookie_path`
  public var cookiePaths: FrozenArray<ValueRule> = .empty
  /// `proxy_cookie_flags`
  public var cookieFlags: FrozenArray<CookieFlagRule> = .empty
  /// `charset`
  public var charset = CharsetPlan()
  /// `proxy_ignore_headers`: fields of nginx's that are not obeyed.
  public var ignored: ControlFields = []
  /// `proxy_pass_header`: fields of nginx's that reach the client.
  public var passed: ControlFields = []
  /// A backend's Date does not reach the client: Waybill writes its own.
  public var writesDate = false
  /// A backend's Server does not reach the client: Waybill writes its own.
  public var writesServer = false

  /// Fields pass as they are.
  public init() {}
}

/// A rule that puts another value, or another part of one, in the place of what it matches.
public struct ValueRule: Sendable, BitwiseCopyable {
  /// The text that is matched, unless there is an expression.
  public var pattern: Template
  /// Index into `expressions`; -1 for none.
  public var expression: Int
  /// What comes in the place of the text, or of all of the value that the expression matches.
  public var replacement: Template

  /// The rule given.
  public init(pattern: Template, expression: Int, replacement: Template) {
    self.pattern = pattern
    self.expression = expression
    self.replacement = replacement
  }
}

/// A `proxy_cookie_flags`.
public struct CookieFlagRule: Sendable, BitwiseCopyable {
  /// The name of the cookies, unless there is an expression.
  public var name: Template
  /// Index into `expressions`; -1 for none.
  public var expression: Int
  /// Flags that may hold variables: each is a word of `CookieFlags`.
  public var flags: FrozenArray<Template>

  /// The rule given.
  public init(name: Template, expression: Int, flags: FrozenArray<Template>) {
    self.name = name
    self.expression = expression
    self.flags = flags
  }
}

/// Fields by which a backend tells the proxy what to do, as nginx has them.
public struct ControlFields: OptionSet, Sendable, BitwiseCopyable {
  /// One bit for each field.
  public let rawValue: UInt16
  /// The set of these bits.
  public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// `X-Accel-Redirect`
  public static let redirect = ControlFields(rawValue: 1)
  /// `X-Accel-Expires`
  public static let expires = ControlFields(rawValue: 2)
  /// `X-Accel-Limit-Rate`
  public static let limitRate = ControlFields(rawValue: 4)
  /// `X-Accel-Buffering`
  public static let buffering = ControlFields(rawValue: 8)
  /// `X-Accel-Charset`
  public static let charset = ControlFields(rawValue: 16)
}

/// `charset`: what a Content-Type without a charset gets.
public struct CharsetPlan: Sendable, BitwiseCopyable {
  /// Its name; empty for `off`.
  public var name: FrozenBytes = .empty
  /// `charset_types` in lowercase.
  public var types: FrozenArray<FrozenBytes> = .empty
  /// `charset_types *`
  public var includesAllTypes = false
  /// All names of the conf file: what `X-Accel-Charset` may ask for.
  public var known: FrozenArray<FrozenBytes> = .empty

  /// None.
  public init() {}
}

/// What becomes of a response's field when `add_header` adds one of that name.
public enum FieldReplacement: UInt8, Sendable, BitwiseCopyable {
  /// It stays: the field may have several values.
  case none
  /// It goes, even when the value added comes out empty: nginx's ETag and Last-Modified.
  case always
  /// It goes unless the value added comes out empty.
  case unlessEmpty
}
