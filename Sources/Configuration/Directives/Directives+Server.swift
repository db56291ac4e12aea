import HTTP
import Plan
import Telemetry

/// `server`, `location` and what picks one of them.
extension DirectiveCatalog {
  static let servers: [Directive] = [
    Directive(
      "server", in: .top, "", count: 0...0, opensBlock: true, isRepeatable: true,
      "Defines what is served on certain addresses and host names."
    ) { $0.server($1) },
    Directive(
      "listen", in: .server,
      """
      [ADDRESS:]PORT[-PORT] | ADDRESS | unix:PATH | systemd:NAME [ssl] [default_server] \
      [proxy_protocol] [backlog=NUMBER] [ipv6only=on|off] …
      """,
      count: .atLeast(1), default: "80", isRepeatable: true,
      """
      An address to accept connections on; several servers may share one. `systemd:NAME` is a \
      socket that systemd opens and passes on, named by `FileDescriptorName=` in its socket unit; \
      a socket that systemd has opened on the same address is also used without this form. `ssl`: \
      uses TLS, which requires `ssl_certificate`. `default_server`: this server handles requests \
      whose host matches none of the server names on the address (by default, the first server of \
      the address does). `proxy_protocol`: every connection begins with a PROXY protocol header, \
      version 1 or 2. `backlog`: the number of connections that may wait to be accepted (511). \
      `ipv6only=off`: an IPv6 address also accepts IPv4 connections. nginx's other parameters \
      (`reuseport`, `bind`, `deferred`, `fastopen=`, `so_keepalive=`, `rcvbuf=`, `sndbuf=`, \
      `setfib=`, `accept_filter=`, `multipath`) are checked and have no effect. `http2` is `http2 \
      on` for all servers of the address; nothing listens where `quic` stands, with a warning.
      """
    ) { $0.listen($1) },
    Directive(
      "server_name", in: .server, "NAME …", count: .atLeast(1), default: "\"\"",
      isRepeatable: true,
      """
      The hosts that the server handles: `example.com`, `*.example.com` (any name below it), \
      `.example.com` (both), `www.example.*` (any name with this beginning) or `~EXPRESSION`, a \
      regular expression (PCRE) matched against the host in lowercase. Kinds earlier in this list \
      take precedence, the longest name wins within its kind, and expressions are tried in order. \
      Captures are available as `$1` to `$9`, and named ones, such as `(?<site>…)`, as `$site`. \
      `$hostname` is the machine's name. `_` matches nothing. The empty name matches requests \
      without Host.
      """
    ) { $0.serverName($1) },
    Directive(
      "location", in: [.server, .location],
      "[= | ^~] PATH | ~ EXPRESSION | ~* EXPRESSION | @NAME", count: 1...2, opensBlock: true,
      isRepeatable: true,
      """
      Defines how requests for certain paths are handled: with `=`, only this path; with `~`, \
      paths in which the regular expression (PCRE) finds a match, with `~*` ignoring case; \
      otherwise, all paths with this prefix. An exact match wins at once. Otherwise, the longest \
      matching prefix is remembered, and the first expression that matches takes precedence over \
      it unless it has `^~`. Locations nested in a location are searched in the same way before \
      those beside it. Paths are compared after percent-decoding and after resolving `//`, `/./` \
      and `/../`. Captures are available as `$1` to `$9`, and named ones, such as `(?<page>…)`, as \
      `$page`. If an expression takes too many steps on a path, matching is abandoned with status \
      500 and a line in the error log. A location that ends with `/` and has `proxy_pass` \
      redirects its own path without the `/` (301), as in nginx, unless another location matches \
      that path exactly. A location `@NAME` matches no path: `try_files` and `error_page` lead to \
      it.
      """
    ) { $0.location($1) },
    .flag(
      "merge_slashes", in: [.top, .server], default: "on", \.client.mergesSlashes,
      """
      Whether adjacent slashes count as one when locations are compared. The setting of the \
      default server of a `listen` applies to all servers there, as in nginx.
      """),
    Directive(
      "return", in: .rewriting, "CODE [TEXT] | CODE URL | URL", count: 1...2, isRepeatable: true,
      """
      Answers without a backend. With 301, 302, 303, 307 and 308 the second argument is the URL; \
      a URL alone is a 302. 444 and 499 close the connection without an answer. In `server` it \
      answers all requests, before any location, unless an `if` or a `break` is before it. \
      The text may hold variables; its type is `default_type`.
      """
    ) { $0.returnAnswer($1) },
    Directive(
      "health", in: .location, "", count: 0...0,
      """
      Responds to load balancer checks: 200 with the text `ok`, or 503 once Waybill is shutting \
      down (see `shutdown_delay`).
      """
    ) { $0.health($1) },
    Directive(
      "metrics", in: .location, "", count: 0...0,
      """
      Responds with the metrics of all workers, for Prometheus: OpenMetrics with exemplars if \
      `Accept` asks for it, otherwise the text format 0.0.4. GET and HEAD only. Anyone who can \
      reach the location can read them: put it in a `server` of its own that listens where only \
      your monitoring can connect.
      """
    ) { $0.page($1, .metrics) },
    Directive(
      "status", in: .location, "", count: 0...0,
      "Responds with the same data as `metrics`, as one JSON object."
    ) { $0.page($1, .status) },
    Directive(
      "stub_status", in: .location, "[on]", count: 0...1,
      """
      Answers with a few numbers in nginx's form: connections, requests, and how many of the \
      connections wait for a request. `metrics` and `status` say more.
      """
    ) { $0.page($1, .stubStatus) },
    .flag(
      "absolute_redirect", in: .everyLevel, default: "off", \.redirects.isAbsolute,
      """
      `on`: the `Location` of Waybill's own redirects gets the scheme, the host and the port if it \
      begins with `/`. (nginx's default is `on`; see `nginx_defaults`.)
      """),
    .flag(
      "server_name_in_redirect", in: .everyLevel, default: "off", \.redirects.usesServerName,
      """
      Whether the host in an absolute redirect is the first `server_name` instead of the request's \
      host.
      """),
    .flag(
      "port_in_redirect", in: .everyLevel, default: "on", \.redirects.showsPort,
      """
      Whether an absolute redirect contains the port of the `listen` that received the request, \
      unless it is the scheme's default port.
      """),
    Directive(
      "types", in: .everyLevel, "", count: 0...0, opensBlock: true, isRepeatable: true,
      """
      Media types, each followed by its file extensions: `text/plain txt log;`. They apply to \
      files with such an extension, and to the text that `return` sends for paths with one. The \
      types of an inner level replace those of the outer one. If no types are declared, files have \
      nginx's three (`html`, `gif`, `jpg`).
      """
    ) { $0.types($1) },
    Directive(
      "default_type", in: .everyLevel, "TYPE", default: "text/plain",
      """
      The media type of files and of `return` texts to which no entry in `types` applies. With \
      `""`, these have no `Content-Type`.
      """
    ) { builder, use in
      let word = use.arguments[0]
      let isPlain = word.text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
      let isType = isPlain && word.text.contains("/") && !word.text.contains("$")
      guard isType || word.text.isEmpty else {
        return builder.invalidValue(word, expected: ["a media type such as text/plain"])
      }
      builder.settings.client.defaultType = word.text
    },
  ]
}

extension ConfigurationBuilder {
  fileprivate func types(_ use: DirectiveUse) {
    guard let block = use.block else { return }
    let types = settings.mediaTypes ?? MediaTypes()
    settings.mediaTypes = types
    openMediaTypes = types
    _ = build(block, in: .types)
    openMediaTypes = nil
  }

  /// A line of `types`.
  func mediaType(_ use: DirectiveUse) {
    let type = use.name
    guard type.text.contains("/"), use.block == nil else {
      return reporter.error(
        type.place, "invalid media type \"\(type.text)\"", expected: "a type such as text/plain")
    }
    guard !use.arguments.isEmpty else {
      return reporter.error(type.place, "\"\(type.text)\" has no extensions")
    }
    for word in use.arguments { openMediaTypes?.byExtension[word.text.lowercased()] = type.text }
  }

  fileprivate func server(_ use: DirectiveUse) {
    guard let block = use.block else { return }
    server = ServerDeclaration(place: use.name.place)
    let own = build(block, in: .server)
    server?.settings = own
    settleRewrites()
    if let server { servers.append(server) }
    server = nil
  }

  fileprivate func serverName(_ use: DirectiveUse) {
    for word in use.arguments where isServerName(word) {
      let name = word.text == "$hostname" ? environment.hostname : word.text
      server?.names.append(
        Word(
          text: name.hasPrefix("~") ? name : name.lowercased(), place: word.place,
          isQuoted: word.isQuoted, isVerbatim: false, startsLine: false))
    }
  }

  private func isServerName(_ word: Word) -> Bool {
    let text = word.text
    if text == "$hostname" || text.isEmpty || isAddressLiteral(text) { return true }
    if text.hasPrefix("~") { return isNameExpression(word) }
    if text.hasSuffix(","), !text.dropLast().contains(",") {
      reporter.warning(
        word.place, "no host has the name \"\(text)\": names are separated by spaces",
        expected: String(text.dropLast()))
      return false
    }
    let body =
      text.hasPrefix("*.")
      ? text.dropFirst(2)
      : text.hasSuffix(".*") && !text.hasPrefix(".") ? text.dropLast(2) : text.drop { $0 == "." }
    let isHost = body.utf8.allSatisfy { byte in
      byte > 0x20 && byte != 0x7F && !"/:*,$\\\"'()[]{}".utf8.contains(byte)
    }
    guard isHost, !body.isEmpty, !body.hasPrefix("."), !text.hasPrefix("..") else {
      let hint = text.contains(":") ? "a name without a port: ports belong in listen" : nil
      reporter.error(
        word.place, "invalid server name \"\(text)\"",
        expected: hint ?? "a name such as example.com, *.example.com or .example.com")
      return false
    }
    return true
  }

  /// `[::1]`, as the host of a URL with an IPv6 address is written (RFC 3986 section 3.2.2).
  private func isAddressLiteral(_ text: String) -> Bool {
    guard text.hasPrefix("["), text.hasSuffix("]"), text.contains(":") else { return false }
    return PeerAddress(parsing: Array(text.dropFirst().dropLast().utf8).span) != nil
  }

  private func isNameExpression(_ word: Word) -> Bool {
    let pattern = String(word.text.dropFirst())
    guard !pattern.isEmpty else {
      reporter.error(word.place, "the regular expression after \"~\" is missing")
      return false
    }
    // Hosts are in lowercase, so an expression with a capital could never match.
    let hasCapitals = pattern.utf8.contains { (0x41...0x5A).contains($0) }
    let expression = expression(pattern, ignoresCase: hasCapitals, in: word, from: 1)
    server?.nameExpressions[word.text] = expression
    return expression != nil
  }

  fileprivate func location(_ use: DirectiveUse) {
    guard let block = use.block else { return }
    let heading = locationHeading(use)
    var other: LocationDeclaration? =
      heading ?? LocationDeclaration(place: use.name.place, isExact: false, path: "")
    swap(&location, &other)
    var outer: [RewriteDeclaration] = []
    swap(&rewrites, &outer)
    // The block is read even when its heading is wrong: its own errors are to be seen, too.
    let own = build(block, in: .location)
    location?.settings = own
    settleRewrites()
    swap(&rewrites, &outer)
    swap(&location, &other)
    guard heading != nil, let inner = other else { return }
    if location == nil {
      server?.locations.append(inner)
    } else {
      location?.locations.append(inner)
    }
  }

  private func locationHeading(_ use: DirectiveUse) -> LocationDeclaration? {
    var modifier = use.arguments.count == 2 ? use.arguments[0].text : ""
    let word = use.arguments[use.arguments.count - 1]
    var path = word.text
    if use.arguments.count == 1, !path.hasPrefix("/") {
      // nginx takes `=/path` like `= /path`.
      modifier = ["=", "^~", "~*", "~", "@"].first { path.hasPrefix($0) } ?? ""
      path = String(path.dropFirst(modifier.count))
    }
    let place = use.arguments[0].place
    switch modifier {
    case "", "=", "^~": break
    case "~", "~*": return expressionHeading(use, modifier, path)
    case "@": return namedHeading(use, path: "@" + path)
    default:
      reporter.error(place, "invalid location modifier \"\(modifier)\"", expected: "=, ^~, ~ or ~*")
      return nil
    }
    guard path.hasPrefix("/"), !path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
      reporter.error(
        word.place, "invalid location path \"\(path)\"", expected: "a path that begins with \"/\"")
      return nil
    }
    let isExact = modifier == "="
    guard fits(path, word.place), isNew(LocationKey(isExact: isExact, path: path), place) else {
      return nil
    }
    return LocationDeclaration(
      place: use.name.place, isExact: isExact, path: path, modifier: modifier)
  }

  private func namedHeading(_ use: DirectiveUse, path: String) -> LocationDeclaration? {
    let word = use.arguments[use.arguments.count - 1]
    guard path.utf8.count > 1 else {
      reporter.error(word.place, "the location has no name", expected: "location @NAME { … }")
      return nil
    }
    guard location == nil else {
      reporter.error(word.place, "the named location \"\(path)\" is only allowed in a server")
      return nil
    }
    guard isNew(LocationKey(isExact: false, path: path), word.place) else { return nil }
    return LocationDeclaration(place: use.name.place, isExact: false, path: path)
  }

  private func expressionHeading(
    _ use: DirectiveUse, _ modifier: String, _ pattern: String
  ) -> LocationDeclaration? {
    let word = use.arguments[use.arguments.count - 1]
    let start = use.arguments.count == 1 ? modifier.utf8.count : 0
    let ignoresCase = modifier == "~*"
    guard fits(nil, word.place),
      let expression = expression(pattern, ignoresCase: ignoresCase, in: word, from: start)
    else { return nil }
    return LocationDeclaration(
      place: use.name.place, isExact: false, path: pattern, expression: expression,
      modifier: modifier)
  }

  /// True when a location of that path, nil for an expression, may stand within the open one.
  private func fits(_ path: String?, _ place: Place) -> Bool {
    guard let location else { return true }
    if location.isExact {
      reporter.error(place, "locations are not allowed in \"\(location.title)\"")
      return false
    }
    guard let path, !path.hasPrefix(location.path) else { return true }
    reporter.error(
      place,
      "the location \"\(path)\" is outside of \"\(location.title)\" that contains it",
      expected: "a path that begins with \"\(location.path)\"")
    return false
  }

  /// True when the open block has no such location yet.
  private func isNew(_ key: LocationKey, _ place: Place) -> Bool {
    // Only looked into: a copy would be made anew at each change.
    let twin = location == nil ? server?.locationPlaces[key] : location?.locationPlaces[key]
    if let twin {
      let line = reporter.describe(twin, from: place)
      reporter.error(place, "the location \"\(key.path)\" is already declared at \(line)")
      return false
    }
    if location != nil {
      location?.locationPlaces[key] = place
    } else {
      server?.locationPlaces[key] = place
    }
    return true
  }
}
