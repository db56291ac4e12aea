import Basics
import HTTP
import Plan
import Policy
import RegularExpressions
import Telemetry

/// What becomes of fields of a backend's response.
extension PlanAssembler {
  /// Sets what a location says of them; `pass` is its `proxy_pass`.
  func setResponseRules(
    _ settings: ResponseRuleSettings, _ pass: PassDeclaration?, path: String,
    _ plan: inout LocationPlan
  ) {
    var rules = ResponseRulePlan()
    rules.ignored = settings.ignored ?? []
    setPassed(settings.passed, &rules)
    rules.charset = charset(settings)
    var lengths: [Int] = rules.charset.name.isEmpty ? [] : ["Content-Type".utf8.count]
    if let pass {
      rules.redirects = redirects(settings.redirects, pass, path)
      if !rules.redirects.isEmpty { lengths += ["Location".utf8.count, "Refresh".utf8.count] }
      rules.cookieDomains = freeze(settings.cookieDomains)
      rules.cookiePaths = freeze(settings.cookiePaths)
      rules.cookieFlags = cookieFlagRules.made(of: settings.cookieFlags ?? []) { rules in
        arena.freeze(rules.map { freeze($0) })
      }
      if !rules.cookieDomains.isEmpty || !rules.cookiePaths.isEmpty || !rules.cookieFlags.isEmpty {
        lengths.append("Set-Cookie".utf8.count)
      }
      // A backend may name a charset itself.
      if !builder.charsets.isEmpty { lengths.append("Content-Type".utf8.count) }
    }
    for length in lengths { rules.nameLengths |= 1 << UInt32(length) }
    plan.responseRules = rules
  }

  /// Which of the fields pass that nginx keeps from clients.
  private func setPassed(_ names: [String], _ rules: inout ResponseRulePlan) {
    let control: [(name: String, field: ControlFields)] = [
      ("x-accel-redirect", .redirect), ("x-accel-expires", .expires),
      ("x-accel-limit-rate", .limitRate), ("x-accel-buffering", .buffering),
      ("x-accel-charset", .charset),
    ]
    for (name, field) in control where names.contains(name) { rules.passed.insert(field) }
    guard usesNginxDefaults else { return }
    rules.writesDate = !names.contains("date")
    rules.writesServer = !names.contains("server")
  }

  /// `proxy_hide_header`, and what nginx hides besides. nginx inherits the two lists apart:
  /// what `proxy_pass_header` names is passed whichever level says so.
  func hiddenNames(_ settings: Settings) -> FrozenArray<FrozenBytes> {
    let passed = settings.responseRules.passed
    let others =
      usesNginxDefaults ? ["date", "server", "x-pad"].filter { !passed.contains($0) } : []
    let hidden =
      usesNginxDefaults
      ? settings.hiddenFields.filter { !passed.contains($0) } : settings.hiddenFields
    return hiddenFields.made(of: hidden, context: others) { names in
      arena.freeze((names + others).map { arena.freeze($0) })
    }
  }

  // MARK: Rules

  private func redirects(
    _ settings: [RedirectRuleSetting]?, _ pass: PassDeclaration, _ path: String
  ) -> FrozenArray<ValueRule> {
    guard let settings else { return arena.freeze([standardRedirect(pass, path)]) }
    let url = [pass.isSecure ? "https" : "http", pass.authority, pass.path ?? "", path]
    return redirectRules.made(of: settings, context: url) { settings in
      var rules: [ValueRule] = []
      for setting in settings {
        switch setting {
        case .off: return .empty
        case .standard: rules.append(standardRedirect(pass, path))
        case .rule(let rule): rules.append(freeze(rule))
        }
      }
      return arena.freeze(rules)
    }
  }

  /// What begins with the URL of `proxy_pass` begins with the location's path instead.
  private func standardRedirect(_ pass: PassDeclaration, _ path: String) -> ValueRule {
    let url = (pass.isSecure ? "https://" : "http://") + pass.authority
    let unix = pass.authority.hasPrefix("unix:") ? ":" : ""
    let own = pass.path.map { url + unix + $0 } ?? url + "/"
    return ValueRule(
      pattern: text(own), expression: -1, replacement: text(pass.path == nil ? "/" : path))
  }

  private func freeze(_ settings: [ValueRuleSetting]?) -> FrozenArray<ValueRule> {
    valueRules.made(of: settings ?? []) { rules in arena.freeze(rules.map { freeze($0) }) }
  }

  private func freeze(_ setting: ValueRuleSetting) -> ValueRule {
    ValueRule(
      pattern: setting.pattern, expression: setting.expression.map { planIndex(of: $0) } ?? -1,
      replacement: setting.replacement)
  }

  private func freeze(_ setting: CookieFlagSetting) -> CookieFlagRule {
    CookieFlagRule(
      name: setting.name, expression: setting.expression.map { planIndex(of: $0) } ?? -1,
      flags: arena.freeze(setting.flags))
  }

  private func text(_ text: String) -> Template {
    Template(parts: arena.freeze([TemplatePart(.literal, text: arena.freeze(text))]))
  }

  // MARK: Charsets

  private static let usualTypes = [
    "text/html", "text/xml", "text/plain", "text/vnd.wap.wml", "application/javascript",
    "application/rss+xml",
  ]

  private func charset(_ settings: ResponseRuleSettings) -> CharsetPlan {
    var plan = CharsetPlan()
    guard !builder.charsets.isEmpty else { return plan }
    plan.known = knownCharsets()
    plan.name = arena.freeze(settings.charset ?? "")
    let types = settings.charsetTypes ?? PlanAssembler.usualTypes
    plan.includesAllTypes = types.contains("*")
    plan.types = charsetTypes.made(of: types) { types in
      arena.freeze((types + ["text/html"]).map { arena.freeze($0) })
    }
    return plan
  }

  private func knownCharsets() -> FrozenArray<FrozenBytes> {
    charsetTypes.made(of: builder.charsets) { names in
      arena.freeze(names.map { arena.freeze($0) })
    }
  }
}
