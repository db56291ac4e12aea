import Basics

/// How the values of a text format are escaped.
public enum LogEscape: UInt8, Sendable, BitwiseCopyable {
  /// nginx's default: `"`, `\` and bytes outside printable ASCII as `\xHH`; an absent value is `-`.
  case standard
  /// `escape=json`: as in a JSON string; an absent value is empty.
  case json
  /// `escape=none`: as it is, but CR, LF and other controls still as `\xHH`, so that a line stays a
  /// line.
  case none
}

/// The format of an access log.
public struct LogFormat: Sendable, BitwiseCopyable {
  /// What the line is made by.
  public enum Kind: UInt8, Sendable, BitwiseCopyable {
    /// One JSON object, keys as SPEC section 4 lists them: the default.
    case json
    /// `LEVEL date time module [req-ID] message`
    case verbose
    /// `LEVEL message [req-ID]`
    case simple
    /// A `log_format`, or `combined`.
    case template
  }

  /// What the line is made by.
  public var kind: Kind
  /// For `.template`: the text.
  public var template: Template
  /// For `.template`: its escaping.
  public var escape: LogEscape

  /// The format given.
  public init(
    kind: Kind, template: Template = Template(parts: .empty), escape: LogEscape = .standard
  ) {
    self.kind = kind
    self.template = template
    self.escape = escape
  }
}

extension LogFormat {
  /// True when a line of it shows what event it is of: the built-in formats, and those with
  /// `$event`. In others the opening of a tunnel would look like its end.
  public var tellsEvent: Bool {
    if kind != .template { return true }
    for index in template.parts.indices where template.parts[index].variable == .event {
      return true
    }
    return false
  }
}

/// Severity of an error-log line: nginx's levels.
public enum LogLevel: UInt8, Sendable, Comparable, BitwiseCopyable {
  case debug, info, notice, warn, error, critical, alert, emergency

  /// Order by severity.
  public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }

  /// The name in a line, in capitals.
  public var name: StaticString {
    switch self {
    case .debug: "DEBUG"
    case .info: "INFO"
    case .notice: "NOTICE"
    case .warn: "WARN"
    case .error: "ERROR"
    case .critical: "CRIT"
    case .alert: "ALERT"
    case .emergency: "EMERG"
    }
  }
}
