import Basics
import HTTP
import Plan
import Policy
import RegularExpressions
import Telemetry

/// A `rewrite`, `return`, `set`, `break` or `if`, as it was declared.
struct RewriteDeclaration {
  /// What it is.
  enum Kind {
    /// `set`: the variable's slot.
    case assign(slot: Int, value: Template)
    /// `set $args`
    case assignQuery(Template)
    case rewrite(RewriteRule)
    /// `break`
    case stop
    case answer(AnswerDeclaration)
    /// `if`: in a `location` its block is one of its own.
    case condition(ConditionDeclaration, [RewriteDeclaration], block: LocationDeclaration?)
  }

  var kind: Kind
  /// Where it stands.
  var place: Place
  /// How it is called in histories.
  var title: String
}

/// A `rewrite`.
struct RewriteRule {
  var expression: RegularExpression
  var path: Template
  var query: Template?
  var keepsQuery: Bool
  var ending: RewriteStep.Ending
  var status: UInt16
}

/// The condition of an `if`.
struct ConditionDeclaration {
  var test: RewriteStep.Test
  var isNegated: Bool
  var subject: Template
  var other = Template(parts: .empty)
  var expression: RegularExpression?
}

/// A `map`.
struct MapDeclaration {
  var place: Place
  var slot: Int
  var source: Template
  var isVolatile = false
  var hasHostnames = false
  /// Plain keys, each with the index of its value.
  var keys: [(key: String, value: Int)] = []
  var expressions: [(expression: RegularExpression, value: Int)] = []
  var values: [Template] = []
  var fallback: Int?
  /// The keys seen, in lowercase.
  var seen: Set<String> = []
  /// Index in `values` of each text.
  var valueIndices: [String: Int] = [:]
}

/// A `geo`.
struct AddressMapDeclaration {
  var place: Place
  var slot: Int
  var source: Template
  var usesRanges = false
  var networks: [Network: Int32] = [:]
  /// The networks in the order in which they came first.
  var order: [Network] = []
  var ranges: [(first: UInt32, last: UInt32, value: Int32)] = []
  var values: [String] = []
  var valueIndices: [String: Int32] = [:]
  var fallback: Int32?
  var proxies = TrustSetting()
  var isRecursive = false
}

/// A `split_clients`.
struct DivisionDeclaration {
  var place: Place
  var slot: Int
  var key: Template
  /// Hundredths of a percent, nil for the rest, and the value.
  var parts: [(share: UInt64?, value: String)] = []
}

/// `rewrite_log`, `uninitialized_variable_warn`
struct RewriteSettings {
  var logs: Bool?
  var warnsOfUnset: Bool?

  func inheriting(_ outer: RewriteSettings) -> RewriteSettings {
    RewriteSettings(
      logs: logs ?? outer.logs, warnsOfUnset: warnsOfUnset ?? outer.warnsOfUnset)
  }
}
