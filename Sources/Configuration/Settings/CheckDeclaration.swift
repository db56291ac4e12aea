import Basics
import Plan
import Policy
import RegularExpressions

/// A `health_check`.
struct CheckDeclaration {
  var place: Place
  var kind = CheckPlan.Kind.http
  var uri = "/"
  var host: String?
  var interval = Limits.checkInterval
  var jitter = Interval(nanoseconds: 0)
  var timeout = Limits.checkTimeout
  var rule = CheckRule()
  var port: UInt16 = 0
  var match: (name: String, place: Place)?
  /// Where the first of the parameters stands that only requests have.
  var requestPlace: Place?
}

/// A `match`.
struct MatchDeclaration {
  var name: Word
  var statuses: [StatusRange] = []
  var excludesStatuses = false
  var statusPlace: Place?
  var fields: [FieldConditionDeclaration] = []
  var bodies: [(expression: RegularExpression, isNegated: Bool)] = []
}

/// A `header` of a `match`.
struct FieldConditionDeclaration {
  var name: String
  var test: FieldCondition.Test
  var isNegated: Bool
  var value = ""
  var expression: RegularExpression?
}
