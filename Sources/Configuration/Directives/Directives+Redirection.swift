import Plan
import Policy
import Telemetry

/// Internal redirects: `try_files`, `error_page`, `internal`.
extension DirectiveCatalog {
  static let redirection: [Directive] = [
    Directive(
      "try_files", in: [.server, .location], "FILE … URI | @NAME | =CODE", count: .atLeast(2),
      """
      Goes on with the path of the first file that is there below `root` (a name with a slash at \
      its end means a folder). If none is, the request goes on with the last argument: a URI, \
      whose location is looked for and whose query is what it writes (`/index.php?$args`), a named \
      location, or a status. In `server` it is for requests that no location matches.
      """
    ) { $0.tryFiles($1) },
    Directive(
      "error_page", in: .levelsAndLocationIf, "CODE … [=[CODE]] URI | @NAME | URL",
      count: .atLeast(2),
      isRepeatable: true,
      """
      What is answered in the place of statuses from 300 to 599: a URI, whose location is looked \
      for with the method GET, a named location, or a URL that the client is sent to. The status \
      stays, with `=CODE` it is that one, with `=` the one of what is answered. It is for statuses \
      that Waybill itself answers, and with `proxy_intercept_errors` for those of backends. 495, \
      496 and 497 are nginx's codes for a client certificate that does not hold, for none, and for \
      HTTP where TLS is spoken. A level with an `error_page` inherits none.
      """
    ) { $0.errorPage($1) },
    .flag(
      "recursive_error_pages", in: .everyLevel, default: "off", \.redirection.allowsRecursion,
      "Whether an error of what `error_page` leads to may lead to a further page."),
    .flag(
      "proxy_intercept_errors", in: .everyLevel, default: "off", \.redirection.interceptsErrors,
      """
      Whether responses of backends from 300 on for which there is an `error_page` are answered by \
      that.
      """),
    Directive(
      "internal", in: .location, "", count: 0...0,
      """
      The location is for internal redirects (`index`, `try_files`, `error_page`, \
      `X-Accel-Redirect`): clients that ask for it get 404.
      """
    ) { builder, _ in builder.location?.isInternal = true },
  ]
}

extension ConfigurationBuilder {
  fileprivate func tryFiles(_ use: DirectiveUse) {
    var files: [TriedFile] = []
    for word in use.arguments.dropLast() {
      let isFolder = word.text.hasSuffix("/")
      let text = isFolder ? String(word.text.dropLast()) : word.text
      let path = template(text) { word.place(from: $0, count: $1) }
      guard let path else { return }
      files.append(TriedFile(path: path, isFolder: isFolder))
    }
    let last = use.arguments[use.arguments.count - 1]
    guard let target = tryFilesTarget(last) else { return }
    let tried = TryFilesDeclaration(place: use.name.place, files: files, last: target)
    if location != nil { location?.triedFiles = tried } else { server?.triedFiles = tried }
  }

  private func tryFilesTarget(_ word: Word) -> TargetDeclaration? {
    if word.text.hasPrefix("=") {
      guard let code = UInt16(word.text.dropFirst()), (200...999).contains(code) else {
        invalidValue(word, expected: ["=CODE with a code from 200 to 999"])
        return nil
      }
      return .status(code)
    }
    if word.text.hasPrefix("@") { return .named(word) }
    return template(word).map { .uri($0) }
  }

  fileprivate func errorPage(_ use: DirectiveUse) {
    var words = use.arguments
    let last = words.removeLast()
    var answer: UInt16?
    if let word = words.last, word.text.hasPrefix("=") {
      words.removeLast()
      let digits = word.text.dropFirst()
      guard digits.isEmpty || UInt16(digits).map({ (200...999).contains($0) }) == true else {
        return invalidValue(word, expected: ["= or =CODE with a code from 200 to 999"])
      }
      answer = UInt16(digits) ?? 0
    }
    guard !words.isEmpty else {
      return reporter.error(
        use.name.place, "\"error_page\" names no status", expected: "error_page 404 /404.html;")
    }
    var statuses: [UInt16] = []
    for word in words {
      guard let status = UInt16(word.text), (300...599).contains(status), status != 499 else {
        return invalidValue(word, expected: ["a code from 300 to 599 other than 499"])
      }
      statuses.append(status)
    }
    guard let target = errorPageTarget(last) else { return }
    for status in statuses {
      settings.redirection.errorPages.append(
        ErrorPageDeclaration(status: status, answer: answer, target: target))
    }
  }

  private func errorPageTarget(_ word: Word) -> TargetDeclaration? {
    if word.text.hasPrefix("@") { return .named(word) }
    guard let target = fieldValue(word) else { return nil }
    // A variable at the begin may hold a path or a URL: nginx looks at what comes out.
    let isPath = word.text.hasPrefix("/") || word.text.hasPrefix("$uri")
    return isPath || word.text.hasPrefix("$request_uri") ? .uri(target) : .url(target)
  }
}
