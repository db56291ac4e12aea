/// One entry for each directive: where it may stand, what it takes, what holds without it, what it
/// is for, and what it does to the configuration. Checks, error messages and the reference manual
/// all come from these entries, so that they can't disagree.

/// Where a directive may stand.
public struct DirectiveContexts: OptionSet, Sendable {
  /// One bit for each member.
  public let rawValue: UInt8
  /// The set of these bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// Outside of all blocks: what nginx calls `http`.
  public static let top = DirectiveContexts(rawValue: 1)
  /// In `server { }`.
  public static let server = DirectiveContexts(rawValue: 2)
  /// In `location { }`.
  public static let location = DirectiveContexts(rawValue: 4)
  /// In `upstream { }`.
  public static let upstream = DirectiveContexts(rawValue: 8)
  /// At top level, in `server` and in `location`: inherited from level to level.
  public static let everyLevel: DirectiveContexts = [.top, .server, .location]

  /// The names of the members.
  public var names: [String] {
    var names: [String] = []
    if contains(.top) { names.append("top level") }
    if contains(.server) { names.append("server") }
    if contains(.location) { names.append("location") }
    if contains(.upstream) { names.append("upstream") }
    return names
  }
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
  let build: Build

  init(
    _ name: String, in contexts: DirectiveContexts, _ arguments: String,
    count: ClosedRange<Int> = 1...1, default defaultText: String? = nil, opensBlock: Bool = false,
    isRepeatable: Bool = false, _ summary: String, build: @escaping Build
  ) {
    self.name = name
    self.contexts = contexts
    self.arguments = arguments
    argumentCounts = count
    self.defaultText = defaultText
    self.summary = summary
    self.opensBlock = opensBlock
    self.isRepeatable = isRepeatable
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
