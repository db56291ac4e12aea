import Policy

/// Whole files: `http`, `events`, `include`.
extension DirectiveCatalog {
  static let files: [Directive] = [
    Directive(
      "http", in: .main, "", count: 0...0, opensBlock: true,
      """
      What nginx has around everything that concerns HTTP. A file without it is read as if it \
      stood in the block, so that the files of nginx's `conf.d` can be used alone.
      """
    ) { $0.http($1) },
    Directive(
      "events", in: .main, "", count: 0...0, opensBlock: true,
      "What nginx has around `worker_connections`."
    ) { builder, use in
      if let block = use.block { _ = builder.build(block, in: .events) }
    },
    Directive(
      "nginx_defaults", in: [.main, .top], "on | off", default: "off",
      """
      Whether nginx's defaults hold where they differ from Waybill's: on in a file with `http`, \
      off else. With them a backend's `Host` is `$proxy_host`, `client_max_body_size` is `1m`, \
      `proxy_ssl_verify` is `off`, `absolute_redirect` is `on`, an `access_log` without a format \
      is nginx's `combined` (without the ID), and a level with `add_header`, `proxy_set_header` \
      or `proxy_hide_header` of its own inherits none of those around it. The request ID and the \
      forwarded fields are sent either way. `waybill -t --nginx` lists where a conf file relies on \
      a default that differs.
      """
    ) { builder, use in
      builder.nginxDefaults = builder.flag(use.arguments[0])
    },
    Directive(
      "include", in: [.main, .events, .everyLevel, .upstream, .types, .map, .geo], "PATH | PATTERN",
      isRepeatable: true,
      """
      Reads another file, or all that match a pattern with `*`, `?` and `[…]` in the order of \
      their names, as if their text stood here. A relative path is looked for in the folder of the \
      main file, as in nginx, and then in that of the file that holds the directive. Where no file \
      `mime.types` is there, the system's media types stand for it (`/etc/mime.types`, and a few \
      of the web's own if that is not there either).
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
