import Basics
import Plan
import RegularExpressions
import Telemetry

/// What becomes of fields of backends' responses on their way to the client.
extension DirectiveCatalog {
  static let responseRules: [Directive] = [
    Directive(
      "proxy_redirect", in: .everyLevel, "default | off | FROM TO | ~EXPRESSION TO",
      count: 1...2, default: "default", isRepeatable: true,
      """
      What becomes of `Location` and of the URL in `Refresh` when a backend sends them. `default`: \
      what begins with the URL of `proxy_pass` gets the location's own path in its place, so that \
      redirects of the backend to itself lead to this proxy. `FROM TO`: what begins with one text \
      begins with the other. With `~` (`~*` whatever the letters' case) a regular expression is \
      matched, and its text takes the place of all of the value. Variables may stand everywhere. \
      The first rule that matches counts; a level with rules inherits none. A path that comes of a \
      rule is made absolute as `absolute_redirect` says.
      """
    ) { $0.proxyRedirect($1) },
    Directive(
      "proxy_cookie_domain", in: .everyLevel, "off | DOMAIN REPLACEMENT | ~EXPRESSION REPLACEMENT",
      count: 1...2, default: "off", isRepeatable: true,
      """
      What comes in the place of the `Domain` attribute of a backend's cookies if it is that \
      domain, whatever the letters' case and with or without a dot before it, or if the expression \
      matches it. The first rule that matches counts.
      """
    ) { $0.cookieRule($1, \.cookieDomains, isDomain: true) },
    Directive(
      "proxy_cookie_path", in: .everyLevel, "off | PATH REPLACEMENT | ~EXPRESSION REPLACEMENT",
      count: 1...2, default: "off", isRepeatable: true,
      """
      What comes in the place of the begin of the `Path` attribute of a backend's cookies, or of \
      all of it where an expression (`~`, `~*`) matches. The first rule that matches counts.
      """
    ) { $0.cookieRule($1, \.cookiePaths, isDomain: false) },
    Directive(
      "proxy_cookie_flags", in: .everyLevel, "off | COOKIE FLAG … | ~EXPRESSION FLAG …",
      count: 1...5, default: "off", isRepeatable: true,
      """
      Flags that a backend's cookies of that name get or lose: `secure`, `httponly`, \
      `samesite=strict|lax|none`, `nosecure`, `nohttponly`, `nosamesite`. The first rule that is \
      for a cookie counts.
      """
    ) { $0.cookieFlags($1) },
    Directive(
      "proxy_ignore_headers", in: .everyLevel, "NAME …", count: .atLeast(1),
      """
      Fields of a backend's response that Waybill does not obey: `X-Accel-Redirect`, by which a \
      backend has a request go on at another URI or in a named location, mostly to a file in an \
      `internal` one (of its own response Content-Type, Set-Cookie, Content-Disposition, \
      Cache-Control and Expires are kept), `X-Accel-Charset`, `X-Accel-Limit-Rate`, and \
      `X-Accel-Buffering` (see `proxy_buffering`; it decides about `limit_rate`, too). nginx's \
      other names are allowed and have no effect. Obeyed or not, they don't reach the client.
      """
    ) { $0.ignoreHeaders($1) },
    Directive(
      "proxy_pass_header", in: .everyLevel, "NAME", isRepeatable: true,
      """
      Passes a field of a backend's response on that is kept from the client otherwise: the \
      `X-Accel-` fields of nginx's and, with `nginx_defaults`, `Date`, `Server` and `X-Pad`.
      """
    ) { $0.passHeader($1) },
    Directive(
      "charset", in: .levelsAndLocationIf, "NAME | off", default: "off",
      """
      What is added to the `Content-Type` of responses that name no charset and whose type is one \
      of `charset_types`. The content itself is not converted.
      """
    ) { $0.charset($1) },
    Directive(
      "charset_types", in: .everyLevel, "TYPE … | *", count: .atLeast(1),
      default: """
        text/html text/xml text/plain text/vnd.wap.wml application/javascript application/rss+xml
        """,
      "The types that `charset` is for; `text/html` always is."
    ) { builder, use in
      builder.settings.responseRules.charsetTypes = use.arguments.map { $0.text.lowercased() }
    },
  ]
}

extension ConfigurationBuilder {
  fileprivate func proxyRedirect(_ use: DirectiveUse) {
    let first = use.arguments[0]
    // Added to in place: a copy for each line would cost their number squared.
    settings.responseRules.redirects = settings.responseRules.redirects ?? []
    guard use.arguments.count == 2 else {
      guard let isStandard = choice(first, ["default": true, "off": false]) else { return }
      let isAlone = settings.responseRules.redirects?.isEmpty ?? true
      guard isStandard || isAlone else {
        return reporter.error(first.place, "\"off\" can't stand beside others")
      }
      settings.responseRules.redirects?.append(isStandard ? .standard : .off)
      return
    }
    guard let rule = valueRule(use, from: first) else { return }
    settings.responseRules.redirects?.append(.rule(rule))
  }

  fileprivate func cookieRule(
    _ use: DirectiveUse, _ list: WritableKeyPath<ResponseRuleSettings, [ValueRuleSetting]?>,
    isDomain: Bool
  ) {
    let first = use.arguments[0]
    guard use.arguments.count == 2 else {
      guard first.text == "off" else {
        return invalidValue(first, expected: ["off", "a value and what comes in its place"])
      }
      settings.responseRules[keyPath: list] = []
      return
    }
    guard let rule = valueRule(use, from: first, isDomain: isDomain) else { return }
    settings.responseRules[keyPath: list] = settings.responseRules[keyPath: list] ?? []
    settings.responseRules[keyPath: list]?.append(rule)
  }

  /// What the two arguments say.
  private func valueRule(
    _ use: DirectiveUse, from first: Word, isDomain: Bool = false
  ) -> ValueRuleSetting? {
    let second = use.arguments[1]
    if first.text.hasPrefix("~") {
      guard let expression = ruleExpression(first, ignoresCase: isDomain),
        let replacement = fieldValue(second)
      else { return nil }
      return ValueRuleSetting(
        pattern: Template(parts: .empty), expression: expression, replacement: replacement)
    }
    // A dot before a domain has no meaning (RFC 6265 section 5.2.3).
    let hasDots = (isDomain && first.text.hasPrefix("."), isDomain && second.text.hasPrefix("."))
    guard let pattern = template(hasDots.0 ? first.droppingFirst : first),
      let replacement = fieldValue(hasDots.1 ? second.droppingFirst : second)
    else { return nil }
    return ValueRuleSetting(pattern: pattern, expression: nil, replacement: replacement)
  }

  /// The expression behind `~` or `~*`.
  private func ruleExpression(_ word: Word, ignoresCase: Bool) -> RegularExpression? {
    let hasStar = word.text.hasPrefix("~*")
    let pattern = String(word.text.dropFirst(hasStar ? 2 : 1))
    return expression(
      pattern, ignoresCase: hasStar || ignoresCase, in: word, from: hasStar ? 2 : 1)
  }

  fileprivate func cookieFlags(_ use: DirectiveUse) {
    let first = use.arguments[0]
    guard use.arguments.count > 1 else {
      guard first.text == "off" else {
        return invalidValue(first, expected: ["off", "a cookie and its flags"])
      }
      settings.responseRules.cookieFlags = []
      return
    }
    var expression: RegularExpression?
    if first.text.hasPrefix("~") {
      guard let compiled = ruleExpression(first, ignoresCase: true) else { return }
      expression = compiled
    }
    guard
      let name = expression == nil ? template(first) : Template(parts: .empty)
    else { return }
    var flags: [Template] = []
    for word in use.arguments.dropFirst() {
      guard word.text.contains("$") || CookieFlagWords.names.contains(word.text.lowercased())
      else { return invalidValue(word, expected: CookieFlagWords.names) }
      guard let flag = template(word) else { return }
      flags.append(flag)
    }
    settings.responseRules.cookieFlags = settings.responseRules.cookieFlags ?? []
    settings.responseRules.cookieFlags?.append(
      CookieFlagSetting(name: name, expression: expression, flags: flags))
  }

  fileprivate func ignoreHeaders(_ use: DirectiveUse) {
    let known: KeyValuePairs<String, ControlFields> = [
      "X-Accel-Redirect": .redirect, "X-Accel-Expires": .expires,
      "X-Accel-Limit-Rate": .limitRate, "X-Accel-Buffering": .buffering,
      "X-Accel-Charset": .charset, "Expires": [], "Cache-Control": [], "Set-Cookie": [],
      "Vary": [],
    ]
    var ignored: ControlFields = []
    for word in use.arguments {
      let name = word.text.lowercased()
      guard let field = known.first(where: { $0.key.lowercased() == name }) else {
        return invalidValue(word, expected: known.map(\.key))
      }
      ignored.formUnion(field.value)
    }
    settings.responseRules.ignored = ignored
  }

  fileprivate func passHeader(_ use: DirectiveUse) {
    guard let name = fieldName(use.arguments[0]) else { return }
    settings.responseRules.passed.append(name.lowercased())
  }

  fileprivate func charset(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard word.text != "off" else {
      settings.responseRules.charset = ""
      return
    }
    guard FieldSyntax.isToken(word.text), !word.text.contains("$") else {
      return invalidValue(word, expected: ["off", "a charset such as utf-8"])
    }
    settings.responseRules.charset = word.text
    if !charsets.contains(word.text) { charsets.append(word.text) }
  }
}

extension Word {
  /// The word without its first character.
  fileprivate var droppingFirst: Word {
    var word = self
    word.text = String(text.dropFirst())
    return word
  }
}

/// The words of `proxy_cookie_flags`.
enum CookieFlagWords {
  static let names = [
    "secure", "nosecure", "httponly", "nohttponly", "samesite=strict", "samesite=lax",
    "samesite=none", "nosamesite",
  ]
}
