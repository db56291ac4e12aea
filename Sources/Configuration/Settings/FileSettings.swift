import Plan
import Policy
import Telemetry

/// How files are served: `root`, `index` and their companions.
struct FileSettings {
  var root: RootSetting?
  /// `index`
  var indexes: [Template]?
  /// `default_type` is among the client's settings, `types` stands alone.
  var sendsEntityTag: Bool?
  var dateRule: DateRule?
  var maximumRanges: UInt64?
  var logsMissing: Bool?
  var links: LinkSetting?
  var expiry: ExpiryPlan?
  var listsFolders: Bool?
  var listsAsJSON: Bool?
  var listsExactSizes: Bool?
  var listsLocalTime: Bool?
  var packed: PackedFiles?
  var packedByBrotli: PackedFiles?

  func inheriting(_ outer: FileSettings) -> FileSettings {
    var merged = self
    merged.root = root ?? outer.root
    merged.indexes = indexes ?? outer.indexes
    merged.sendsEntityTag = sendsEntityTag ?? outer.sendsEntityTag
    merged.dateRule = dateRule ?? outer.dateRule
    merged.maximumRanges = maximumRanges ?? outer.maximumRanges
    merged.logsMissing = logsMissing ?? outer.logsMissing
    merged.links = links ?? outer.links
    merged.expiry = expiry ?? outer.expiry
    merged.listsFolders = listsFolders ?? outer.listsFolders
    merged.listsAsJSON = listsAsJSON ?? outer.listsAsJSON
    merged.listsExactSizes = listsExactSizes ?? outer.listsExactSizes
    merged.listsLocalTime = listsLocalTime ?? outer.listsLocalTime
    merged.packed = packed ?? outer.packed
    merged.packedByBrotli = packedByBrotli ?? outer.packedByBrotli
    return merged
  }
}

/// `root` or `alias`
struct RootSetting {
  var path: Template
  var isAlias: Bool
  /// Bytes of a path that `alias` replaces.
  var aliasPrefixCount: Int
  var place: Place

  /// The directive that it comes from.
  var directive: String { isAlias ? "alias" : "root" }
}

/// `disable_symlinks`
struct LinkSetting {
  var rule: SymbolicLinkRule
  /// `from=`; nil without it.
  var from: LinkBegin?
}

/// `from=`
enum LinkBegin {
  /// `$document_root`
  case root
  case path(Template)
}
