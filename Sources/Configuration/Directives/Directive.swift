/// One entry for each directive: where it may stand, what it takes, what holds without it, what it
/// is for, and what it does to the configuration. Checks, error messages and the reference manual
/// all come from these entries, so that they can't disagree.

/// Where a directive may stand.
public struct DirectiveContexts: OptionSet, Sendable {
  /// One bit for each member.
  public let rawValue: UInt16
  /// The set of these bits.
  public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// In `http { }`, or outside of all blocks in a file without one.
  public static let top = DirectiveContexts(rawValue: 1)
  /// In `server { }`.
  public static let server = DirectiveContexts(rawValue: 2)
  /// In `location { }`.
  public static let location = DirectiveContexts(rawValue: 4)
  /// In `upstream { }`.
  public static let upstream = DirectiveContexts(rawValue: 8)
  /// Outside of all blocks, `http { }` included: what concerns the process.
  public static let main = DirectiveContexts(rawValue: 16)
  /// In `events { }`.
  public static let events = DirectiveContexts(rawValue: 32)
  /// In an `if` in `server { }`.
  public static let serverIf = DirectiveContexts(rawValue: 64)
  /// In an `if` in `location { }`.
  public static let locationIf = DirectiveContexts(rawValue: 128)
  /// In `limit_except { }`.
  public static let limitExcept = DirectiveContexts(rawValue: 256)
  /// Anywhere in `mail { }`.
  public static let mail = DirectiveContexts(rawValue: 512)
  /// Anywhere in `stream { }`.
  public static let stream = DirectiveContexts(rawValue: 1024)
  /// In `types { }`, whose lines are no directives.
  static let types = DirectiveContexts(rawValue: 2048)
  /// In `map { }`, whose lines are no directives.
  static let map = DirectiveContexts(rawValue: 4096)
  /// In `geo { }`.
  static let geo = DirectiveContexts(rawValue: 8192)
  /// In `split_clients { }`.
  static let division = DirectiveContexts(rawValue: 16384)
  /// In `http { }`, in `server` and in `location`: inherited from level to level.
  public static let everyLevel: DirectiveContexts = [.top, .server, .location]
  /// Outside of all blocks: a file without `http { }` has both kinds of directives there.
  static let file: DirectiveContexts = [.main, .top]

  /// The names of the members.
  public var names: [String] {
    var names: [String] = []
    if contains(.top) {
      names.append("top level")
    } else if contains(.main) {
      names.append("top level outside http")
    }
    let others: [(DirectiveContexts, String)] = [
      (.events, "events"), (.server, "server"), (.location, "location"), (.upstream, "upstream"),
      (.serverIf, "if in server"), (.locationIf, "if in location"),
      (.limitExcept, "limit_except"), (.mail, "mail"), (.stream, "stream"),
      (.types, "types"), (.map, "map"), (.geo, "geo"), (.division, "split_clients"),
    ]
    return names + others.filter { contains($0.0) }.map(\.1)
  }
}

/// Whether a directive does here what it does in nginx.
public enum DirectiveKind: Sendable {
  /// It does.
  case done
  /// It is checked and has no effect, because Waybill does otherwise, or always, what it asks for.
  case needless
  /// It is checked and has no effect, which is said by a warning.
  case warned
  /// It is refused, because something would be missing.
  case notDone
}

/// What Waybill knows of one directive.
public struct Directive: Sendable {
  /// What it does: called once for each use that has the right context, arity and kind.
  typealias Build = @Sendable (ConfigurationBuilder, DirectiveUse) -> Void

  /// Its name.
  public let name: String
  /// Where it may stand.
  public let contexts: DirectiveContexts
  /// Its arguments as the manual writes them, without the name.
  public let arguments: String
  /// How many words may follow the name.
  public let argumentCounts: ClosedRange<Int>
  /// What holds where it is not set: its arguments; nil when nothing does.
  public let defaultText: String?
  /// What it is for, in Markdown.
  public let summary: String
  /// True when `{ }` follows instead of `;`.
  public let opensBlock: Bool
  /// True when it may stand several times in one block.
  public let isRepeatable: Bool
  /// Whether it does here what it does in nginx.
  public let kind: DirectiveKind
  let build: Build

  init(
    _ name: String, in contexts: DirectiveContexts, _ arguments: String,
    count: ClosedRange<Int> = 1...1, default defaultText: String? = nil, opensBlock: Bool = false,
    isRepeatable: Bool = false, kind: DirectiveKind = .done, _ summary: String,
    build: @escaping Build
  ) {
    self.name = name
    self.contexts = contexts
    self.arguments = arguments
    argumentCounts = count
    self.defaultText = defaultText
    self.summary = summary
    self.opensBlock = opensBlock
    self.isRepeatable = isRepeatable
    self.kind = kind
    self.build = build
  }

  /// The directive as the manual writes it: `proxy_read_timeout TIME;`.
  public var syntax: String {
    let words = arguments.isEmpty ? name : "\(name) \(arguments)"
    return opensBlock ? "\(words) { … }" : "\(words);"
  }
}

extension ClosedRange where Bound == Int {
  /// The range of counts from `lower` on.
  static func atLeast(_ lower: Int) -> ClosedRange<Int> { lower...Int.max }
}
