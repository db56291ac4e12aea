import Basics
import Plan
import Policy

/// `health_check` and `match`.
extension DirectiveCatalog {
  static let checks: [Directive] = [
    Directive(
      "health_check", in: [.upstream, .location],
      """
      [uri=PATH] [interval=TIME] [jitter=TIME] [fails=NUMBER] [passes=NUMBER] [port=NUMBER] \
      [timeout=TIME] [type=http | tcp] [match=NAME] [host=NAME] [mandatory] [persistent]
      """,
      count: .atLeast(0), isRepeatable: true,
      """
      Checks the servers of the upstream, or in a location those of the upstream that its \
      `proxy_pass` names, whether requests come or not. Every `interval` (5s), and up to `jitter` \
      (0) later, each server is sent `GET PATH` (`/`) with an ID of its own, or with `type=tcp` \
      connected to. A server whose checks have failed `fails` (1) times in a row gets no requests \
      until `passes` (1) in a row have passed. A check passes if the whole of it takes no longer \
      than `timeout` (1s) and the response has a status from 200 to 399, or is what `match` asks \
      for. `port`: another port to check. `host`: the Host of the request (the upstream's name). \
      `mandatory`: a server serves only after its first check has passed. `persistent` has no \
      effect: servers keep their state over a reload. If there are several, all must pass.
      """
    ) { $0.healthCheck($1) },
    Directive(
      "match", in: .top, "NAME", opensBlock: true, isRepeatable: true,
      """
      Which responses pass a `health_check`. All lines must hold: `status [!] CODE | CODE-CODE …`, \
      `header [!] NAME`, `header NAME = | != VALUE`, `header NAME ~ | ~* | !~ | !~* REGEX`, \
      `body ~ | ~* | !~ | !~* REGEX`. Of the content, the first 64k are looked at.
      """
    ) { $0.match($1) },
  ]
}

extension ConfigurationBuilder {
  fileprivate func healthCheck(_ use: DirectiveUse) {
    var check = CheckDeclaration(place: use.name.place)
    for word in use.arguments {
      guard checkParameter(word, &check) else { return }
    }
    if check.kind == .tcp, let place = check.requestPlace {
      return reporter.error(
        place, "a check of type tcp has no request", expected: "type=http")
    }
    if context == .upstream {
      upstream?.checks.append(check)
    } else {
      location?.checks.append(check)
    }
  }

  /// Notes one parameter; false when it is refused.
  private func checkParameter(_ word: Word, _ check: inout CheckDeclaration) -> Bool {
    let name = String(word.text.prefix { $0 != "=" })
    guard let (text, place) = parameter(name, word) else {
      switch word.text {
      case "mandatory": check.rule.isMandatory = true
      case "persistent": break
      default:
        unknownCheckParameter(word, name)
        return false
      }
      return true
    }
    switch name {
    case "interval", "jitter", "timeout": return checkTime(name, text, place, &check)
    case "fails", "passes", "port": return checkNumber(name, text, place, &check)
    case "type": return checkKind(text, place, &check)
    case "match":
      check.match = (text, place)
      check.requestPlace = check.requestPlace ?? place
    case "uri":
      guard isRequestText(text), text.hasPrefix("/") else {
        reporter.error(place, "invalid path \"\(text)\"", expected: "a path such as /health")
        return false
      }
      check.uri = text
      check.requestPlace = check.requestPlace ?? place
    case "host":
      guard isRequestText(text), !text.isEmpty else {
        reporter.error(place, "invalid host \"\(text)\"", expected: "a host name")
        return false
      }
      check.host = text
      check.requestPlace = check.requestPlace ?? place
    default:
      unknownCheckParameter(word, name)
      return false
    }
    return true
  }

  /// What goes into a request's head as it is.
  private func isRequestText(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && text.utf8.count <= Limits.checkTextBytes
  }

  private func checkTime(
    _ name: String, _ text: String, _ place: Place, _ check: inout CheckDeclaration
  ) -> Bool {
    guard let time = time(text, at: place, mayBeZero: name == "jitter") else { return false }
    switch name {
    case "interval": check.interval = max(time, Limits.shortestCheckInterval)
    case "jitter": check.jitter = time
    default: check.timeout = time
    }
    return true
  }

  private func checkNumber(
    _ name: String, _ text: String, _ place: Place, _ check: inout CheckDeclaration
  ) -> Bool {
    guard let number = number(text, at: place, 1...65_535) else { return false }
    switch name {
    case "fails": check.rule.fails = UInt32(number)
    case "passes": check.rule.passes = UInt32(number)
    default: check.port = UInt16(number)
    }
    return true
  }

  private func checkKind(
    _ text: String, _ place: Place, _ check: inout CheckDeclaration
  ) -> Bool {
    switch text {
    case "http": check.kind = .http
    case "tcp": check.kind = .tcp
    case "grpc", "tls":
      reporter.error(
        place, "checks of type \(text) are not supported yet", expected: "type=http or type=tcp")
      return false
    default:
      reporter.error(place, "invalid type \"\(text)\"", expected: "http or tcp")
      return false
    }
    return true
  }

  private func unknownCheckParameter(_ word: Word, _ name: String) {
    if name == "keepalive_time" {
      return reporter.error(
        word.place,
        "\"keepalive_time\" is an nginx parameter that Waybill does not support: each"
          + " check makes a connection of its own")
    }
    let names = [
      "uri", "interval", "jitter", "fails", "passes", "port", "timeout", "type", "match", "host",
      "mandatory", "persistent",
    ]
    reporter.error(
      word.place, "invalid parameter \"\(word.text)\"",
      expected: names.map { ["mandatory", "persistent"].contains($0) ? $0 : "\($0)=" }
        .joined(separator: ", "),
      suggestion: Suggestion.nearest(to: name, among: names))
  }

  // MARK: match

  fileprivate func match(_ use: DirectiveUse) {
    let name = use.arguments[0]
    if let twin = matches.first(where: { $0.name.text == name.text }) {
      let line = reporter.describe(twin.name.place, from: name.place)
      return reporter.error(
        name.place, "the match \"\(name.text)\" is already declared at \(line)")
    }
    var declared = MatchDeclaration(name: name)
    for line in use.block?.directives ?? [] { matchLine(line, &declared) }
    matches.append(declared)
  }

  private func matchLine(_ line: DirectiveUse, _ match: inout MatchDeclaration) {
    guard line.block == nil else {
      return reporter.error(line.name.place, "\"\(line.name.text)\" does not take a block")
    }
    switch line.name.text {
    case "status": matchStatus(line, &match)
    case "header": matchField(line, &match)
    case "body": matchBody(line, &match)
    default:
      reporter.error(
        line.name.place, "\"\(line.name.text)\" is not known in a \"match\"",
        expected: "status, header or body")
    }
  }

  private func matchStatus(_ line: DirectiveUse, _ match: inout MatchDeclaration) {
    if let place = match.statusPlace {
      let first = reporter.describe(place, from: line.name.place)
      return reporter.error(line.name.place, "\"status\" is already set at \(first)")
    }
    match.statusPlace = line.name.place
    var words = line.arguments[...]
    if words.first?.text == "!" {
      match.excludesStatuses = true
      words = words.dropFirst()
    }
    guard !words.isEmpty else {
      return reporter.error(
        line.name.place, "\"status\" needs a status", expected: "200, or 200-399")
    }
    for word in words {
      let ends = word.text.split(separator: "-", omittingEmptySubsequences: false)
      let numbers = ends.compactMap { UInt16($0) }.filter { (100...599).contains($0) }
      guard numbers.count == ends.count, (1...2).contains(ends.count),
        numbers[0] <= numbers[numbers.count - 1]
      else {
        return reporter.error(
          word.place, "invalid status \"\(word.text)\"", expected: "200, or 200-399")
      }
      match.statuses.append(StatusRange(first: numbers[0], last: numbers[numbers.count - 1]))
    }
  }

  private func matchField(_ line: DirectiveUse, _ match: inout MatchDeclaration) {
    let words = line.arguments
    let isAlone = words.count == 1 || words.count == 2 && words[0].text == "!"
    if isAlone {
      guard let name = fieldName(words[words.count - 1]) else { return }
      match.fields.append(
        FieldConditionDeclaration(
          name: name.lowercased(), test: .present, isNegated: words.count == 2))
      return
    }
    guard words.count == 3, let (test, isNegated, ignoresCase) = comparison(words[1].text) else {
      return reporter.error(
        line.name.place, "invalid \"header\"",
        expected: "header NAME, header ! NAME, or header NAME = | != | ~ | !~ VALUE")
    }
    guard let name = fieldName(words[0]) else { return }
    var field = FieldConditionDeclaration(
      name: name.lowercased(), test: test, isNegated: isNegated, value: words[2].text)
    if test == .matches {
      guard
        let found = expression(words[2].text, ignoresCase: ignoresCase, in: words[2], from: 0)
      else { return }
      field.expression = found
    }
    match.fields.append(field)
  }

  private func matchBody(_ line: DirectiveUse, _ match: inout MatchDeclaration) {
    let words = line.arguments
    guard words.count == 2, let (test, isNegated, ignoresCase) = comparison(words[0].text),
      test == .matches
    else {
      return reporter.error(
        line.name.place, "invalid \"body\"", expected: "body ~ | ~* | !~ | !~* REGEX")
    }
    let found = expression(words[1].text, ignoresCase: ignoresCase, in: words[1], from: 0)
    if let found { match.bodies.append((found, isNegated)) }
  }

  private func comparison(
    _ text: String
  ) -> (test: FieldCondition.Test, isNegated: Bool, ignoresCase: Bool)? {
    let isNegated = text.hasPrefix("!")
    switch isNegated ? String(text.dropFirst()) : text {
    case "=": return (.equal, isNegated, false)
    case "~": return (.matches, isNegated, false)
    case "~*": return (.matches, isNegated, true)
    default: return nil
    }
  }
}
