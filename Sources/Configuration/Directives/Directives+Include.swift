import Policy

/// Whole files: `http`, `events`, `include`.
extension DirectiveCatalog {
  static let files: [Directive] = [
    Directive(
      "http", in: .main, "", count: 0...0, opensBlock: true,
      """
      nginx's block for everything that concerns HTTP. A file without it is read as if it were \
      inside the block, so that files of nginx's `conf.d` can be used alone.
      """
    ) { $0.http($1) },
    Directive(
      "events", in: .main, "", count: 0...0, opensBlock: true,
      "nginx's block for `worker_connections`."
    ) { builder, use in
      if let block = use.block { _ = builder.build(block, in: .events) }
    },
    Directive(
      "nginx_defaults", in: [.main, .top], "on | off", default: "off",
      """
      Whether nginx's defaults apply where they differ from Waybill's: on in a file with `http`, \
      otherwise off. With them, the `Host` sent to backends is `$proxy_host`, \
      `client_max_body_size` is `1m`, `proxy_ssl_verify` and `grpc_ssl_verify` are `off`, \
      `absolute_redirect` is `on`, an `access_log` without a format is nginx's `combined` \
      (without the ID), and a level with its own `add_header`, `proxy_set_header` or \
      `proxy_hide_header` inherits none from outer levels. \
      The request ID and the forwarded fields are sent either way. `waybill -t --nginx` lists \
      where a conf file relies on a default that differs.
      """
    ) { builder, use in
      builder.nginxDefaults = builder.flag(use.arguments[0])
    },
    Directive(
      "include", in: [.main, .events, .everyLevel, .upstream, .types, .map, .geo], "PATH | PATTERN",
      isRepeatable: true,
      """
      Reads another file, or all files that match a pattern with `*`, `?` and `[…]` in \
      alphabetical order, as if their text were here. A relative path is looked up in the \
      directory of the main file, as in nginx, and then in that of the file that contains the \
      directive. If there is no file `mime.types`, the system's media types are used instead \
      (`/etc/mime.types` or, if that is missing, a few common types).
      """
    ) { $0.include($1) },
  ]
}

extension ConfigurationBuilder {
  fileprivate func http(_ use: DirectiveUse) {
    guard let block = use.block else { return }
    httpPlace = use.name.place
    settings = build(block, in: .top).inheriting(settings)
  }

  fileprivate func include(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard !word.text.isEmpty else { return reporter.error(word.place, "the path is empty") }
    if includesMediaTypes(word) { return }
    // A pattern may match nothing; a plain path must exist.
    for path in paths(word.text) {
      guard !openFiles.contains(path) else {
        reporter.error(word.place, "\"\(path)\" includes itself")
        continue
      }
      guard openFiles.count <= Limits.includeDepth else {
        reporter.error(
          word.place, "files are included more than \(Limits.includeDepth) deep")
        return
      }
      build(path: path, includedAt: word)
    }
  }

  private func paths(_ pattern: String) -> [String] {
    guard pattern.contains(where: { "*?[".contains($0) }) else { return [absolute(pattern)] }
    for candidate in candidates(pattern) {
      let found = environment.listFiles(candidate)
      if !found.isEmpty { return found.sorted() }
    }
    return []
  }

  /// A path relative to the folder of the main file or, when there is no such file, to that of the
  /// file that holds the directive being read.
  func absolute(_ path: String) -> String {
    let candidates = candidates(path)
    guard candidates.count > 1 else { return candidates[0] }
    let found = candidates.first { candidate in
      if case .success = environment.readFile(candidate) { return true }
      return false
    }
    return found ?? candidates[1]
  }

  /// The paths that a relative one may mean.
  private func candidates(_ path: String) -> [String] {
    guard !path.hasPrefix("/") else { return [path] }
    let folders = [openFiles.first, openFiles.last].map { file in
      file.flatMap { file in file.lastIndex(of: "/").map { String(file[...$0]) } } ?? ""
    }
    return (folders[0] == folders[1] ? [folders[0]] : folders).map { $0 + path }
  }
}
