import Policy

/// `include`
extension DirectiveCatalog {
  static let files: [Directive] = [
    Directive(
      "include", in: [.everyLevel, .upstream], "PATH | PATTERN", isRepeatable: true,
      """
      Reads another file, or all that match a pattern with `*`, `?` and `[…]` in the order of \
      their names, as if their text stood here. A relative path is relative to the folder of the \
      file that holds the directive.
      """
    ) { $0.include($1) }
  ]
}

extension ConfigurationBuilder {
  fileprivate func include(_ use: DirectiveUse) {
    let word = use.arguments[0]
    guard !word.text.isEmpty else { return reporter.error(word.place, "the path is empty") }
    let pattern = absolute(word.text)
    let isPattern = word.text.contains { "*?[".contains($0) }
    // A pattern may match nothing; a plain path must exist.
    for path in isPattern ? environment.listFiles(pattern).sorted() : [pattern] {
      guard !openFiles.contains(path) else {
        reporter.error(word.place, "\"\(path)\" includes itself")
        continue
      }
      guard openFiles.count <= Limits.includeDepth else {
        reporter.error(
          word.place, "files are included more than \(Limits.includeDepth) deep")
        return
      }
      build(path: path, includedAt: word)
    }
  }

  /// A path relative to the folder of the file that holds the directive being read.
  func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let file = openFiles.last,
      let slash = file.lastIndex(of: "/")
    else { return path }
    return file[...slash] + path
  }
}
