/// What directives with errors would have declared. Whoever names such a thing makes no error
/// besides: it goes with the first one.
struct FailedDirectives {
  /// What other directives refer to by a name.
  enum Kind { case zone, logFormat, upstream }

  /// A file that is included can't be read: anything may be declared there.
  var hasUnreadFile = false
  private var names: Set<String> = []
  private var declared: [Kind: Set<String>] = [:]
  /// The variables that they would make, in lowercase.
  private(set) var variables: Set<String> = []

  /// Notes that the directive of that name has an error; a misspelled name counts as what was
  /// probably meant.
  mutating func note(_ name: String, _ arguments: [Word]) {
    names.insert(name)
    let texts = arguments.map(\.text)
    switch name {
    case "limit_req_zone", "limit_conn_zone":
      for text in texts where text.hasPrefix("zone=") {
        declare(.zone, text.dropFirst(5).prefix { $0 != ":" })
      }
    case "log_format": if let first = texts.first { declare(.logFormat, first[...]) }
    case "upstream": if let first = texts.first { declare(.upstream, first[...]) }
    case "set", "auth_request_set": if let first = texts.first { makeVariable(first) }
    case "map", "geo", "split_clients": if let last = texts.last { makeVariable(last) }
    default: break
    }
    for text in texts { makeGroups(text) }
  }

  /// True when the directive of that name has an error somewhere, so that what it sets is missing.
  func contains(_ name: String) -> Bool { hasUnreadFile || names.contains(name) }

  /// True when something of that kind and name would have been declared.
  func mayDeclare(_ kind: Kind, _ name: String) -> Bool {
    hasUnreadFile || declared[kind]?.contains(name) == true
  }

  private mutating func declare(_ kind: Kind, _ name: Substring) {
    declared[kind, default: []].insert(String(name))
  }

  private mutating func makeVariable(_ word: String) {
    variables.insert(String(word.drop { $0 == "$" }).lowercased())
  }

  /// The named groups of a regular expression: `(?<name>`, `(?P<name>`, `(?'name'`.
  private mutating func makeGroups(_ text: String) {
    for part in text.split(separator: "(?", omittingEmptySubsequences: false).dropFirst() {
      let rest = part.hasPrefix("P") ? part.dropFirst() : part
      guard rest.hasPrefix("<") || rest.hasPrefix("'") else { continue }
      let name = rest.dropFirst().prefix { $0.isLetter || $0.isNumber || $0 == "_" }
      if !name.isEmpty { makeVariable(String(name)) }
    }
  }
}
