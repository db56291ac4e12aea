import Plan
import Policy

/// Compression, decompression and substitution of responses' content.
extension DirectiveCatalog {
  static let contentStages: [Directive] = gzip + brotli + substitution

  private static let gzip: [Directive] = [
    .flag(
      "gzip", in: .levelsAndLocationIf, default: "off", \.contentStages.packsByGzip,
      """
      Whether responses are packed by gzip: files, answers of Waybill's own, and backends' \
      responses with the status 200, 403 or 404 that have no content coding, nor `Cache-Control: \
      no-transform`, for clients that name `gzip` in Accept-Encoding. Their length is not known \
      beforehand, their `ETag` becomes a weak one, and they have no ranges. What a backend sends \
      in pieces is packed and sent piece by piece, so events pass at once.
      """),
    types("gzip_types", "gzip", \.contentStages.gzip.types),
    .number(
      "gzip_comp_level", in: .everyLevel, 1...9, default: "1", \.contentStages.gzip.level,
      """
      The level, from 1 (quick) to 9. A worker packs while its other requests wait, at most 256 KB \
      in a turn, or 64 KB with a level above 6.
      """),
    .size(
      "gzip_min_length", in: .everyLevel, default: "20", \.contentStages.gzip.minimumLength,
      "The smallest response that is packed, by its Content-Length; one without is packed always."),
    Directive(
      "gzip_http_version", in: .everyLevel, "1.0 | 1.1", default: "1.1",
      "The lowest version of HTTP whose clients get gzip."
    ) { builder, use in
      let includes = builder.choice(use.arguments[0], ["1.0": true, "1.1": false])
      if let includes { builder.settings.contentStages.gzipIncludesHTTP10 = includes }
    },
    Directive(
      "gzip_proxied", in: .everyLevel,
      "off | expired | no-cache | no-store | private | no_last_modified | no_etag | auth | any …",
      count: .atLeast(1), default: "off", isRepeatable: true,
      """
      Which responses are packed when a proxy has passed the request on, as `Via` tells: none, \
      those that caches don't keep (an `Expires` in the past, or one of these words in \
      `Cache-Control`), those without `Last-Modified` or `ETag`, those to requests with \
      `Authorization`, or all.
      """
    ) { $0.gzipProxied($1) },
    Directive(
      "gzip_disable", in: .everyLevel, "EXPRESSION … | msie6", count: .atLeast(1),
      isRepeatable: true,
      """
      Clients that get no gzip: those whose `User-Agent` one of the regular expressions matches, \
      whatever the letters' case; `msie6` stands for Internet Explorer 4 to 6.
      """
    ) { $0.gzipDisable($1) },
    .flag(
      "gzip_vary", in: .everyLevel, default: "off", \.contentStages.sendsVary,
      """
      Whether responses that `gzip`, `brotli`, `gunzip`, `gzip_static` or `brotli_static` may \
      send in another form to another client have `Vary: Accept-Encoding`. Caches need it.
      """),
    window(
      "gzip_window", "32k", ["512", "1k", "2k", "4k", "8k", "16k", "32k"], first: 9,
      \.contentStages.gzipWindowBits,
      "How far back repetitions are found. Small responses take a smaller one by themselves."),
    window(
      "gzip_hash", "64k", ["512", "1k", "2k", "4k", "8k", "16k", "32k", "64k", "128k"], first: 1,
      \.contentStages.gzipMemoryLevel,
      "The memory in which repetitions are looked for."),
    .flag(
      "gunzip", in: .everyLevel, default: "off", \.contentStages.unpacksGzip,
      """
      Whether responses that a backend, or `gzip_static always`, has packed by gzip are unpacked \
      for clients that don't take that, by the conditions of `gzip`.
      """),
  ]

  private static let brotli: [Directive] = [
    .flag(
      "brotli", in: .levelsAndLocationIf, default: "off", \.contentStages.packsByBrotli,
      """
      Whether responses are packed by brotli, for clients that name `br` in Accept-Encoding, under \
      the conditions of `gzip`, which comes second where both are on.
      """),
    types("brotli_types", "brotli", \.contentStages.brotli.types),
    .number(
      "brotli_comp_level", in: .everyLevel, 0...11, default: "6", \.contentStages.brotli.level,
      """
      The level, from 0 (quick) to 11. From 10 on a worker packs less than 1 MB a second: such \
      levels are for `brotli_static`.
      """),
    .size(
      "brotli_min_length", in: .everyLevel, default: "20", \.contentStages.brotli.minimumLength,
      "The smallest response that is packed, by its Content-Length; one without is packed always."),
    window(
      "brotli_window", "512k",
      [
        "1k", "2k", "4k", "8k", "16k", "32k", "64k", "128k", "256k", "512k", "1m", "2m", "4m",
        "8m", "16m",
      ], first: 10, \.contentStages.brotliWindowBits,
      """
      How far back repetitions are found; a response takes several times as much memory. Small \
      responses take a smaller one by themselves.
      """),
  ]

  private static let substitution: [Directive] = [
    Directive(
      "sub_filter", in: .everyLevel, "TEXT REPLACEMENT", count: 2...2, isRepeatable: true,
      """
      Replaces a text in the content of responses wherever it stands, whatever the case of ASCII \
      letters. Both may hold variables. The text that begins first counts, and of several that \
      begin at the same place the first in the file. A level with some inherits none. Content that \
      is packed, ranges (206), and responses with `Cache-Control: no-transform` pass unchanged: \
      `proxy_set_header Accept-Encoding ""` has a backend not pack, and `gunzip` unpacks. The \
      length of the content is not known beforehand then.
      """
    ) { $0.subFilter($1) },
    .flag(
      "sub_filter_once", in: .everyLevel, default: "on", \.contentStages.substitutesOnce,
      "Whether each text is replaced only where it stands first."),
    types("sub_filter_types", "sub_filter", \.contentStages.substitutedTypes),
    .flag(
      "sub_filter_last_modified", in: .everyLevel, default: "off",
      \.contentStages.keepsLastModified,
      """
      Whether responses keep `Last-Modified`, and `ETag` as a weak one, when texts in them are \
      replaced. Without it they lose both.
      """),
  ]

  /// `gzip_types` and the like.
  private static func types(
    _ name: String, _ what: String,
    _ setting: any WritableKeyPath<Settings, [String]?> & Sendable
  ) -> Directive {
    Directive(
      name, in: .everyLevel, "TYPE … | *", count: .atLeast(1), default: "text/html",
      isRepeatable: true,
      "The media types that `\(what)` is for: `text/html` always, and all with `*`."
    ) { builder, use in
      let others = builder.settings[keyPath: setting] ?? []
      builder.settings[keyPath: setting] = others + use.arguments.map { $0.text.lowercased() }
    }
  }

  /// A size that is a power of two; `first` is the exponent, or the level, of the first size.
  private static func window(
    _ name: String, _ usual: String, _ sizes: [String], first: Int,
    _ setting: any WritableKeyPath<Settings, Int?> & Sendable, _ summary: String
  ) -> Directive {
    Directive(
      name, in: .everyLevel, sizes.joined(separator: " | "), default: usual, summary
    ) { builder, use in
      guard let bytes = builder.bytes(use.arguments[0]) else { return }
      guard let index = sizes.firstIndex(where: { Units.byteCount($0) == bytes }) else {
        return builder.invalidValue(use.arguments[0], expected: sizes)
      }
      builder.settings[keyPath: setting] = first + index
    }
  }
}

extension ConfigurationBuilder {
  fileprivate func gzipProxied(_ use: DirectiveUse) {
    let words: KeyValuePairs<String, GzipProxiedConditions> = [
      "off": .off, "expired": .expired, "no-cache": .noCache, "no-store": .noStore,
      "private": .isPrivate, "no_last_modified": .noLastModified, "no_etag": .noEntityTag,
      "auth": .authorized, "any": .any,
    ]
    var conditions = settings.contentStages.gzipProxied ?? []
    for word in use.arguments {
      guard let condition = choice(word, words) else { return }
      conditions.formUnion(condition)
    }
    settings.contentStages.gzipProxied = conditions
  }

  fileprivate func gzipDisable(_ use: DirectiveUse) {
    for word in use.arguments {
      guard word.text != "msie6" else {
        settings.contentStages.excludesOldExplorers = true
        continue
      }
      guard let expression = expression(word.text, ignoresCase: true, in: word, from: 0) else {
        return
      }
      settings.contentStages.gzipDisabled = settings.contentStages.gzipDisabled ?? []
      settings.contentStages.gzipDisabled?.append(expression)
    }
  }

  fileprivate func subFilter(_ use: DirectiveUse) {
    guard !use.arguments[0].text.isEmpty else {
      return reporter.error(use.arguments[0].place, "the text that is replaced is empty")
    }
    guard settings.contentStages.substitutions?.count ?? 0 < Limits.substitutions else {
      return reporter.error(
        use.name.place, "there are more than \(Limits.substitutions) sub_filter in one block")
    }
    guard let pattern = template(use.arguments[0]), let replacement = template(use.arguments[1])
    else { return }
    settings.contentStages.substitutions = settings.contentStages.substitutions ?? []
    settings.contentStages.substitutions?.append(
      SubstitutionPair(pattern: pattern, replacement: replacement))
  }
}
