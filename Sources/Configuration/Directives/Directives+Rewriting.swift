import Basics
import Plan
import RegularExpressions
import Telemetry

extension DirectiveContexts {
  /// Where steps of rewriting may stand.
  static let rewriting: DirectiveContexts = [.server, .location, .serverIf, .locationIf]
}

/// `rewrite`, `set`, `break`, `if`; `return` stands with `location`.
extension DirectiveCatalog {
  static let rewriting: [Directive] = [
    Directive(
      "rewrite", in: .rewriting, "EXPRESSION REPLACEMENT [last | break | redirect | permanent]",
      count: 2...3, isRepeatable: true,
      """
      Where the regular expression matches the path (decoded, without the query), the replacement \
      takes its place; it may hold `$1` to `$9` and variables, and behind a `?` a query, which the \
      one of the request follows unless the replacement ends with a `?`. `last` looks for the \
      location of the new path, `break` stays in this one, `redirect` (302) and `permanent` (301) \
      send the client there, as does a replacement that begins with `http://`, `https://` or \
      `$scheme`. Without any of them the next directive comes, and the location is looked for \
      behind the last one. More than 10 changes of location are 500. The directives of this \
      section are executed in their order, in `server` before a location is looked for.
      """
    ) { $0.rewrite($1) },
    Directive(
      "set", in: .rewriting, "$NAME TEXT", count: 2...2, isRepeatable: true,
      """
      Gives a variable of your own a value, which may hold variables. `set $args` changes the \
      request's query, and `set $limit_rate` a rate. Variables exist in all of the conf file; one \
      whose `set` was not executed is empty.
      """
    ) { $0.assign($1) },
    Directive(
      "break", in: .rewriting, "", count: 0...0, isRepeatable: true,
      "Ends the directives of this section; what was rewritten stays in its location."
    ) { $0.addRewrite(.stop, $1) },
    Directive(
      "if", in: [.server, .location], "(CONDITION)", count: .atLeast(1), opensBlock: true,
      isRepeatable: true,
      """
      Executes its block where the condition holds: `$name` (neither empty nor `0`), `=` and `!=` \
      with a text, `~`, `~*`, `!~`, `!~*` with a regular expression, `-f` (a file), `-d` (a \
      folder), `-e` (either), `-x` (executable), each with `!` before it as well. In a `location` \
      the block may also hold directives such as `proxy_pass`, `root`, `add_header`, `expires`, \
      `error_page` and `access_log`: what stands there and what the location says besides then \
      holds for the request, that of the last block if several hold. `try_files` does not.
      """
    ) { $0.condition($1) },
    Directive(
      "rewrite_log", in: .levelsAndIf, "on | off", default: "off",
      "Whether each step of rewriting is told in the error log, at the level `notice`."
    ) { builder, use in
      builder.settings.rewriting.logs = builder.flag(use.arguments[0])
    },
    Directive(
      "uninitialized_variable_warn", in: .levelsAndIf, "on | off", default: "on",
      "Whether the use of a variable whose `set` was not executed is told in the error log."
    ) { builder, use in
      builder.settings.rewriting.warnsOfUnset = builder.flag(use.arguments[0])
    },
  ]
}

extension ConfigurationBuilder {
  /// Appends a step to the open block.
  func addRewrite(_ kind: RewriteDeclaration.Kind, _ use: DirectiveUse) {
    let words = [use.name] + use.arguments
    let text = words.map(\.text).joined(separator: " ")
    let source = reporter.sources[use.name.place.file].path
    let place = "\(source):\(reporter.line(of: use.name.place))"
    let shown = text.count > 80 ? String(text.prefix(77)) + "..." : text
    rewrites.append(
      RewriteDeclaration(kind: kind, place: use.name.place, title: "\(shown) (\(place))"))
  }

  /// Gives the steps that were collected to the block that ends. One `return` alone is its answer,
  /// and what stands behind a `return` is never executed.
  func settleRewrites() {
    var steps = rewrites
    rewrites = []
    let isAnswer: (RewriteDeclaration) -> Bool = { step in
      if case .answer = step.kind { return true }
      return false
    }
    if let first = steps.firstIndex(where: isAnswer) { steps.removeLast(steps.count - first - 1) }
    // Methods that `limit_except` takes out do not get it.
    if steps.count == 1, location?.except == nil, case .answer(let answer) = steps[0].kind {
      if location != nil { setAnswer(answer) } else { server?.answer = answer }
    } else if location != nil {
      location?.rewrites = steps
    } else {
      server?.rewrites = steps
    }
  }

  // MARK: rewrite

  fileprivate func rewrite(_ use: DirectiveUse) {
    let pattern = use.arguments[0]
    let expression = expression(pattern.text, ignoresCase: false, in: pattern, from: 0)
    let word = use.arguments[1]
    let isURL = ["http://", "https://", "$scheme"].contains { word.text.hasPrefix($0) }
    var ending = isURL ? RewriteStep.Ending.redirect : .nextStep
    var status: UInt16 = 302
    if use.arguments.count == 3 {
      let flags: KeyValuePairs<String, (RewriteStep.Ending, UInt16)> = [
        "last": (.newLocation, 302), "break": (.sameLocation, 302), "redirect": (.redirect, 302),
        "permanent": (.redirect, 301),
      ]
      guard let flag = choice(use.arguments[2], flags) else { return }
      if !isURL { ending = flag.0 }
      if flag.0 == .redirect { (ending, status) = flag }
    }
    let dropsQuery = word.text.hasSuffix("?")
    let text = dropsQuery ? String(word.text.dropLast()) : word.text
    guard let parts = replacement(text, in: word, isRedirect: ending == .redirect),
      let expression
    else { return }
    addRewrite(
      .rewrite(
        RewriteRule(
          expression: expression, path: parts.path, query: parts.query, keepsQuery: !dropsQuery,
          ending: ending, status: status)), use)
  }

  /// The path and the query of a replacement. That of a redirect stays in one piece, and a query
  /// then only says that there is one.
  private func replacement(
    _ text: String, in word: Word, isRedirect: Bool
  ) -> (path: Template, query: Template?)? {
    let mark = text.firstIndex(of: "?")
    let head = isRedirect ? text : String(text[..<(mark ?? text.endIndex)])
    guard let path = template(head, place: { word.place(from: $0, count: $1) }) else {
      return nil
    }
    guard let mark else { return (path, nil) }
    if isRedirect { return (path, Template(parts: .empty)) }
    let start = text.utf8.distance(from: text.startIndex, to: mark) + 1
    let tail = String(text[text.index(after: mark)...])
    let query = template(tail) { word.place(from: start + $0, count: $1) }
    return query.map { (path, $0) }
  }

  // MARK: set

  fileprivate func assign(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard let name = variableName(word) else { return }
    guard let value = template(use.arguments[1]) else { return }
    if name == "args" {
      return addRewrite(.assignQuery(value), use)
    }
    guard let slot = declareVariable(name, at: word.place) else { return }
    assignedSlots.insert(slot)
    addRewrite(.assign(slot: slot, value: value), use)
  }

  /// The name in `$name`, in lowercase; nil for anything else, which is reported.
  func variableName(_ word: Word) -> String? {
    let name = word.text.dropFirst()
    let isName =
      !name.isEmpty
      && name.utf8.allSatisfy { byte in
        byte == UInt8(ascii: "_") || (0x30...0x39).contains(byte)
          || (0x61...0x7A).contains(byte | 0x20)
      }
    if word.text.hasPrefix("$"), isName { return name.lowercased() }
    reporter.error(
      word.place, "invalid variable name \"\(word.text)\"",
      expected: "$ and letters, digits or \"_\"")
    return nil
  }

  /// The slot of a variable that a directive makes; nil when it can't, which is reported.
  func declareVariable(_ name: String, at place: Place) -> Int? {
    do throws(TemplateError) {
      return Int(try templates.declareVariable(name))
    } catch {
      reporter.error(place, error.message)
      return nil
    }
  }

  // MARK: if

  fileprivate func condition(_ use: DirectiveUse) {
    guard let block = use.block else { return }
    let condition = conditionDeclaration(use)
    var outer: [RewriteDeclaration] = []
    swap(&rewrites, &outer)
    var inner: LocationDeclaration?
    if let around = location {
      var saved: LocationDeclaration? = LocationDeclaration(
        place: use.name.place, isExact: around.isExact, path: around.path,
        expression: around.expression, modifier: around.modifier)
      swap(&location, &saved)
      let own = build(block, in: .locationIf)
      location?.settings = own
      swap(&location, &saved)
      inner = saved
    } else {
      _ = build(block, in: .serverIf)
    }
    swap(&rewrites, &outer)
    checkPass(inner)
    guard let condition else { return }
    addRewrite(.condition(condition, outer, block: inner), use)
  }

  private func checkPass(_ block: LocationDeclaration?) {
    guard let pass = block?.pass, pass.path != nil else { return }
    reporter.error(
      pass.place, "\"proxy_pass\" can't have a URI part in an \"if\"",
      expected: "proxy_pass without a path")
  }

  /// Reads `(CONDITION)`, whose parentheses may stand alone.
  private func conditionDeclaration(_ use: DirectiveUse) -> ConditionDeclaration? {
    var words = use.arguments
    let last = words.count - 1
    guard words[0].text.hasPrefix("("), words[last].text.hasSuffix(")"), !words[0].isQuoted,
      !words[last].isQuoted, last > 0 || words[0].text.utf8.count > 2
    else { return badCondition(use.arguments[0]) }
    words[last].text.removeLast()
    words[0] = Word(
      text: String(words[0].text.dropFirst()), place: words[0].place(from: 1, count: 1),
      isQuoted: false, isVerbatim: false, startsLine: false)
    words.removeAll { $0.text.isEmpty && !$0.isQuoted }
    guard let first = words.first else { return badCondition(use.arguments[0]) }
    if first.text.hasPrefix("$"), first.text.utf8.count > 1 { return comparison(words) }
    return fileTest(words) ?? badCondition(first)
  }

  private func badCondition(_ word: Word) -> ConditionDeclaration? {
    reporter.error(
      word.place, "invalid condition \"\(word.text)\"",
      expected: "($name), ($name = TEXT), ($name ~ EXPRESSION) or (-f PATH)")
    return nil
  }

  private func comparison(_ words: [Word]) -> ConditionDeclaration? {
    guard variableName(words[0]) != nil, let subject = template(words[0]) else { return nil }
    if words.count == 1 {
      return ConditionDeclaration(test: .holds, isNegated: false, subject: subject)
    }
    guard words.count == 3 else { return badCondition(words[min(3, words.count - 1)]) }
    let isNegated = words[1].text.hasPrefix("!")
    switch words[1].text {
    case "=", "!=":
      return template(words[2]).map {
        ConditionDeclaration(test: .equals, isNegated: isNegated, subject: subject, other: $0)
      }
    case "~", "~*", "!~", "!~*":
      let ignoresCase = words[1].text.hasSuffix("*")
      return expression(words[2].text, ignoresCase: ignoresCase, in: words[2], from: 0).map {
        ConditionDeclaration(
          test: .matches, isNegated: isNegated, subject: subject, expression: $0)
      }
    default:
      invalidValue(words[1], expected: ["=", "!=", "~", "~*", "!~", "!~*"])
      return nil
    }
  }

  private func fileTest(_ words: [Word]) -> ConditionDeclaration? {
    let tests: [String: RewriteStep.Test] = [
      "-f": .file, "-d": .folder, "-e": .exists, "-x": .executable,
    ]
    let isNegated = words[0].text.hasPrefix("!")
    guard words.count == 2, let test = tests[String(words[0].text.drop { $0 == "!" })],
      words[0].text.utf8.count == (isNegated ? 3 : 2)
    else { return nil }
    return template(words[1]).map {
      ConditionDeclaration(test: test, isNegated: isNegated, subject: $0)
    }
  }
}
