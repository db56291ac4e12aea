import Basics
import HTTP
import Policy

/// `proxy_pass` and how requests travel.
extension DirectiveCatalog {
  static let proxying: [Directive] = [
    Directive(
      "proxy_pass", in: [.location, .locationIf],
      "http[s]://UPSTREAM[URI] | http[s]://HOST[:PORT][URI] | http[s]://unix:PATH[:URI]",
      """
      Passes requests to an `upstream`, to a host (all its addresses, in turn) or to a unix \
      socket. With a URI part, even if it is only `/`, that part takes the place of what the \
      location matches. Idle connections are kept, as with `keepalive 32` in an `upstream`. With \
      `https` the backend is spoken to over TLS, and its certificate must hold. The URL may hold \
      variables: what it comes to is looked for among the upstreams, then it is an address; a URI \
      part is then sent as it is, without the request's query.
      """
    ) { $0.proxyPass($1) },
    .time(
      "proxy_connect_timeout", in: .everyLevel, default: "60s", \.proxy.connectTimeout,
      "How long connecting to a backend may take; otherwise 504."),
    .time(
      "proxy_read_timeout", in: .everyLevel, default: "60s", \.proxy.readTimeout,
      "How long a backend may pause while it sends its response; otherwise 504."),
    .time(
      "proxy_send_timeout", in: .everyLevel, default: "60s", \.proxy.sendTimeout,
      "How long a backend may stop reading a request; otherwise 504."),
    Directive(
      "proxy_next_upstream", in: .everyLevel,
      """
      off | error | timeout | invalid_header | http_500 | http_502 | http_503 | http_504 | \
      http_403 | http_404 | http_429 | non_idempotent …
      """,
      count: .atLeast(1), default: "error timeout",
      """
      The conditions under which a request goes to the next server of an upstream. In addition, \
      nothing of the response may have been sent to the client, the request's content must still \
      be available, and its method must be idempotent unless `non_idempotent` is given or nothing \
      has been sent yet.
      """
    ) { $0.proxyNextUpstream($1) },
    .number(
      "proxy_next_upstream_tries", in: .everyLevel, 0...UInt64(Limits.tries), default: "0",
      \.proxy.retryTries, "The maximum number of servers to try; 0: each one once."),
    Directive(
      "proxy_next_upstream_timeout", in: .everyLevel, "TIME", default: "0",
      "How long after the first attempt another one may begin; 0: no limit."
    ) { builder, use in
      guard let time = builder.time(use.arguments[0], mayBeZero: true) else { return }
      builder.settings.proxy.retryTimeout = time.nanoseconds == 0 ? .endless : time
    },
    .flag(
      "proxy_ignore_client_abort", in: .everyLevel, default: "on", \.proxy.ignoresClientAbort,
      """
      `on`: a client that has closed its sending side still gets its response. `off`: it is \
      treated as disconnected. (nginx's default is `off`.)
      """),
    Directive(
      "proxy_response_head_size", in: .everyLevel, "SIZE", default: "32k",
      """
      The maximum size of a backend's response head, from 1k to 192k; otherwise 502. (In nginx, \
      `proxy_buffer_size` is the limit.)
      """
    ) { builder, use in
      guard let bytes = builder.bytes(use.arguments[0]) else { return }
      guard Limits.responseHeadRange.contains(bytes) else {
        return builder.invalidValue(use.arguments[0], expected: ["a size from 1k to 192k"])
      }
      builder.settings.proxy.responseHeadBytes = bytes
    },
    .number(
      "proxy_response_max_headers", in: .everyLevel, 1...UInt64(FieldSection.capacity),
      default: "128", \.proxy.responseFieldCount,
      "The maximum number of field lines in a backend's response head; otherwise 502."),
    .number(
      "proxy_max_interim_responses", in: .everyLevel, 0...65_535, default: "16",
      \.proxy.interimResponses,
      "The maximum number of interim responses (1xx) to one request; otherwise 502."),
    Directive(
      "proxy_http_version", in: .everyLevel, "1.1 | 2", default: "1.1",
      """
      The HTTP version that backends receive. With `2`, many requests share a connection: an \
      `https` backend must agree to HTTP/2 (ALPN), other backends must accept it without \
      negotiation. Waybill does not fall back to HTTP/1.1.
      """
    ) { $0.proxyVersion($1) },
    .flag(
      "proxy_request_buffering", in: .everyLevel, default: "on", \.proxy.buffersRequests,
      """
      `on`: a request's content is read in full before a backend is contacted, so that a slow \
      client does not occupy one, and is sent with a `Content-Length` in any case. `off`: it is \
      passed on as it arrives, with the framing it arrived with.
      """),
    .flag(
      "proxy_pass_request_headers", in: .everyLevel, default: "on", \.proxy.passesFields,
      """
      Whether the client's fields are passed on. With `off` a backend gets those that Waybill \
      writes and those of `proxy_set_header`.
      """),
    .flag(
      "proxy_pass_request_body", in: .everyLevel, default: "on", \.proxy.passesContent,
      "Whether the client's content is passed on. With `off` it is read and thrown away."),
    Directive(
      "proxy_method", in: .everyLevel, "METHOD",
      "The method that requests are passed on with, in the place of their own."
    ) { builder, use in
      let word = use.arguments[0]
      guard word.text.contains("$") || FieldSyntax.isToken(word.text) else {
        return builder.invalidValue(word, expected: ["a method such as GET"])
      }
      builder.settings.proxy.method = builder.template(word)
    },
  ]

  /// The words of `proxy_next_upstream`.
  fileprivate static let retryConditions: KeyValuePairs<String, RetryConditions> = [
    "off": [], "error": .error, "timeout": .timeout, "invalid_header": .invalidHeader,
    "http_500": .http500, "http_502": .http502, "http_503": .http503, "http_504": .http504,
    "http_403": .http403, "http_404": .http404, "http_429": .http429,
    "non_idempotent": .nonIdempotent, "updating": [],
  ]
}

extension ConfigurationBuilder {
  fileprivate func proxyNextUpstream(_ use: DirectiveUse) {
    var conditions: RetryConditions = []
    for word in use.arguments {
      guard let condition = choice(word, DirectiveCatalog.retryConditions) else { return }
      guard word.text != "off" || use.arguments.count == 1 else {
        reporter.error(word.place, "\"off\" can't be combined with other values")
        return
      }
      conditions.formUnion(condition)
    }
    settings.proxy.retryConditions = conditions
  }

  fileprivate func proxyVersion(_ use: DirectiveUse) {
    guard let isSecond = choice(use.arguments[0], ["1.1": false, "2": true]) else { return }
    settings.stated.insert("proxy_http_version")
    settings.proxy.speaksHTTP2 = isSecond
  }

  /// A `grpc_pass`: as nginx has it, without a path, and with a scheme or without.
  func grpcPass(_ use: DirectiveUse) {
    let word = use.arguments[0]
    if word.text.contains("$") { return computedPass(word, schemes: ["grpc://", "grpcs://"]) }
    let scheme = ["grpc://", "grpcs://"].first { word.text.lowercased().hasPrefix($0) } ?? ""
    let rest = word.text.dropFirst(scheme.count)
    guard !rest.contains("://") else {
      return reporter.error(
        word.place, "\"\(word.text)\" does not begin with grpc:// or grpcs://")
    }
    var pass =
      rest.hasPrefix("unix:") ? unixPass(word, rest, scheme) : authorityPass(word, rest, scheme)
    if let path = pass?.path {
      return reporter.error(
        word.place, "grpc_pass can't have a path: \"\(path)\"",
        expected: "grpc://HOST:PORT or an upstream")
    }
    pass?.isSecure = scheme.lowercased() == "grpcs://"
    pass?.isGRPC = true
    location?.pass = pass
  }

  fileprivate func proxyPass(_ use: DirectiveUse) {
    let word = use.arguments[0]
    if word.text.contains("$") { return computedPass(word, schemes: ["http://", "https://"]) }
    let scheme = ["http://", "https://"].first { word.text.hasPrefix($0) }
    guard let scheme else {
      reporter.error(
        word.place, "\"\(word.text)\" does not begin with http:// or https://",
        suggestion: word.text.contains("://") ? nil : "http://\(word.text)")
      return
    }
    let rest = word.text.dropFirst(scheme.count)
    var pass =
      rest.hasPrefix("unix:") ? unixPass(word, rest, scheme) : authorityPass(word, rest, scheme)
    pass?.isSecure = scheme == "https://"
    location?.pass = pass
  }

  /// A `proxy_pass` with variables: what it means is known when it is asked for.
  private func computedPass(_ word: Word, schemes: [String]) {
    let isGRPC = schemes[0] == "grpc://"
    let scheme = schemes.first { word.text.lowercased().hasPrefix($0) }
    guard scheme != nil || word.text.hasPrefix("$") || isGRPC else {
      return reporter.error(
        word.place, "\"\(word.text)\" does not begin with http:// or https://")
    }
    guard let url = template(word) else { return }
    var pass = PassDeclaration(
      place: word.place, authorityPlace: word.place, authority: word.text,
      target: .computed(url))
    // Where only the variables say so, it may be.
    pass.isSecure = scheme != schemes[0] && (!isGRPC || scheme != nil || word.text.hasPrefix("$"))
    pass.isGRPC = isGRPC
    location?.pass = pass
  }

  private func unixPass(
    _ word: Word, _ rest: Substring, _ scheme: String
  ) -> PassDeclaration? {
    let socket = rest.dropFirst("unix:".count).prefix { $0 != ":" }
    let path = rest.dropFirst("unix:".count + socket.count + 1)
    let place = word.place(from: scheme.count, count: "unix:".count + socket.utf8.count)
    guard unixEndpoint(String(socket), at: place) != nil else { return nil }
    guard path.isEmpty || isPassPath(path, word) else { return nil }
    return PassDeclaration(
      place: word.place, authorityPlace: place, authority: "unix:\(socket)",
      target: .unix(String(socket)), path: path.isEmpty ? nil : String(path))
  }

  private func authorityPass(
    _ word: Word, _ rest: Substring, _ scheme: String
  ) -> PassDeclaration? {
    let authority = String(rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" })
    let path = rest.dropFirst(authority.count)
    let place = word.place(from: scheme.count, count: authority.utf8.count)
    guard let (host, port) = splitAuthority(authority, at: place) else { return nil }
    guard host != "*" else {
      reporter.error(place, "\"*\" is not the address of a backend")
      return nil
    }
    guard path.isEmpty || isPassPath(path, word) else { return nil }
    return PassDeclaration(
      place: word.place, authorityPlace: place, authority: authority,
      target: port.map { .host(host, port: $0) } ?? .name(host),
      path: path.isEmpty ? nil : String(path))
  }

  private func isPassPath(_ path: Substring, _ word: Word) -> Bool {
    let isPath =
      path.hasPrefix("/")
      && path.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != 0x23 }
    if !isPath {
      reporter.error(
        word.place, "invalid URI part \"\(path)\"",
        expected: "a path that begins with \"/\", without \"?\" and \"#\"")
    }
    return isPath
  }
}
