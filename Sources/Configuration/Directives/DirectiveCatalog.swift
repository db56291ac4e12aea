/// All directives, and the look-ups by name.
public enum DirectiveCatalog {
  /// All of them, by aspect, in the order of the manual.
  public static let aspects: [(title: String, directives: [Directive])] = [
    ("Process", process),
    ("Request ID", requestID),
    ("Traces", tracing),
    ("Servers and locations", servers),
    ("Rewriting", rewriting),
    ("Variables", variables),
    ("Serving files", serving),
    ("Internal redirects", redirection),
    ("Client connections and limits", clients),
    ("TLS with clients", clientTLS),
    ("Client addresses", realIP),
    ("Proxying", proxying + responseBuffering),
    ("TLS with backends", backendTLS),
    ("gRPC", grpc),
    ("Fields", fields),
    ("Backends' fields", responseRules),
    ("Compression and substitution", contentStages),
    ("Access", access),
    ("Limits of requests", limits),
    ("Upstreams", upstreams),
    ("Health checks", checks),
    ("Names", nameLookups),
    ("Logs", logs),
    ("Files", files),
  ]

  private static let byName: [String: [Directive]] = Dictionary(
    grouping: aspects.flatMap(\.directives) + NginxDirectives.aspects.flatMap(\.directives),
    by: \.name)

  /// The names of those that do something here.
  private static let doneNames = Set(aspects.flatMap(\.directives).map(\.name))

  /// The directives of a name; several when it means different things in different contexts.
  static func directives(named name: String) -> [Directive] { byName[name] ?? [] }

  /// The names of what may stand in a context.
  static func names(in contexts: DirectiveContexts) -> [String] {
    aspects.flatMap(\.directives).filter { !$0.contexts.isDisjoint(with: contexts) }.map(\.name)
  }

  /// True for a word that, at the begin of a line, is a directive and not the argument of one.
  static func looksLikeDirective(_ word: String) -> Bool {
    doneNames.contains(word) || word.utf8.contains(UInt8(ascii: "_")) && byName[word] != nil
  }

  /// True when a directive with this name and so many arguments can't but have a block.
  static func opensBlock(_ name: String, argumentCount: Int) -> Bool {
    directives(named: name).contains { $0.opensBlock && $0.argumentCounts.contains(argumentCount) }
  }
}
