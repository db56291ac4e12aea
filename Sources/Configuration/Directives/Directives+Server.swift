import Plan
import Telemetry

/// `server`, `location` and what picks one of them.
extension DirectiveCatalog {
  static let servers: [Directive] = [
    Directive(
      "server", in: .top, "", count: 0...0, opensBlock: true, isRepeatable: true,
      "What is served on some addresses and names."
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
      socket that systemd opens and passes on, by the `FileDescriptorName=` of its socket unit; \
      one that systemd has opened on the very address is taken without being named so. `ssl`: TLS \
      is spoken there, which needs `ssl_certificate`. `default_server`: this server takes the \
      requests whose host is none of the names of the address's servers (without it the first \
      server of the address does). `proxy_protocol`: every connection begins with a header of the \
      PROXY protocol, version 1 or 2. `backlog`: connections that wait to be accepted (511). \
      `ipv6only=off`: an IPv6 address takes connections over IPv4, too. nginx's other parameters \
      (`reuseport`, `bind`, `deferred`, `fastopen=`, `so_keepalive=`, `rcvbuf=`, `sndbuf=`, \
      `setfib=`, `accept_filter=`, `multipath`) are checked and have no effect; `http2` and `quic` \
      are warned of, and nothing listens where `quic` stands.
      """
    ) { $0.listen($1) },
    Directive(
      "server_name", in: .server, "NAME …", count: .atLeast(1), default: "\"\"",
      isRepeatable: true,
      """
      The hosts that the server answers for: `example.com`, `*.example.com` (any name below it) or \
      `.example.com` (both). `$hostname` is the machine's name. `_` matches nothing. The empty \
      name takes requests without Host.
      """
    ) { $0.serverName($1) },
    Directive(
      "location", in: .server, "[= | ^~] PATH | @NAME", count: 1...2, opensBlock: true,
      isRepeatable: true,
      """
      What is done with requests for some paths: with `=` this path alone, else all that begin \
      with it; the longest one wins, and an exact one before all. `^~` is the same as nothing, \
      because there are no regular expressions. Paths are compared after percent-decoding and \
      after `//`, `/./` and `/../` have been resolved. A location that ends with `/` and has \
      `proxy_pass` answers its own path without the `/` by a redirect (301), as in nginx, unless \
      another location is made for that. A location with `@` and a name matches no path: \
      `try_files` and `error_page` lead to it.
      """
    ) { $0.location($1) },
    Directive(
      "return", in: [.server, .location], "CODE [TEXT] | CODE URL | URL", count: 1...2,
      """
      Answers without a backend. With 301, 302, 303, 307 and 308 the second argument is the URL; \
      a URL alone is a 302. 444 closes the connection without an answer. In `server` it answers \
      all requests, before any location. The text may hold variables; its type is `default_type`.
      """
    ) { $0.returnAnswer($1) },
    Directive(
      "health", in: .location, "", count: 0...0,
      """
      Answers the checks of load balancers: 200 with the text `ok`, and 503 from the moment on in \
      which Waybill was told to end (see `shutdown_delay`).
      """
    ) { $0.health($1) },
    Directive(
      "metrics", in: .location, "", count: 0...0,
      """
      Answers with what all workers have counted, for Prometheus: OpenMetrics with exemplars for \
      who asks for that in `Accept`, else its text format 0.0.4. GET and HEAD only. Whoever \
      reaches the location may read it: put it into a `server` of its own that listens where \
      only your monitoring comes in.
      """
    ) { $0.page($1, .metrics) },
    Directive(
      "status", in: .location, "", count: 0...0,
      "Answers with the same as `metrics`, as one JSON object."
    ) { $0.page($1, .status) },
    .flag(
      "absolute_redirect", in: .everyLevel, default: "off", \.redirects.isAbsolute,
      """
      `on`: the `Location` of a redirect of Waybill's own that begins with `/` gets the scheme, \
      the host and the port in front of it. (nginx's default is `on`; see `nginx_defaults`.)
      """),
    .flag(
      "server_name_in_redirect", in: .everyLevel, default: "off", \.redirects.usesServerName,
      "Whether the host of an absolute redirect is the first `server_name` and not the request's."),
    .flag(
      "port_in_redirect", in: .everyLevel, default: "on", \.redirects.showsPort,
      """
      Whether an absolute redirect names the port of the `listen` that the request came by, unless \
      it is the scheme's own.
      """),
    Directive(
      "types", in: .everyLevel, "", count: 0...0, opensBlock: true, isRepeatable: true,
      """
      Media types and, behind each, the extensions that have it: `text/plain txt log;`. Files with \
      such an extension, and what `return` answers a path with one, have that type. The types of \
      an inner level replace those of the outer one. Files have nginx's three (`html`, `gif`, \
      `jpg`) where no types are declared.
      """
    ) { $0.types($1) },
    Directive(
      "default_type", in: .everyLevel, "TYPE", default: "text/plain",
      "The media type of files and of the text that `return` sends, where `types` has none."
    ) { builder, use in
      let word = use.arguments[0]
      let isPlain = word.text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
      guard isPlain, word.text.contains("/"), !word.text.contains("$") else {
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
    if let server { servers.append(server) }
    server = nil
  }

  fileprivate func serverName(_ use: DirectiveUse) {
    for word in use.arguments where isServerName(word) {
      let name = word.text == "$hostname" ? environment.hostname : word.text
      server?.names.append(
        Word(
          text: name.lowercased(), place: word.place, isQuoted: word.isQuoted, isVerbatim: false,
          startsLine: false))
    }
  }

  private func isServerName(_ word: Word) -> Bool {
    let text = word.text
    if text == "$hostname" || text.isEmpty { return true }
    if text.hasPrefix("~") {
      reporter.error(word.place, "regular expressions are not available in this version")
      return false
    }
    let body = text.hasPrefix("*.") ? text.dropFirst(2) : text.drop { $0 == "." }
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

  fileprivate func location(_ use: DirectiveUse) {
    guard let block = use.block else { return }
    let heading = locationHeading(use)
    location = LocationDeclaration(
      place: use.name.place, isExact: heading?.isExact ?? false, path: heading?.path ?? "")
    // The block is read even when its heading is wrong: its own errors are to be seen, too.
    let own = build(block, in: .location)
    location?.settings = own
    if heading != nil, let location { server?.locations.append(location) }
    location = nil
  }

  private func locationHeading(_ use: DirectiveUse) -> (isExact: Bool, path: String)? {
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
    case "~", "~*":
      reporter.error(place, "regular expressions are not available in this version")
      return nil
    case "@": return namedLocation(word, path: "@" + path)
    default:
      reporter.error(place, "invalid location modifier \"\(modifier)\"", expected: "= or ^~")
      return nil
    }
    guard path.hasPrefix("/"), !path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
      reporter.error(
        word.place, "invalid location path \"\(path)\"", expected: "a path that begins with \"/\"")
      return nil
    }
    return declared(path, isExact: modifier == "=", place)
  }

  private func namedLocation(_ word: Word, path: String) -> (isExact: Bool, path: String)? {
    guard path.utf8.count > 1 else {
      reporter.error(word.place, "the location has no name", expected: "location @NAME { … }")
      return nil
    }
    return declared(path, isExact: false, word.place)
  }

  private func declared(
    _ path: String, isExact: Bool, _ place: Place
  ) -> (isExact: Bool, path: String)? {
    let key = LocationKey(isExact: isExact, path: path)
    if let twin = server?.locationPlaces[key] {
      let line = reporter.describe(twin, from: place)
      reporter.error(place, "the location \"\(path)\" is already declared at \(line)")
      return nil
    }
    server?.locationPlaces[key] = place
    return (isExact, path)
  }
}
