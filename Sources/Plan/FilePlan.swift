import Basics
import HTTP
import Policy
import Telemetry

/// How a location serves files.
public struct FilePlan: Sendable, BitwiseCopyable {
  /// `root`, before the whole path, or `alias`, in the place of the location's prefix.
  public var root = Template(parts: .empty)
  /// True for `alias`.
  public var isAlias = false
  /// Bytes of a path in whose place `alias` stands: the prefix of the location that it is written
  /// in, all of the path where that has an expression.
  public var aliasPrefixCount = 0
  /// `alias` stands in the place of a part of the path, and not, as in a location of a regular
  /// expression, in that of all of it.
  @inlinable public var replacesPrefix: Bool { isAlias && aliasPrefixCount < .max }
  /// `index`: names of files that stand for a folder, in the order in which they are tried.
  public var indexes: FrozenArray<Template> = .empty
  /// `etag`
  public var sendsEntityTag = true
  /// `if_modified_since`
  public var dateRule = DateRule.exact
  /// `max_ranges`
  public var maximumRanges = Int.max
  /// `autoindex`
  public var listing = FolderListing()
  /// `gzip_static`
  public var packed = PackedFiles.off
  /// `brotli_static`
  public var packedByBrotli = PackedFiles.off
  /// `log_not_found`
  public var logsMissing = true
  /// `disable_symlinks`
  public var links = SymbolicLinkRule.allowed
  /// `disable_symlinks … from=`: the begin of the path that may hold links.
  public var linksFrom = Template(parts: .empty)

  /// nginx's defaults.
  public init() {}

  /// True when a packed neighbour may be sent in a file's place.
  @inlinable public var hasPacked: Bool { packed != .off || packedByBrotli != .off }
}

/// `autoindex`: whether and how folders are listed.
public struct FolderListing: Equatable, Sendable, BitwiseCopyable {
  /// `autoindex`
  public var isOn = false
  /// `autoindex_format json`
  public var isJSON = false
  /// `autoindex_exact_size`
  public var isExact = true
  /// `autoindex_localtime`
  public var isLocal = false

  /// Folders are not listed.
  public init() {}
}

/// `gzip_static`, `brotli_static`: whether a file's packed neighbour, of the same name with `.gz`
/// or `.br`, is sent.
public enum PackedFiles: UInt8, Sendable, BitwiseCopyable {
  /// It is not.
  case off
  /// It is to clients that take it.
  case on
  /// It is to all.
  case always
}

/// `if_modified_since`: which date of a client's means that its copy is the same.
public enum DateRule: UInt8, Sendable, BitwiseCopyable {
  /// None.
  case off
  /// The file's own.
  case exact
  /// The file's own and all later ones.
  case before
}

/// `disable_symlinks`: what becomes of symbolic links on the way to a file.
public enum SymbolicLinkRule: UInt8, Sendable, BitwiseCopyable {
  /// They are followed.
  case allowed
  /// None is followed.
  case refused
  /// Those are followed whose owner is that of what they point to.
  case ofSameOwner
}

/// `expires`
public struct ExpiryPlan: Sendable, BitwiseCopyable {
  /// The value, where it is known.
  public var value = Expiry.off
  /// The value, where it is known only for each response; empty else.
  public var template = Template(parts: .empty)
  /// `expires modified`
  public var isModified = false

  /// Nothing is said.
  public init() {}
}

/// `absolute_redirect`, `server_name_in_redirect`, `port_in_redirect`
public struct RedirectForm: Sendable, BitwiseCopyable {
  /// The scheme, the host and the port are put in front of a URL that begins with `/`.
  public var isAbsolute = false
  /// The host is the server's first name, not the request's.
  public var usesServerName = false
  /// The port of the listener is named unless it is the scheme's own.
  public var showsPort = true

  /// Redirects as they are written.
  public init() {}
}

/// An extension of `types`. Tables of them are sorted by the extensions' bytes.
public struct MediaTypeEntry: Sendable, BitwiseCopyable {
  /// The extension without its dot, in lowercase.
  public var fileExtension: FrozenBytes
  /// The media type.
  public var type: FrozenBytes

  /// The entry given.
  public init(fileExtension: FrozenBytes, type: FrozenBytes) {
    self.fileExtension = fileExtension
    self.type = type
  }
}

extension FrozenArray where Element == MediaTypeEntry {
  /// The media type of an extension, in any case; nil when the table has none. The entries are
  /// sorted by the bytes of their extensions.
  public func type(ofExtension name: Span<UInt8>) -> FrozenBytes? {
    var low = 0
    var high = count
    while low < high {
      let middle = (low &+ high) / 2
      switch self[middle].compare(name) {
      case 0: return self[middle].type
      case ..<0: low = middle &+ 1
      default: high = middle
      }
    }
    return nil
  }
}

extension MediaTypeEntry {
  /// Below 0 when the extension sorts before `name` in lowercase, above 0 when behind it.
  fileprivate func compare(_ name: Span<UInt8>) -> Int {
    let own = fileExtension.span
    for index in 0..<min(own.count, name.count) {
      let byte = name[index]
      let folded = byte &- 0x41 < 26 ? byte | 0x20 : byte
      if own[index] != folded { return own[index] < folded ? -1 : 1 }
    }
    return own.count - name.count
  }
}
