/// Splits a conf file into words and `{`, `}`, `;` by nginx's rules: white space separates, `#` at
/// the begin of a word starts a comment, quotes hold what would end a word, a backslash takes the
/// meaning from the next character, and the brace of `${name}` opens no block. Behind a closing
/// quote a `)` begins a word of its own: `if ($a = "b")`.
struct Lexer {
  private let bytes: [UInt8]
  private let file: Int
  private let reporter: DiagnosticReporter
  private var position: Int
  /// True until a token has been found on the current line.
  private var isLineStart = true

  /// A lexer at the begin of the reporter's source `file`.
  init(file: Int, reporter: DiagnosticReporter) {
    bytes = reporter.sources[file].bytes
    self.file = file
    self.reporter = reporter
    position = reporter.sources[file].text.startIndex
  }

  /// The next token; `.end` for ever behind the last one.
  mutating func next() -> Token {
    skipBlanksAndComments()
    guard position < bytes.count else { return .end(place(from: bytes.count)) }
    let startsLine = isLineStart
    isLineStart = false
    switch bytes[position] {
    case UInt8(ascii: ";"): return .semicolon(single())
    case UInt8(ascii: "{"): return .openBrace(single())
    case UInt8(ascii: "}"): return .closeBrace(single())
    case UInt8(ascii: "\""), UInt8(ascii: "'"): return .word(quotedWord(startsLine))
    default: return .word(plainWord(startsLine))
    }
  }

  private mutating func skipBlanksAndComments() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x0A:
        isLineStart = true
        position += 1
      case 0x20, 0x09, 0x0D: position += 1
      case UInt8(ascii: "#"):
        while position < bytes.count, bytes[position] != 0x0A { position += 1 }
      default: return
      }
    }
  }

  private mutating func single() -> Place {
    position += 1
    return Place(file: file, offset: position - 1, count: 1)
  }

  private func place(from start: Int) -> Place {
    Place(file: file, offset: start, count: position - start)
  }

  // MARK: Words

  private mutating func plainWord(_ startsLine: Bool) -> Word {
    let start = position
    var text: [UInt8] = []
    var isVerbatim = true
    var followsDollar = false
    while position < bytes.count, !endsPlainWord(followsDollar) {
      if bytes[position] == UInt8(ascii: "\\") {
        isVerbatim = false
        followsDollar = false
        appendEscaped(to: &text)
      } else {
        followsDollar = bytes[position] == UInt8(ascii: "$")
        text.append(bytes[position])
        position += 1
      }
    }
    return word(text, from: start, isQuoted: false, isVerbatim: isVerbatim, startsLine)
  }

  /// True at a byte that ends a word. A brace does not behind a `$` that no backslash stands
  /// before.
  private func endsPlainWord(_ followsDollar: Bool) -> Bool {
    switch bytes[position] {
    case 0x20, 0x09, 0x0D, 0x0A, UInt8(ascii: ";"): true
    case UInt8(ascii: "{"): !followsDollar
    default: false
    }
  }

  private mutating func quotedWord(_ startsLine: Bool) -> Word {
    let start = position
    let quote = bytes[position]
    position += 1
    var text: [UInt8] = []
    var isVerbatim = true
    while position < bytes.count, bytes[position] != quote {
      if bytes[position] == UInt8(ascii: "\\") {
        isVerbatim = false
        appendEscaped(to: &text)
      } else {
        text.append(bytes[position])
        position += 1
      }
    }
    if position >= bytes.count || !isEndOfQuoted(position + 1) {
      return brokenQuotedWord(start, quote: quote, startsLine)
    }
    position += 1
    return word(text, from: start, isQuoted: true, isVerbatim: isVerbatim, startsLine)
  }

  /// True when what stands behind a closing quote may stand there.
  private func isEndOfQuoted(_ offset: Int) -> Bool {
    guard offset < bytes.count else { return true }
    switch bytes[offset] {
    case 0x20, 0x09, 0x0D, 0x0A, UInt8(ascii: ";"), UInt8(ascii: "{"), UInt8(ascii: ")"):
      return true
    default: return false
    }
  }

  /// Reports a quote that is not closed, or not where it should be, and goes on behind its line, so
  /// that one forgotten quote does not hide the errors of all lines below.
  private mutating func brokenQuotedWord(_ start: Int, quote: UInt8, _ startsLine: Bool) -> Word {
    let name = String(UnicodeScalar(quote))
    var end = start + 1
    while end < bytes.count, bytes[end] != 0x0A, bytes[end] != quote {
      end += bytes[end] == UInt8(ascii: "\\") && end + 1 < bytes.count ? 2 : 1
    }
    if end < bytes.count, bytes[end] == quote {
      position = end + 1
      reporter.error(
        Place(file: file, offset: end + 1, count: 1), "text directly after the closing quote",
        expected: "whitespace or \";\"")
      let text = Array(bytes[(start + 1)..<end])
      return word(text, from: start, isQuoted: true, isVerbatim: false, startsLine)
    }
    reporter.error(
      Place(file: file, offset: start, count: 1), "the quote is not closed",
      expected: "a second \(name)")
    return recoveredWord(start, startsLine)
  }

  /// The rest of the line as a word; a `;` or `{` at its end keeps its meaning.
  private mutating func recoveredWord(_ start: Int, _ startsLine: Bool) -> Word {
    position = start + 1
    while position < bytes.count, bytes[position] != 0x0A { position += 1 }
    while position > start + 1, [0x20, 0x09, 0x0D].contains(bytes[position - 1]) { position -= 1 }
    let last = bytes[position - 1]
    if position > start + 1, last == UInt8(ascii: ";") || last == UInt8(ascii: "{") {
      position -= 1
    }
    let text = Array(bytes[(start + 1)..<max(start + 1, position)])
    return word(text, from: start, isQuoted: true, isVerbatim: false, startsLine)
  }

  /// A backslash and what follows: quotes and backslashes lose their meaning, `\t`, `\r`, `\n` are
  /// controls, and before anything else the backslash stays, as in nginx.
  private mutating func appendEscaped(to text: inout [UInt8]) {
    guard position + 1 < bytes.count else {
      text.append(bytes[position])
      position += 1
      return
    }
    switch bytes[position + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\"): text.append(bytes[position + 1])
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "n"): text.append(0x0A)
    default: text += [bytes[position], bytes[position + 1]]
    }
    position += 2
  }

  private func word(
    _ text: [UInt8], from start: Int, isQuoted: Bool, isVerbatim: Bool, _ startsLine: Bool
  ) -> Word {
    let place = place(from: start)
    if text.count > ConfigurationLimits.wordBytes {
      reporter.error(
        place.part(from: 0, count: 1),
        "the word is longer than \(ConfigurationLimits.wordBytes) bytes")
    }
    let raw = bytes[start..<position]
    if raw.contains(where: { $0 < 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D || $0 == 0x7F }) {
      reporter.error(place, "the word contains a control character")
    }
    let valid = String(validating: text, as: UTF8.self)
    if valid == nil { reporter.error(place, "the word is not valid UTF-8") }
    return Word(
      text: valid ?? String(decoding: text, as: UTF8.self), place: place, isQuoted: isQuoted,
      isVerbatim: isVerbatim, startsLine: startsLine)
  }
}

/// A word of a conf file.
struct Word {
  /// Its text, without quotes and backslashes.
  var text: String
  /// Where it stands, quotes included.
  var place: Place
  /// True when it stands in quotes.
  var isQuoted: Bool
  /// True when `text` is in the file as it is, so that offsets in it are offsets in the file.
  var isVerbatim: Bool
  /// True when it is the first word of its line.
  var startsLine: Bool

  /// Where a part of the text stands, as closely as can be said.
  func place(from offset: Int, count: Int) -> Place {
    guard isVerbatim else { return place }
    return place.part(from: offset + (isQuoted ? 1 : 0), count: count)
  }
}

/// What a conf file consists of.
enum Token {
  case word(Word)
  case openBrace(Place)
  case closeBrace(Place)
  case semicolon(Place)
  case end(Place)
}
