/// The directives of nginx, and of modules for it, that are not in `DirectiveCatalog.aspects`: each
/// with what holds in its place. Some are checked and have no effect, others are refused.
enum NginxDirectives {
  /// Directives of which the same holds.
  struct Group {
    var kind: DirectiveKind
    var sentence: String
    var entries: [Entry]

    init(_ kind: DirectiveKind, _ sentence: String, _ entries: [Entry]) {
      self.kind = kind
      self.sentence = sentence
      self.entries = entries
    }
  }

  /// One directive.
  struct Entry {
    var name: String
    var contexts: DirectiveContexts
    var syntax: ValueSyntax
    /// Values that ask for what is done anyway.
    var harmless: [String]

    init(
      _ name: String, _ contexts: DirectiveContexts, _ syntax: ValueSyntax,
      unless harmless: [String] = []
    ) {
      self.name = name
      self.contexts = contexts
      self.syntax = syntax
      self.harmless = harmless
    }
  }

  /// All of them, by aspect, in the order of the manual.
  static let aspects: [(title: String, directives: [Directive])] = [
    ("Process and events", process),
    ("Requests and connections", http),
    ("TLS, HTTP/2 and HTTP/3", secure),
    ("Proxying", proxy),
    ("Upstreams", upstream),
    ("Files and content", content),
    ("Rules, access and limits", rules),
    ("FastCGI, uwsgi, SCGI, gRPC and memcached", protocols),
    ("Mail", mail),
    ("TCP and UDP streams", stream),
    ("Third-party modules", otherMakers),
  ].map { (title: $0.0, directives: directives($0.1)) }

  private static func directives(_ groups: [Group]) -> [Directive] {
    groups.flatMap { group in group.entries.map { directive($0, in: group) } }
  }

  private static func directive(_ entry: Entry, in group: Group) -> Directive {
    Directive(
      entry.name, in: entry.contexts, entry.syntax.text, count: entry.syntax.counts,
      opensBlock: entry.syntax.opensBlock, isRepeatable: !entry.syntax.isSingle, kind: group.kind,
      group.sentence
    ) { builder, use in
      guard builder.areValid(use.arguments, entry.syntax) else { return }
      let value = use.arguments.first?.text.lowercased()
      let isHarmless = value.map { entry.harmless.contains($0) } ?? false
      builder.note(use, isHarmless ? .needless : group.kind, group.sentence)
    }
  }
}

extension DirectiveContexts {
  static let serverLevels: DirectiveContexts = [.top, .server]
  static let levelsAndIf: DirectiveContexts = [.everyLevel, .serverIf, .locationIf]
  static let levelsAndLocationIf: DirectiveContexts = [.everyLevel, .locationIf]
  static let levelsAndLimitExcept: DirectiveContexts = [.everyLevel, .limitExcept]
  static let locationAndIf: DirectiveContexts = [.location, .locationIf]
  static let handlers: DirectiveContexts = [.location, .locationIf, .limitExcept]
}

extension ConfigurationBuilder {
  /// Counts a directive that has no effect, warns of it or refuses it.
  func note(_ use: DirectiveUse, _ kind: DirectiveKind, _ sentence: String) {
    let name = use.name.text
    switch kind {
    case .done: break
    case .needless: needless[name, default: 0] += 1
    case .warned:
      needless[name, default: 0] += 1
      reporter.warning(use.name.place, "\"\(name)\" has no effect", note: sentence)
    case .notDone:
      announceVariables(use)
      reporter.error(
        use.name.place, "\"\(name)\" is an nginx directive that Waybill does not support",
        note: sentence)
    }
  }

  /// Remembers the variables that a refused directive would make, so that each use of one is not an
  /// error besides.
  private func announceVariables(_ use: DirectiveUse) {
    for word in use.arguments where word.text.hasPrefix("$") {
      announcedVariables.insert(word.text.dropFirst().lowercased())
    }
  }
}
