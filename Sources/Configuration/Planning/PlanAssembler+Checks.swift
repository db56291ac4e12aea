import Basics
import Plan
import Policy

/// `health_check`, and the `match` that each one names.
extension PlanAssembler {
  /// Adds the checks of an `upstream`.
  func addChecks(_ upstream: UpstreamDeclaration, index: Int) {
    let settings = builder.settings.requestID
    let trust = settings.effectiveTrust.freeze(arena, &networks)
    let policy = settings.freeze(arena, trust: trust)
    for check in upstream.checks {
      addCheck(check, upstream: index, host: upstream.name.text, policy)
    }
  }

  /// Adds the checks of a location.
  func addChecks(_ location: LocationDeclaration, _ plan: LocationPlan) {
    guard let first = location.checks.first else { return }
    guard let pass = location.pass, case .name(let name) = pass.target,
      let upstream = declaredUpstreams[name.lowercased()]
    else {
      return reporter.error(
        first.place, "\"health_check\" needs a proxy_pass to an upstream in the same location",
        expected: "an upstream whose servers are checked")
    }
    for check in location.checks {
      guard check.kind == .tcp || !(pass.isSecure || pass.isGRPC || plan.speaksHTTP2) else {
        reporter.error(
          check.place, "checks over TLS and HTTP/2 are not supported yet", expected: "type=tcp")
        continue
      }
      addCheck(check, upstream: upstream, host: name, plan.requestID)
    }
  }

  private func addCheck(
    _ check: CheckDeclaration, upstream: Int, host: String, _ policy: RequestIDPolicy
  ) {
    var plan = CheckPlan(upstream: upstream, kind: check.kind)
    plan.interval = check.interval
    plan.jitter = check.jitter
    plan.timeout = check.timeout
    plan.rule = check.rule
    plan.port = check.port
    plan.idFormat = policy.format
    plan.idHeader = policy.header
    if check.kind == .http {
      plan.request = arena.freeze(
        "GET \(check.uri) HTTP/1.1\r\nHost: \(check.host ?? host)\r\n"
          + "User-Agent: waybill-health-check\r\nConnection: close\r\n")
    }
    if let (name, place) = check.match {
      guard let match = builder.matches.first(where: { $0.name.text == name }) else {
        return reporter.error(
          place, "the match \"\(name)\" is not declared",
          suggestion: Suggestion.nearest(to: name, among: builder.matches.map(\.name.text)))
      }
      plan.match = freeze(match)
    }
    checks.append(plan)
  }

  private func freeze(_ match: MatchDeclaration) -> MatchPlan {
    var plan = MatchPlan()
    plan.statuses = arena.freeze(match.statuses)
    plan.excludesStatuses = match.excludesStatuses
    plan.fields = arena.freeze(
      match.fields.map { field in
        FieldCondition(
          name: arena.freeze(field.name), test: field.test, isNegated: field.isNegated,
          value: arena.freeze(field.value),
          expression: field.expression.map { planIndex(of: $0) } ?? -1)
      })
    plan.bodies = arena.freeze(
      match.bodies.map {
        BodyCondition(expression: planIndex(of: $0.expression), isNegated: $0.isNegated)
      })
    return plan
  }
}
