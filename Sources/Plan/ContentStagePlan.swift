import Basics
import HTTP
import Telemetry

/// What becomes of the content of a location's responses: `gunzip`, `sub_filter`, `brotli`, `gzip`,
/// in this order.
public struct ContentStagePlan: Sendable, BitwiseCopyable {
  /// `gunzip`: gzip is unpacked for clients that don't take it.
  public var unpacksGzip = false
  /// `sub_filter`
  public var substitution = SubstitutionPlan()
  /// `brotli`
  public var brotli = CompressionPlan(level: 6)
  /// `brotli_window`: it is 2 to the power of this.
  public var brotliWindowBits = 19
  /// `gzip`
  public var gzip = CompressionPlan(level: 1)
  /// `gzip_window`: it is 2 to the power of this.
  public var gzipWindowBits = 15
  /// `gzip_hash`: zlib's measure of the memory in which repetitions are looked for.
  public var gzipMemoryLevel = 8
  /// Which clients take gzip.
  public var gzipClients = GzipClientRule()
  /// `gzip_vary`: responses that depend on what clients accept say so.
  public var sendsVary = false

  /// Content passes as it is.
  public init() {}

  /// True when the content of some response may change.
  public var isUsed: Bool {
    unpacksGzip || brotli.isOn || gzip.isOn || !substitution.pairs.isEmpty
  }
}

/// `gzip` or `brotli`
public struct CompressionPlan: Sendable, BitwiseCopyable {
  /// Whether it is on.
  public var isOn = false
  /// `gzip_comp_level`, `brotli_comp_level`
  public var level: Int
  /// `gzip_min_length`, `brotli_min_length`: bytes that a response must have, where that is known.
  public var minimumLength: UInt64 = 20
  /// `gzip_types`, `brotli_types`
  public var types = MediaTypeList()

  /// Off, with the default level.
  public init(level: Int) { self.level = level }
}

/// Which clients take gzip, besides naming it.
public struct GzipClientRule: Sendable, BitwiseCopyable {
  /// `gzip_http_version 1.0`
  public var includesHTTP10 = false
  /// `gzip_proxied`: what a request with Via gets.
  public var proxied = GzipProxiedConditions.off
  /// `gzip_disable`: expressions of User-Agent fields, indices into `expressions`.
  public var disabled: FrozenArray<Int> = .empty
  /// `gzip_disable msie6`
  public var excludesOldExplorers = false

  /// nginx's defaults.
  public init() {}
}

/// `gzip_proxied`: responses that are packed although a proxy has passed the request on.
public struct GzipProxiedConditions: OptionSet, Sendable, BitwiseCopyable {
  /// One bit for each word.
  public let rawValue: UInt16
  /// The set of these bits.
  public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// None.
  public static let off = GzipProxiedConditions(rawValue: 1)
  /// With Expires in the past.
  public static let expired = GzipProxiedConditions(rawValue: 2)
  /// With Cache-Control: no-cache.
  public static let noCache = GzipProxiedConditions(rawValue: 4)
  /// With Cache-Control: no-store.
  public static let noStore = GzipProxiedConditions(rawValue: 8)
  /// With Cache-Control: private.
  public static let isPrivate = GzipProxiedConditions(rawValue: 16)
  /// Not those with Last-Modified.
  public static let noLastModified = GzipProxiedConditions(rawValue: 32)
  /// Not those with ETag.
  public static let noEntityTag = GzipProxiedConditions(rawValue: 64)
  /// To a request with Authorization.
  public static let authorized = GzipProxiedConditions(rawValue: 128)
  /// All.
  public static let any = GzipProxiedConditions(rawValue: 256)
}

/// `sub_filter`
public struct SubstitutionPlan: Sendable, BitwiseCopyable {
  /// What is replaced; nothing when there are none.
  public var pairs: FrozenArray<SubstitutionPair> = .empty
  /// `sub_filter_once`
  public var replacesOnce = true
  /// `sub_filter_types`
  public var types = MediaTypeList()
  /// `sub_filter_last_modified`
  public var keepsLastModified = false

  /// Nothing is replaced.
  public init() {}
}

/// A `sub_filter`.
public struct SubstitutionPair: Sendable, BitwiseCopyable {
  /// What is replaced.
  public var pattern: Template
  /// What comes in its place.
  public var replacement: Template

  /// The pair given.
  public init(pattern: Template, replacement: Template) {
    self.pattern = pattern
    self.replacement = replacement
  }
}

/// Media types, such as those of `gzip_types`.
public struct MediaTypeList: Sendable, BitwiseCopyable {
  /// `*`
  public var includesAll = false
  /// The types in lowercase.
  public var types: FrozenArray<FrozenBytes> = .empty

  /// None.
  public init() {}

  /// True for the value of a Content-Type field, empty for none, that is one of the types. As in
  /// nginx, a charset does not count, and any other parameter belongs to the type.
  public func contains(_ value: Span<UInt8>) -> Bool {
    if includesAll { return true }
    let type = value.extracting(0..<MediaTypeList.countWithoutCharset(value))
    for index in types.indices where FieldNameMatch.equalIgnoringCase(types[index].span, type) {
      return true
    }
    return false
  }

  private static func countWithoutCharset(_ value: Span<UInt8>) -> Int {
    for index in 0..<value.count where value[index] == UInt8(ascii: ";") {
      var start = index + 1
      while start < value.count, value[start] == UInt8(ascii: " ") { start += 1 }
      if start + 8 <= value.count,
        FieldNameMatch.equalIgnoringCase(value.extracting(start..<(start + 8)), "charset=")
      {
        return index
      }
    }
    return value.count
  }
}
