import Plan
import RegularExpressions
import Telemetry

/// What becomes of the content of responses: `gzip`, `gunzip`, `brotli`, `sub_filter` and their
/// companions.
struct ContentStageSettings {
  var packsByGzip: Bool?
  var gzip = CompressionSettings()
  var gzipWindowBits: Int?
  var gzipMemoryLevel: Int?
  var gzipIncludesHTTP10: Bool?
  var gzipProxied: GzipProxiedConditions?
  /// The expressions of `gzip_disable`.
  var gzipDisabled: [RegularExpression]?
  /// `gzip_disable msie6`
  var excludesOldExplorers: Bool?
  var sendsVary: Bool?
  var unpacksGzip: Bool?
  var packsByBrotli: Bool?
  var brotli = CompressionSettings()
  var brotliWindowBits: Int?
  /// `sub_filter`; a level with some inherits none.
  var substitutions: [SubstitutionPair]?
  var substitutesOnce: Bool?
  /// `sub_filter_types`, lowercase.
  var substitutedTypes: [String]?
  var keepsLastModified: Bool?

  func inheriting(_ outer: ContentStageSettings) -> ContentStageSettings {
    var merged = self
    merged.packsByGzip = packsByGzip ?? outer.packsByGzip
    merged.gzip = gzip.inheriting(outer.gzip)
    merged.gzipWindowBits = gzipWindowBits ?? outer.gzipWindowBits
    merged.gzipMemoryLevel = gzipMemoryLevel ?? outer.gzipMemoryLevel
    merged.gzipIncludesHTTP10 = gzipIncludesHTTP10 ?? outer.gzipIncludesHTTP10
    merged.gzipProxied = gzipProxied ?? outer.gzipProxied
    merged.gzipDisabled = gzipDisabled ?? outer.gzipDisabled
    merged.excludesOldExplorers = excludesOldExplorers ?? outer.excludesOldExplorers
    merged.sendsVary = sendsVary ?? outer.sendsVary
    merged.unpacksGzip = unpacksGzip ?? outer.unpacksGzip
    merged.packsByBrotli = packsByBrotli ?? outer.packsByBrotli
    merged.brotli = brotli.inheriting(outer.brotli)
    merged.brotliWindowBits = brotliWindowBits ?? outer.brotliWindowBits
    merged.substitutions = substitutions ?? outer.substitutions
    merged.substitutesOnce = substitutesOnce ?? outer.substitutesOnce
    merged.substitutedTypes = substitutedTypes ?? outer.substitutedTypes
    merged.keepsLastModified = keepsLastModified ?? outer.keepsLastModified
    return merged
  }
}

/// What `gzip` and `brotli` have in common.
struct CompressionSettings {
  var level: UInt64?
  var minimumLength: UInt64?
  /// Lowercase.
  var types: [String]?

  func inheriting(_ outer: CompressionSettings) -> CompressionSettings {
    CompressionSettings(
      level: level ?? outer.level, minimumLength: minimumLength ?? outer.minimumLength,
      types: types ?? outer.types)
  }
}
