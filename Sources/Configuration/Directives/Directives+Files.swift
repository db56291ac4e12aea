import Plan
import Policy
import Telemetry

/// Serving files.
extension DirectiveCatalog {
  static let serving: [Directive] = [
    Directive(
      "root", in: .levelsAndLocationIf, "PATH",
      """
      The directory of the files to serve in locations without `proxy_pass` or `return`: the \
      request's path is appended to it. It may contain variables. A relative path is relative to \
      the directory in which Waybill was started. GET and HEAD are supported, with ranges, \
      conditional requests and an `ETag` derived from a file's size and time; other methods get \
      405. A directory requested without its trailing slash is redirected, and anything that is \
      neither a file nor a directory is never served. With `nginx_defaults`, the default is \
      `html`.
      """
    ) { $0.root($1, isAlias: false) },
    Directive(
      "alias", in: .location, "PATH",
      """
      Like `root`, but the path replaces the location's prefix: with `location /i/ { alias \
      /srv/images/; }`, `/i/a.png` is `/srv/images/a.png`. Either both should end with a slash, or \
      neither.
      """
    ) { $0.root($1, isAlias: true) },
    Directive(
      "index", in: .everyLevel, "NAME …", count: .atLeast(1), default: "index.html",
      isRepeatable: true,
      """
      The files to serve for a directory: the first one that exists. The request continues with \
      that file's path, possibly in another location. The last one may be a path that begins with \
      a slash, which is used without checking that it exists.
      """
    ) { $0.index($1) },
    .flag(
      "etag", in: .everyLevel, default: "on", \.files.sendsEntityTag,
      "Whether files are sent with an `ETag`, derived from their time and size as in nginx."),
    Directive(
      "if_modified_since", in: .everyLevel, "off | exact | before", default: "exact",
      """
      Which date in `If-Modified-Since` means that the client's copy is current (304): only the \
      file's own date, or that and all later ones.
      """
    ) { builder, use in
      let rule = builder.choice(
        use.arguments[0],
        ["off": DateRule.off, "exact": DateRule.exact, "before": DateRule.before])
      if let rule { builder.settings.files.dateRule = rule }
    },
    .number(
      "max_ranges", in: .everyLevel, 0...UInt64(Int32.max), default: "2147483647",
      \.files.maximumRanges,
      """
      The maximum number of ranges in a request for a file; with more, the whole file is sent. 0 \
      disables ranges.
      """),
    .flag(
      "log_not_found", in: .everyLevel, default: "on", \.files.logsMissing,
      "Whether missing files are reported in the error log."),
    Directive(
      "disable_symlinks", in: .everyLevel, "off | on | if_not_owner [from=PATH]", count: 1...2,
      default: "off",
      """
      Whether paths with symbolic links are rejected (403): all of them, or those whose owner \
      differs from their target's. Links in the part of the path given by `from=`, often \
      `$document_root`, are followed.
      """
    ) { $0.disableSymlinks($1) },
    .flag(
      "autoindex", in: .everyLevel, default: "off", \.files.listsFolders,
      """
      Whether a directory without an `index` file is listed. Names that begin with a dot are \
      omitted.
      """),
    Directive(
      "autoindex_format", in: .everyLevel, "html | json", default: "html",
      "The format of the listing. nginx's `xml` and `jsonp` are not available."
    ) { builder, use in
      guard let isJSON = builder.choice(use.arguments[0], ["html": false, "json": true]) else {
        return
      }
      builder.settings.files.listsAsJSON = isJSON
    },
    .flag(
      "autoindex_exact_size", in: .everyLevel, default: "on", \.files.listsExactSizes,
      "Whether the listing shows exact sizes in bytes instead of rounded ones."),
    .flag(
      "autoindex_localtime", in: .everyLevel, default: "off", \.files.listsLocalTime,
      "Whether the listing shows local times instead of UTC."),
    Directive(
      "gzip_static", in: .everyLevel, "off | on | always", default: "off",
      """
      Whether a precompressed version of a file, with the same name plus `.gz`, is sent instead: \
      `on` for clients that accept gzip by the conditions of `gzip`, with `Vary`, `always` for \
      all clients.
      """
    ) { builder, use in
      let packed = builder.choice(
        use.arguments[0], ["off": PackedFiles.off, "on": .on, "always": .always])
      if let packed { builder.settings.files.packed = packed }
    },
    Directive(
      "brotli_static", in: .everyLevel, "off | on | always", default: "off",
      "The same for brotli and `.br`, which is looked for first."
    ) { builder, use in
      let packed = builder.choice(
        use.arguments[0], ["off": PackedFiles.off, "on": .on, "always": .always])
      if let packed { builder.settings.files.packedByBrotli = packed }
    },
    Directive(
      "expires", in: .levelsAndLocationIf, "[modified] TIME | epoch | max | off", count: 1...2,
      default: "off",
      """
      Sets `Expires` and `Cache-Control` in responses with the codes 200, 201, 204, 206, 301, 302, \
      303, 304, 307 and 308, from files and backends alike: the time after the response or, with \
      `modified`, after the file's last modification; `@15h30m` is the next occurrence of that \
      time of day. A negative time and `epoch` forbid caching. The value may be a variable.
      """
    ) { $0.expires($1) },
  ]
}

extension ConfigurationBuilder {
  fileprivate func root(_ use: DirectiveUse, isAlias: Bool) {
    let word = use.arguments[0]
    let setting = isAlias ? "alias" : "root"
    guard !word.text.isEmpty, !word.text.utf8.contains(0) else {
      return invalidValue(word, expected: ["a path"])
    }
    if let other = settings.files.root {
      let line = reporter.describe(other.place, from: use.name.place)
      let isSame = other.directive == setting
      let what = isSame ? "is already set" : "can't stand beside \(other.directive)"
      return reporter.error(use.name.place, "\"\(setting)\" \(what) at \(line)")
    }
    for name in ["document_root", "realpath_root", "request_filename"]
    where word.text.contains("$\(name)") || word.text.contains("${\(name)}") {
      return reporter.error(
        word.place, "$\(name) can't be used in \"\(setting)\", which it depends on")
    }
    // The path of the request brings the slash itself.
    var text = word.text
    while !isAlias, text.hasSuffix("/") { text.removeLast() }
    guard
      let path = template(text, place: { offset, count in word.place(from: offset, count: count) })
    else { return }
    settings.files.root = RootSetting(
      path: path, isAlias: isAlias, aliasPrefixCount: isAlias ? replacedCount : 0,
      place: use.name.place)
  }

  /// Bytes of a path in whose place an `alias` of the location that is being read stands.
  private var replacedCount: Int {
    guard let location else { return 0 }
    return location.expression == nil ? location.path.utf8.count : .max
  }

  fileprivate func index(_ use: DirectiveUse) {
    var names: [Template] = settings.files.indexes ?? []
    for (number, word) in use.arguments.enumerated() {
      let isLast = number == use.arguments.count - 1
      guard !word.text.isEmpty, isLast || !word.text.hasPrefix("/") else {
        return invalidValue(word, expected: ["the name of a file"])
      }
      guard let name = template(word) else { return }
      names.append(name)
    }
    settings.files.indexes = names
  }

  fileprivate func disableSymlinks(_ use: DirectiveUse) {
    let rules: KeyValuePairs<String, SymbolicLinkRule> = [
      "off": .allowed, "on": .refused, "if_not_owner": .ofSameOwner,
    ]
    var rule: SymbolicLinkRule?
    var from: LinkBegin?
    for word in use.arguments {
      if let (path, place) = parameter("from", word) {
        guard !path.isEmpty else { return invalidValue(word, expected: ["from=PATH"]) }
        if path == "$document_root" {
          from = .root
        } else {
          let begin = template(path) { offset, count in
            Place(file: place.file, offset: place.offset + offset, count: count)
          }
          guard let begin else { return }
          from = .path(begin)
        }
      } else {
        guard rule == nil, let found = choice(word, rules) else { return }
        rule = found
      }
    }
    guard let rule, rule != .allowed || from == nil else {
      return reporter.error(
        use.name.place, "\"disable_symlinks\" says nothing of what becomes of links",
        expected: "disable_symlinks on from=PATH;")
    }
    settings.files.links = LinkSetting(rule: rule, from: from)
  }

  fileprivate func expires(_ use: DirectiveUse) {
    var expiry = ExpiryPlan()
    let word = use.arguments[use.arguments.count - 1]
    if use.arguments.count == 2 {
      guard choice(use.arguments[0], ["modified": true]) != nil else { return }
      expiry.isModified = true
    }
    if word.text.contains("$") {
      guard let value = template(word) else { return }
      expiry.template = value
    } else {
      let bytes = Array(word.text.utf8)
      guard let value = Expiry(bytes.span, isModified: expiry.isModified) else {
        return invalidValue(word, expected: ["a time such as 30d", "epoch", "max", "off"])
      }
      expiry.value = value
    }
    settings.files.expiry = expiry
  }
}
