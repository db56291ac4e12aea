import Plan
import Policy
import Telemetry

/// Serving files.
extension DirectiveCatalog {
  static let serving: [Directive] = [
    Directive(
      "root", in: .levelsAndLocationIf, "PATH",
      """
      The folder whose files are served where neither `proxy_pass` nor `return` says something \
      else: the request's path is looked for below it. It may hold variables. A relative path \
      starts at the folder that Waybill was started in. GET and HEAD are served, with ranges, \
      conditional requests and one `ETag` for each size and time of a file; other methods get 405. \
      A folder without its slash is redirected to, and what is neither a file nor a folder is \
      never served. With `nginx_defaults` it is `html` where nothing is said.
      """
    ) { $0.root($1, isAlias: false) },
    Directive(
      "alias", in: .location, "PATH",
      """
      Like `root`, but the path stands in the place of the location's prefix: with `location \
      /i/ { alias /srv/images/; }`, `/i/a.png` is `/srv/images/a.png`. Both should end with a \
      slash, or neither.
      """
    ) { $0.root($1, isAlias: true) },
    Directive(
      "index", in: .everyLevel, "NAME …", count: .atLeast(1), default: "index.html",
      isRepeatable: true,
      """
      The files that are served for a folder: the first that is there. The request goes on with \
      its path, perhaps in another location. The last one may be a path that begins with a slash, \
      which is not looked for before.
      """
    ) { $0.index($1) },
    .flag(
      "etag", in: .everyLevel, default: "on", \.files.sendsEntityTag,
      "Whether files are sent with an `ETag`, made of their time and size as nginx makes it."),
    Directive(
      "if_modified_since", in: .everyLevel, "off | exact | before", default: "exact",
      """
      Which date of a client's copy means that the file is the same (304): the file's own, or that \
      and all later ones.
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
      How many ranges of a file one request may ask for; with more it gets all of the file. 0 \
      serves no ranges.
      """),
    .flag(
      "log_not_found", in: .everyLevel, default: "on", \.files.logsMissing,
      "Whether a file that is not there is told in the error log."),
    Directive(
      "disable_symlinks", in: .everyLevel, "off | on | if_not_owner [from=PATH]", count: 1...2,
      default: "off",
      """
      Whether a path with symbolic links is refused (403): any, or those whose owner is not that \
      of what they point to. In the begin of the path that `from=` names, often `$document_root`, \
      links are followed.
      """
    ) { $0.disableSymlinks($1) },
    .flag(
      "autoindex", in: .everyLevel, default: "off", \.files.listsFolders,
      """
      Whether a folder without a file of `index` is listed. Names that begin with a dot are left \
      out.
      """),
    Directive(
      "autoindex_format", in: .everyLevel, "html | json", default: "html",
      "The form of the list. nginx's `xml` and `jsonp` are not available."
    ) { builder, use in
      guard let isJSON = builder.choice(use.arguments[0], ["html": false, "json": true]) else {
        return
      }
      builder.settings.files.listsAsJSON = isJSON
    },
    .flag(
      "autoindex_exact_size", in: .everyLevel, default: "on", \.files.listsExactSizes,
      "Whether the list has sizes in bytes, and not rounded."),
    .flag(
      "autoindex_localtime", in: .everyLevel, default: "off", \.files.listsLocalTime,
      "Whether the list has local times, and not UTC."),
    Directive(
      "gzip_static", in: .everyLevel, "off | on | always", default: "off",
      """
      Whether the packed neighbour of a file, of the same name with `.gz` behind it, is sent in \
      its place: to clients that take gzip, with `Vary`, or to all.
      """
    ) { builder, use in
      let packed = builder.choice(
        use.arguments[0], ["off": PackedFiles.off, "on": .on, "always": .always])
      if let packed { builder.settings.files.packed = packed }
    },
    Directive(
      "expires", in: .levelsAndLocationIf, "[modified] TIME | epoch | max | off", count: 1...2,
      default: "off",
      """
      Sets `Expires` and `Cache-Control` of responses with the codes 200, 201, 204, 206, 301, 302, \
      303, 304, 307 and 308, files and others: the time after the response, or with `modified` \
      after the last change of the file; `@15h30m` is the next such time of the day. A negative \
      time and `epoch` forbid to keep it. The value may be a variable.
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
    // The path of the request brings the slash itself.
    var text = word.text
    while !isAlias, text.hasSuffix("/") { text.removeLast() }
    guard
      let path = template(text, place: { offset, count in word.place(from: offset, count: count) })
    else { return }
    settings.files.root = RootSetting(path: path, isAlias: isAlias, place: use.name.place)
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
