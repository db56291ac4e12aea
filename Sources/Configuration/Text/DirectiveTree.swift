/// What a conf file says, before anybody asks whether it makes sense: directives with arguments and
/// blocks. Reading never stops at an error: a forgotten `;`, `{` or `}` is reported where it should
/// stand, and reading goes on as if it stood there.
struct DirectiveUse {
  /// The first word.
  var name: Word
  /// The other words.
  var arguments: [Word]
  /// What stands in braces behind them.
  var block: DirectiveBlock?
}

/// What stands between braces.
struct DirectiveBlock {
  /// The directives in order.
  var directives: [DirectiveUse]
}

/// Reads one file into directives.
struct DirectiveTreeReader {
  private var lexer: Lexer
  private let reporter: DiagnosticReporter
  private var pending: Token?

  /// A reader of the reporter's source `file`.
  init(file: Int, reporter: DiagnosticReporter) {
    lexer = Lexer(file: file, reporter: reporter)
    self.reporter = reporter
  }

  /// All directives of the file.
  mutating func read() -> [DirectiveUse] {
    directives(depth: 0, open: nil)
  }

  private mutating func next() -> Token {
    if let token = pending {
      pending = nil
      return token
    }
    return lexer.next()
  }

  /// The directives up to the `}` that closes the block opened by `open`, or to the file's end.
  private mutating func directives(depth: Int, open: Place?) -> [DirectiveUse] {
    var result: [DirectiveUse] = []
    while true {
      switch next() {
      case .word(let name): result.append(directive(name, depth: depth))
      case .semicolon(let place): reporter.error(place, "unexpected \";\"", expected: "a directive")
      case .openBrace(let place):
        reporter.error(place, "unexpected \"{\"", expected: "a directive before it")
        skipBlock()
      case .closeBrace(let place):
        if open != nil { return result }
        reporter.error(place, "unexpected \"}\": no block is open here")
      case .end:
        if let open { reporter.error(open, "this block is not closed", expected: "\"}\"") }
        return result
      }
    }
  }

  private mutating func directive(_ name: Word, depth: Int) -> DirectiveUse {
    var use = DirectiveUse(name: name, arguments: [], block: nil)
    var last = name.place
    while true {
      let token = next()
      switch token {
      case .word(let word):
        guard word.startsLine, !word.isQuoted, DirectiveCatalog.looksLikeDirective(word.text) else {
          use.arguments.append(word)
          last = word.place
          continue
        }
        pending = token
        missingEnd(of: &use, behind: last, depth: depth)
        return use
      case .semicolon: return use
      case .openBrace(let open):
        use.block = block(depth: depth, open: open)
        return use
      case .closeBrace, .end:
        pending = token
        missingEnd(of: &use, behind: last, depth: depth)
        return use
      }
    }
  }

  /// A new directive, a `}` or the file's end has come where this one should have ended.
  private mutating func missingEnd(of use: inout DirectiveUse, behind last: Place, depth: Int) {
    if DirectiveCatalog.opensBlock(use.name.text, argumentCount: use.arguments.count) {
      reporter.error(last.end, "\"{\" is missing", expected: "\"{\"")
      if case .word? = pending { use.block = block(depth: depth, open: last.end) }
      if use.block == nil { use.block = DirectiveBlock(directives: []) }
    } else {
      reporter.error(
        last.end, "\";\" is missing at the end of \"\(use.name.text)\"", expected: "\";\"")
    }
  }

  private mutating func block(depth: Int, open: Place) -> DirectiveBlock {
    guard depth < ConfigurationLimits.blockDepth else {
      reporter.error(
        open, "blocks are nested more than \(ConfigurationLimits.blockDepth) deep")
      skipBlock()
      return DirectiveBlock(directives: [])
    }
    return DirectiveBlock(directives: directives(depth: depth + 1, open: open))
  }

  /// Passes over the rest of a block, whatever is in it.
  private mutating func skipBlock() {
    var depth = 1
    while depth > 0 {
      switch next() {
      case .openBrace: depth += 1
      case .closeBrace: depth -= 1
      case .end(let place):
        pending = .end(place)
        return
      case .word, .semicolon: continue
      }
    }
  }
}
